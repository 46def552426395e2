#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""pvswitch: frames of guests by VLAN and address, an uplink of the kernel's, restart.

    guest 1, 2: VLAN 10      +----------+
    guest 3: VLAN 20     ====| pvswitch |---- tap or veth, tagged or not
                             +----------+
"""

import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import BUILD, KILL, LONG, Local  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import expect  # noqa: E402
from netends import Namespace, ip  # noqa: E402
from peerorders import traffic  # noqa: E402
from switchkit import (Switch, Wire, address, device_name, guest_of, set_up,  # noqa: E402
                       worker)
from tagged import frame, raw, tag_of  # noqa: E402

CORE0 = worker(0)
NOBODY = 65534


def quiet(*peers):
    for peer in peers:
        peer.rest()
        peer.order("rx on")
        peer.order("reset")
    for peer in peers:
        peer.stats()  # that it says so means that it has done the rest


def total(peer):
    stats = peer.stats()
    return stats["good"] + stats["bad"]


def test_vlans():
    """guests of one VLAN hear each other, whole frames of all sizes; another VLAN hears nothing"""
    with Local() as xen:
        switch = Switch(xen, worker=CORE0)
        one, two = (guest_of(xen, domid, vlan=10, mtu=9000, args=("--mtu", 9000))
                    for domid in (1, 2))
        three = guest_of(xen, 3, "handle=0,zero_copy=1", vlan=20, mtu=9000, args=("--mtu", 9000))
        for guest in (one, two, three):
            guest.wait("link up")
        quiet(three)
        traffic(one, two)
        for sender, receiver in ((one, two), (two, one)):
            quiet(sender, receiver)
            receiver.order("expect 500")
            sender.order("flood 60 9018")
            receiver.wait("received 500")
            sender.order("idle")
            expect(receiver.stats()["bad"], 0, "frames spoiled")
        expect(total(three), 0, "frames that the other VLAN heard")
        expect(switch.stop(), 0, "exit code of pvswitch")


def test_learning():
    """an address that was heard gets its frames alone: a third port hears none of them"""
    tap = device_name("l")
    with Local() as xen:
        Switch(xen, "--port", f"third,vlan=10,device=net_tap0,iface={tap}", worker=CORE0)
        set_up(tap)
        one, two = (guest_of(xen, domid, vlan=10) for domid in (1, 2))
        for guest in (one, two):
            guest.wait("link up")
        traffic(two, one)  # now guest 2 is known
        quiet(one, two)
        wire = Wire(tap)
        one.ask(f"to {address(2)}", "to .*")
        two.order("expect 300")
        one.order("flood 60 1514")
        two.wait("received 300")
        one.order("idle")
        one.ask("to ff:ff:ff:ff:ff:ff", "to .*")
        one.order("send 1 99 99")  # the last that the third port hears
        heard = []
        wire.receive(lambda data: heard.append(data[:6]) or len(data) == 99)
        wire.close()
        expect(raw(address(2)) in heard, False,
               "a frame to guest 2 was heard")


def from_guest(domid):
    def wanted(data):
        return data[6:12] == raw(address(domid))
    return wanted


def test_uplink():
    """a trunk: tagged for guests of two VLANs, untagged for the native one, priority kept"""
    tap = device_name("u")
    with Local() as xen:
        Switch(xen, "--port", f"up,mode=trunk,vlans=10-20,native=1,device=net_tap0,iface={tap}",
               worker=CORE0)
        set_up(tap)
        wire = Wire(tap)
        guests = {vlan: guest_of(xen, number, vlan=vlan)
                  for number, vlan in ((1, 1), (2, 10), (3, 20), (4, 30))}
        for guest in guests.values():
            guest.wait("link up")
            quiet(guest)
        for vlan, domid, tag in ((1, 1, None), (10, 2, (10, 0)), (20, 3, (20, 0))):
            guests[vlan].order("send 1 60 60")
            heard = wire.receive(from_guest(domid))
            expect(tag_of(heard), tag, f"tag of a frame of VLAN {vlan}")
            expect(len(heard), 60 + (0 if tag is None else 4), "its length")
        check_into(wire, guests)
        wire.close()


def check_into(wire, guests):
    """Frames from the uplink reach the guest of their VLAN, without tag, and no other."""
    there = "02:00:00:00:99:00"
    for vlan, domid, tag in ((1, 1, None), (10, 2, 10), (20, 3, 20)):
        for guest in guests.values():
            quiet(guest)
        wire.send(frame(address(domid), there, vlan=tag, priority=5))
        deadline = time.monotonic() + 30
        while total(guests[vlan]) == 0 and time.monotonic() < deadline:
            pass
        expect({name: total(guest) for name, guest in guests.items()},
               {name: int(name == vlan) for name in guests}, f"who heard a frame of VLAN {vlan}")


def test_kernel_tcp():
    """two namespaces behind taps of one VLAN, a third of another: TCP, and no way across"""
    names = {label: device_name(label) for label in "abc"}
    with Local() as xen, Namespace("a") as a, Namespace("b") as b, Namespace("c") as c:
        ports = [word for number, (label, name) in enumerate(names.items())
                 for word in ("--port", f"{label},vlan={20 if label == 'c' else 10},"
                                        f"device=net_tap{number},iface={name}")]
        switch = Switch(xen, *ports, worker=CORE0)
        for number, (space, label) in enumerate(((a, "a"), (b, "b"), (c, "c")), 1):
            ip("link", "set", names[label], "netns", space.name)
            ip("-n", space.name, "address", "add", f"10.9.0.{number}/24", "dev", names[label])
            ip("-n", space.name, "link", "set", names[label], "up")
        a.check("ping -c 3 -i 0.1 -W 10 10.9.0.2")
        server = b.start("iperf3 -s -1 -J")
        b.check("sh -c \"until ss -ltn | grep -q :5201; do :; done\"")
        a.check(f"iperf3 -c 10.9.0.2 -n {'100M' if LONG else '10M'}", timeout=120)
        server.wait(30)
        expect(c.run("ping -c 1 -W 1 10.9.0.1")[0], 1, "exit code of a ping between VLANs")
        expect(switch.stop(), 0, "exit code of pvswitch")


def test_without_root():
    """another user runs it, with what is that user's to use, and root still commands it"""
    with Local() as xen:
        program = shutil.copy(f"{BUILD}/bin/pvswitch", xen.folder)
        for path in (xen.folder, xen.socket):
            os.chown(path, NOBODY, NOBODY)
        switch = Switch(xen, worker=CORE0, program=program, user=NOBODY, group=NOBODY,
                        extra_groups=[])
        expect(os.stat(f"/proc/{switch.process.pid}").st_uid, NOBODY, "user of pvswitch")
        one, two = (guest_of(xen, domid, vlan=10) for domid in (1, 2))
        for guest in (one, two):
            guest.wait("link up")
        traffic(one, two)
        expect(sorted(switch.ports()), ["xen1.0", "xen2.0"], "ports that root is shown")
        expect(switch.stop(), 0, "exit code of pvswitch")


def test_restart():
    """pvswitch killed under load and started again: guests live on, traffic resumes within 2 s"""
    with Local() as xen:
        switch = Switch(xen, worker=CORE0)
        one, two = (guest_of(xen, domid, vlan=10) for domid in (1, 2))
        for guest in (one, two):
            guest.wait("link up")
        for turn in range(20 if LONG else 3):
            quiet(one, two)
            two.order("expect 200")
            one.order("flood 60 1514")
            two.wait("received 200")
            switch.signal(KILL)
            switch.ended()
            for guest in (one, two):
                guest.wait("link down")
            switch = Switch(xen, worker=CORE0)
            begin = time.monotonic()
            for guest in (one, two):
                guest.wait("link up")
            two.order("reset")
            two.order("expect 200")
            two.wait("received 200")
            took = time.monotonic() - begin
            expect(took < 2, True, f"turn {turn}: seconds until traffic resumed ({took:.2f})")
        expect(two.stats()["bad"], 0, "frames spoiled")
        for guest in (one, two):
            guest.stop()


if __name__ == "__main__":
    checks.main([test_vlans, test_learning, test_uplink, test_kernel_tcp, test_without_root,
                 test_restart], timeout=200)
