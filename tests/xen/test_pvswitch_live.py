#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""pvswitch while it is being changed: two workers, ports that come and go, settings, reload, sleep.

    worker 1 on one core, worker 2 on the other, the main thread on either
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import CONT, LONG, STOP, Local  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import expect  # noqa: E402
from errors import KitError  # noqa: E402
from netends import ip  # noqa: E402
from peerorders import traffic  # noqa: E402
from switchkit import (Switch, Wire, address, device_name, guest_of, set_up,  # noqa: E402
                       worker)
from tagged import frame  # noqa: E402

TWO_WORKERS = "1@0,2@1"
KIND = 0x88B6  # nobody else's


def frames_of_workers(switch):
    return [one["frames"] for one in switch.ctl("show", "workers")["workers"]]


def flood_pairs(pairs):
    """Have each guest of a pair send to the other, all sizes, without end."""
    for one, other in pairs:
        for sender, to in ((one, other), (other, one)):
            sender[1].ask(f"to {address(to[0])}", "to .*")
            sender[1].load(60, 1514)


def settle(guests):
    """No more load; all that is under way has arrived."""
    for _, guest in guests:
        guest.order("idle")
    for _, guest in guests:
        last = -1
        while last != (last := guest.stats()["good"]):
            pass


def change(switch, turn, tap):
    """One of everything that can be changed, while frames pass."""
    switch.ctl("port", "add", "extra", "vlan=30", f"device=net_tap9,iface={tap}")
    switch.ctl("mirror", "xen1.0", "extra")
    switch.ctl("port", "set", "xen1.0", f"storm={1000 + turn}", f"learn={10 + turn % 5}")
    switch.ctl("port", "set", "xen2.0", f"isolated={'yes' if turn % 2 else 'no'}")
    switch.ctl("fdb", "flush")
    switch.ctl("port", "set", "extra", "vlan=31", f"rate={(turn % 3) * 100}M")
    switch.ctl("mirror", "xen1.0", "off")
    switch.ctl("port", "remove", "extra")


def test_changed_under_load():
    """two workers, two queues each: ports and settings change, frames stay whole, no mbuf is lost"""
    with Local() as xen:
        switch = Switch(xen, worker=TWO_WORKERS)
        guests = [(domid, guest_of(xen, domid, vlan=10, args=("--queues", 2)))
                  for domid in (1, 2, 3, 4)]
        for _, guest in guests:
            guest.wait("link up")
        flood_pairs(((guests[0], guests[1]), (guests[2], guests[3])))
        for turn in range(100 if LONG else 6):
            before = [guest.stats()["good"] for _, guest in guests]
            change(switch, turn, device_name("x"))
            for (_, guest), good in zip(guests, before):
                guest.wait_until(lambda g=guest, n=good: g.stats()["good"] > n,
                                 "frames that still come")
        expect(all(frames_of_workers(switch)), True, "both workers had frames")
        settle(guests)
        expect([guest.stats()["bad"] for _, guest in guests], [0] * 4, "frames spoiled")
        unforeseen = set(switch.drops()) - {"tx_full", "storm"}
        expect(unforeseen, set(), f"causes that should not be ({switch.drops()})")
        expect(switch.stop(), 0, "exit code of pvswitch")


def test_rebalance():
    """two busy queues that one worker has: the other gets one of them, under load"""
    with Local() as xen:
        switch = Switch(xen, worker=TWO_WORKERS)
        guests = []
        for domid in (1, 2, 3, 4):  # to workers 0, 1, 0, 1
            guests.append((domid, guest_of(xen, domid, vlan=10)))
            guests[-1][1].wait("link up")
        one, two, three, four = guests
        for sender, receiver in ((one, two), (three, four)):
            traffic(receiver[1], sender[1])  # now it is known
            sender[1].ask(f"to {address(receiver[0])}", "to .*")
            receiver[1].order("rx on")
            receiver[1].order("reset")
        busy = [f"xen{domid}.0" for domid, _ in (one, three)]
        for _, sender in (one, three):
            sender.order("flood 60 1514")
        switch.wait_until(lambda: {switch.ports()[port]["worker"] for port in busy} == {0, 1},
                          "the busy ports are with different workers")
        for _, receiver in (two, four):
            receiver.await_frames(2000)
        settle(guests)
        for _, receiver in (two, four):
            expect(receiver.stats()["bad"], 0, "frames spoiled")
        expect(switch.stop(), 0, "exit code of pvswitch")


def test_jumbo_burst():
    """more segments in a burst of a device than fit at once: all frames arrive, in order"""
    tap = device_name("j")
    with Local() as xen:
        switch = Switch(xen, "--port", f"j,vlan=10,device=net_tap0,iface={tap}",
                        worker=worker(0))
        guest = guest_of(xen, 1, vlan=10, mtu=9000, args=("--mtu", 9000, "--mbufs", 4095))
        guest.wait("link up")
        ip("link", "set", tap, "mtu", "9000")
        set_up(tap)
        wire = Wire(tap)
        guest.order("rx on")
        guest.order("reset")
        guest.stats()
        switch.signal(STOP)  # so that they are all there when it looks
        for number in range(30):
            wire.send(frame(address(1), "02:00:00:00:77:01", bytes([number]) * 8986, kind=KIND))
        switch.signal(CONT)
        guest.wait_until(lambda: guest.stats()["bad"] == 30, "30 frames, which are not its peer's")
        wire.close()
        expect(switch.stop(), 0, "exit code of pvswitch")


def refused(switch, *words):
    """Why pvswitch does not do it."""
    try:
        switch.ctl(*words)
    except KitError as error:
        return str(error)
    raise AssertionError(f"{words} was done")


def test_device_taken():
    """a device that is a port already does not become another, and goes on"""
    taps = [device_name(label) for label in "de"]
    with Local() as xen:
        switch = Switch(xen, *(word for number, name in enumerate(taps) for word in
                               ("--port", f"{name},vlan=10,device=net_tap{number},iface={name}")),
                        worker=worker(0))
        why = refused(switch, "port", "add", "again", f"device=net_tap0,iface={taps[0]}")
        expect(f"is port {taps[0]} already" in why, True, f"the reason ({why})")
        for name in taps:
            set_up(name)
        one, other = (Wire(name) for name in taps)
        expect(passes(one, other, "still"), True, "frames still pass")
        one.close()
        other.close()
        expect(switch.stop(), 0, "exit code of pvswitch")


def test_guest_policy():
    """what the toolstack allows is narrowed, not widened; a VLAN that is left is forgotten"""
    with Local() as xen:
        config = f"{xen.folder}/conf"
        write_config(config, ("guests", "mode = trunk", "vlans = 10-20"), ("guest 2.0", "rate = 1M"),
                     ("guest 3.0", "mode = access", "vlan = 10"))
        switch = Switch(xen, "--config", config, worker=worker(0))
        one, two = (guest_of(xen, domid, vlan=10) for domid in (1, 2))
        three = guest_of(xen, 3)
        for guest in (one, two, three):
            guest.wait("link up")
        settings = {name: port["settings"] for name, port in switch.ports().items()}
        expect({(words["mode"], words["vlan"]) for words in settings.values()}, {("access", "10")},
               "what the toolstack's VLAN makes of a trunk")
        expect("gave it VLAN 10" in refused(switch, "port", "set", "xen1.0", "vlan=11"), True,
               "another VLAN is refused")
        one.expect_frames(1)
        three.order("send 1 60 60")
        one.wait("received 1")
        expect([entry["port"] for entry in switch.ctl("show", "fdb")["addresses"]], ["xen3.0"],
               "what was learned")
        switch.ctl("port", "set", "xen3.0", "vlan=11")
        expect(switch.ctl("show", "fdb")["addresses"], [], "what is left of VLAN 10")
        two.order("flood 1000 1500")
        switch.wait_until(lambda: switch.drops().get("rate", 0) > 0, "frames over the rate")
        switch.ctl("port", "set", "xen2.0", "rate=0")
        switch.ctl("clear")
        one.await_frames(1000)
        expect(switch.drops().get("rate", 0), 0, "frames over a rate that is no more")
        expect(switch.stop(), 0, "exit code of pvswitch")


def write_config(path, *sections):
    with open(path, "w", encoding="ascii") as file:
        for name, *words in sections:
            file.write("\n".join([f"[{name}]", *words]) + "\n")


def passes(one, other, label):
    """Whether a frame gets from one wire to the other. Those that it waits for come in order."""
    data = frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:77:01", label.encode(), kind=KIND)
    one.send(data)
    try:
        other.receive(lambda seen: seen[:len(data)] == data, timeout=10)
        return True
    except TimeoutError:
        return False


def test_reload():
    """SIGHUP: a port of the file is added, one changed, one removed; a wrong file changes nothing"""
    taps = {label: device_name(label) for label in "abc"}
    ports = {label: (f"port {label}", f"device = net_tap{number},iface={name}")
             for number, (label, name) in enumerate(taps.items())}
    with Local() as xen:
        config = f"{xen.folder}/conf"
        write_config(config, (*ports["a"], "vlan = 10"), (*ports["b"], "vlan = 10"))
        switch = Switch(xen, "--config", config, worker=worker(0))
        one = guest_of(xen, 1)
        one.wait("link up")
        expect(set(switch.ports()), {"a", "b", "xen1.0"}, "ports")
        write_config(config, (*ports["a"], "vlan = 20"), (*ports["c"], "vlan = 20"),
                     ("guest 1.0", "vlan = 20"))
        switch.signal(1)
        switch.wait(r".*configuration read again.*")
        now = switch.ports()
        expect(set(now), {"a", "c", "xen1.0"}, "ports after the reload")
        expect({name: port["settings"]["vlan"] for name, port in now.items()},
               {"a": "20", "c": "20", "xen1.0": "20"}, "their VLANs")
        check_frames(taps, one)
        write_config(config, (*ports["a"], "vlan = 5000"))
        switch.signal(1)
        switch.wait(r".*reload: .*5000.*")
        expect(set(switch.ports()), {"a", "c", "xen1.0"}, "ports after a wrong file")
        expect(switch.stop(), 0, "exit code of pvswitch")


def check_frames(taps, guest):
    """The three ports there are now hear each other."""
    set_up(taps["a"])
    set_up(taps["c"])
    a, c = Wire(taps["a"]), Wire(taps["c"])
    expect(passes(a, c, "ac"), True, "a frame passes from a to c")
    expect(passes(c, a, "ca"), True, "a frame passes from c to a")
    guest.order("send 1 77 77")
    for wire in (a, c):
        expect(len(wire.receive(lambda seen: len(seen) == 77)), 77, "length of the guest's frame")
        wire.close()


def test_sleep():
    """sleep=yes: a worker with nothing to do needs no processor, and a frame wakes it in time"""
    taps = [device_name(label) for label in "ab"]
    ports = [word for number, name in enumerate(taps)
             for word in ("--port", f"{name},vlan=10,device=net_tap{number},iface={name}")]
    with Local() as xen:
        switch = Switch(xen, "--sleep", "yes", *ports, worker=worker(0))
        guests = [guest_of(xen, domid, vlan=10) for domid in (1, 2)]
        for guest in guests:
            guest.wait("link up")
        for name in taps:
            set_up(name)
        a, b = (Wire(name) for name in taps)
        expect(passes(a, b, "first"), True, "a frame passes")
        late = []
        before, begin = switch.cpu_seconds("rte-worker-1"), time.monotonic()
        for turn in range(5):
            time.sleep(1)  # it is idleness that is tested
            sent = time.monotonic()
            expect(passes(a, b, f"turn {turn}"), True, "a frame passes after idleness")
            late.append(1000 * (time.monotonic() - sent))
        share = (switch.cpu_seconds("rte-worker-1") - before) / (time.monotonic() - begin)
        print(f"  {100 * share:.1f} % of a processor; milliseconds after a second: "
              + ", ".join(f"{ms:.1f}" for ms in late))
        expect(share < 0.05, True, f"the idle worker needs {share:.3f} of a processor")
        # The machine may be late too; the switch alone would be so each time.
        expect(min(late) < 10, True, f"a frame after a second is there in 10 ms ({late})")
        a.close()
        b.close()
        expect(switch.stop(), 0, "exit code of pvswitch")


if __name__ == "__main__":
    checks.main([test_changed_under_load, test_rebalance, test_jumbo_burst, test_device_taken,
                 test_guest_policy, test_reload, test_sleep], timeout=200)
