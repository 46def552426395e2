#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""pvswitch's mirror ports: what passes through a port is in the capture once, with its own tags.

    guest 1: VLAN 10 ----+          +---- capture of guest 1: untagged
    guest 2: VLAN 10 ----| pvswitch |
    uplink: VLANs 10-20 -+          +---- capture of the uplink: tagged
"""

import collections
import os
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import LONG, Local  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import expect  # noqa: E402
from switchkit import (Switch, Wire, address, device_name, guest_of, set_up,  # noqa: E402
                       worker)
from tagged import frame, raw, tag_of  # noqa: E402

FRAMES = 2000 if LONG else 100
THERE = "02:00:00:00:99:00"  # behind the uplink
PCAP = struct.Struct("<IHHiIII")
RECORD = struct.Struct("<IIII")
MAGICS = (0xA1B2C3D4, 0xA1B23C4D)  # microseconds, nanoseconds


def frames_of(path):
    """All frames of a capture, whole."""
    with open(path, "rb") as file:
        data = file.read()
    expect(PCAP.unpack_from(data)[0] in MAGICS, True, "a capture of this machine's byte order")
    at, frames = PCAP.size, []
    while at < len(data):
        _, _, kept, length = RECORD.unpack_from(data, at)
        expect(kept, length, "bytes of a frame that were kept")
        at += RECORD.size
        frames.append(data[at:at + kept])
        at += kept
    return frames


def judged_by_tshark(path):
    """(source, VLAN, priority) of each frame, by Wireshark's eyes; None where it is not there."""
    if shutil.which("tshark") is None:
        print("  tshark is not there: tags are judged by this test alone")
        return None
    done = subprocess.run(
        ["tshark", "-n", "-r", path, "-T", "fields", "-e", "eth.src", "-e", "vlan.id",
         "-e", "vlan.priority"], capture_output=True, text=True, timeout=100, check=True)
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def judged_here(frames):
    """The same in the same words."""
    tags = [tag_of(data) or ("", "") for data in frames]
    return [(data[6:12].hex(":"), str(vlan), str(priority))
            for data, (vlan, priority) in zip(frames, tags)]


def start(xen, tap, captures):
    return Switch(
        xen, "--port", f"up,mode=trunk,vlans=10-20,mirror=capture1,device=net_tap0,iface={tap}",
        "--port", f"capture0,mode=off,device=net_pcap0,tx_pcap={captures[0]}",
        "--port", f"capture1,mode=off,device=net_pcap1,tx_pcap={captures[1]}", worker=worker(0))


def expect_each_once(frames, source, how_often, what):
    """`how_often` frames of this source, no two alike."""
    counts = collections.Counter(data for data in frames if data[6:12] == raw(source))
    expect(sum(counts.values()), how_often, f"frames {what}")
    expect(set(counts.values()), {1}, f"how often each frame {what} is there")


def send_all(one, two):
    """Each to the other, not faster than they can be taken."""
    for sender, receiver, domid in ((one, two, 2), (two, one, 1)):
        sender.ask(f"to {address(domid)}", "to .*")
        for _ in range(FRAMES // 50):
            receiver.expect_frames(50)
            sender.order("send 50 60 1514")
            receiver.wait("received 50")


def tagged_frames(count):
    return [frame(address(1), THERE, struct.pack("!I", number), vlan=10, priority=number % 8)
            for number in range(count)]


def test_mirror():
    """frames in and out of a guest and of a trunk are captured once each; tshark judges the tags"""
    tap = device_name("m")
    with Local() as xen:
        captures = [f"{xen.folder}/capture{number}" for number in range(2)]
        switch = start(xen, tap, captures)
        set_up(tap)
        wire = Wire(tap)
        one, two = (guest_of(xen, domid, vlan=10) for domid in (1, 2))
        for guest in (one, two):
            guest.wait("link up")
        for sender, receiver in ((one, two), (two, one)):  # both are known from here on
            receiver.expect_frames(1)
            sender.order("send 1 60 60")
            receiver.wait("received 1")
        switch.ctl("mirror", "xen1.0", "capture0")
        switch.ctl("clear")
        send_all(one, two)
        for data in tagged_frames(8):
            wire.send(data)
        one.ask(f"to {THERE}", "to .*")
        one.order("send 8 60 1514")
        for _ in range(8):
            wire.receive(lambda data: data[:6] == raw(THERE) and data[6:12] == raw(address(1)))
        seen = switch.ctl("show", "ports", "xen1.0")["ports"][0]["counts"]
        switch.wait_until(lambda: switch.ports()["xen1.0"]["counts"]["tx_frames"] == FRAMES + 8,
                          "frames to guest 1")
        expect(seen["frames"], FRAMES + 8, "frames of guest 1")
        expect(switch.drops(), {}, "frames dropped")
        wire.close()
        expect(switch.stop(), 0, "exit code of pvswitch")
        check_guest(captures[0])
        check_uplink(captures[1])


def check_guest(path):
    """All frames that guest 1 sent and got, as on its own wire: untagged."""
    frames = frames_of(path)
    expect_each_once(frames, address(1), FRAMES + 8, "of guest 1")
    expect_each_once(frames, address(2), FRAMES, "of guest 2")
    expect_each_once(frames, THERE, 8, "from the uplink")
    expect({tag_of(data) for data in frames}, {None}, "tags on the guest's side")
    judge(path, frames)


def check_uplink(path):
    """Frames between guest 1 and the uplink, tagged; the priority is the sender's."""
    frames = frames_of(path)
    there = [data for data in frames if data[6:12] == raw(THERE)]
    expect(there, tagged_frames(8), "frames from the uplink")
    back = [data for data in frames if data[:6] == raw(THERE)]
    expect_each_once(back, address(1), 8, "to the uplink")
    expect({tag_of(data) for data in back}, {(10, 0)}, "their tags")
    judge(path, frames)


def judge(path, frames):
    verdict = judged_by_tshark(path)
    if verdict is not None:
        expect(verdict, judged_here(frames), f"what tshark says of {os.path.basename(path)}")


def test_watcher_watched():
    """a mirror port that is mirrored itself, to the port it watches: no frame goes round"""
    with Local() as xen:
        captures = [f"{xen.folder}/capture{number}" for number in range(2)]
        switch = start(xen, device_name("w"), captures)
        switch.ctl("port", "set", "capture1", "mirror=up")
        one, two = (guest_of(xen, domid, vlan=10) for domid in (1, 2))
        for guest in (one, two):
            guest.wait("link up")
        switch.ctl("mirror", "xen1.0", "xen2.0")
        switch.ctl("mirror", "xen2.0", "xen1.0")
        for guest in (one, two):
            guest.order("rx on")
        two.expect_frames(2)  # the frame, and what came in at guest 1
        one.order("send 1 60 60")
        two.wait("received 2")
        ports = switch.ports()
        # Guest 1 gets what went out to guest 2: a copy, which is not watched again.
        expect({name: ports[name]["counts"]["tx_frames"] for name in ("xen1.0", "xen2.0")},
               {"xen1.0": 1, "xen2.0": 2}, "frames out")
        expect(switch.stop(), 0, "exit code of pvswitch")


if __name__ == "__main__":
    checks.main([test_mirror, test_watcher_watched], timeout=200)
