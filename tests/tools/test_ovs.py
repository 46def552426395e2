#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Guests of Xen and of IVSHMEM on a bridge of Open vSwitch with DPDK.

    portpeer, net_xenvirt --- net_xenback --+
    portpeer, net_xenvirt --- net_xenback --+-- br0 in Open vSwitch
    portpeer, net_ivshmem --- net_ivshmem --+

Xen is `local`, the implementation without a hypervisor; guests are processes. Frames are counted by
who sends and who receives, and by Open vSwitch.
"""

import contextlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/../ivshmem/net"]

from ovs import Ovs  # noqa: E402 (adds tests/xen and tests/vm to the path)
from ivswire import Region  # noqa: E402
from wire import LONG, Local  # noqa: E402
import checks  # noqa: E402
from checks import expect  # noqa: E402

AT_ONCE = 100  # fewer than a ring holds: the switch drops what a guest is too slow for
TURNS = 100 if LONG else 10


class Guest:
    """A guest's end, its port in the switch, and how it is started again."""

    def __init__(self, name, start):
        self.name, self.start_peer = name, start
        self.start()

    def start(self):
        self.peer = self.start_peer()
        self.mac = self.peer.wait(r"ready (\S+)")[1]
        self.peer.wait("link up")


@contextlib.contextmanager
def bridge():
    """The switch and its guests: of Xen, of Xen, of IVSHMEM."""
    with Local() as xen, Region() as region, Ovs(["xenback", "ivshmem"]) as ovs:
        for domid in (1, 2):
            xen.domain(domid)
            xen.attach(domid)
            ovs.add_port(f"xen{domid}", f"net_xenback{domid},frontend={domid},handle=0,"
                                        f"xen=local:{xen.socket}:0")
        ovs.add_port("ivs", f"net_ivshmem0,host={region.socket}")
        guests = [Guest("xen1", lambda: xen.front(1, ready=False)),
                  Guest("xen2", lambda: xen.front(2, ready=False)),
                  Guest("ivs", lambda: region.guest(ready=False))]
        for guest in guests:
            ovs.wait_for(guest.name, "error", "[]")
            ovs.wait_for(guest.name, "link_state", "up")
        yield ovs, guests


def send(one, other, turns=TURNS):
    """Frames from guest to guest: all of them, whole and in order."""
    for _ in range(turns):
        other.peer.expect_frames(AT_ONCE)
        one.peer.ask(f"send {AT_ONCE} 60 1514", f"sent {AT_ONCE}")
        other.peer.wait(f"received {AT_ONCE}")
        stats = other.peer.stats()
        expect((stats["good"], stats["bad"], stats["gaps"]), (AT_ONCE, 0, 0),
               f"frames good, bad and missing, {one.name} to {other.name}")


def learn(guests):
    """A frame to all from each, which all others get: the switch knows who is where."""
    for one in guests:
        others = [other for other in guests if other is not one]
        for other in others:
            other.peer.expect_frames(AT_ONCE)
        one.peer.ask(f"send {AT_ONCE} 60 60", f"sent {AT_ONCE}")
        for other in others:
            other.peer.wait(f"received {AT_ONCE}")


def test_forward():
    """each guest sends to all, then to each other one alone: all arrives, whole, nowhere else"""
    with bridge() as (ovs, guests):
        learn(guests)
        table = ovs.ask("fdb/show", "br0")
        for guest in guests:
            expect(guest.mac.lower() in table, True, f"{guest.mac} in the table of addresses:\n{table}")
        before = {guest.name: ovs.statistics(guest.name) for guest in guests}
        expect(sorted(before), ["ivs", "xen1", "xen2"], "ports")
        for one in guests:
            for other in guests:
                if other is not one:
                    third = next(g for g in guests if g not in (one, other))
                    third.peer.expect_frames(1)
                    one.peer.ask(f"to {other.mac}", f"to {other.mac}")
                    send(one, other)
                    expect(third.peer.stats()["good"], 0, f"frames that {third.name} saw")
                    print(f"  {one.name} to {other.name}: {TURNS * AT_ONCE} frames")
        frames = (1 + 1 * 2 * TURNS) * AT_ONCE  # its own to all, and to two others
        for guest in guests:
            ovs.wait_for_statistics(guest.name, rx_packets=frames, rx_dropped=0,
                                    tx_packets=frames + AT_ONCE, ovs_tx_failure_drops=0)


def test_guest_comes_back():
    """a guest is killed: its link goes down, the others go on; the next one is connected by itself"""
    with bridge() as (ovs, guests):
        for victim in (guests[0], guests[2]):
            others = [guest for guest in guests if guest is not victim]
            victim.peer.kill()
            ovs.wait_for(victim.name, "link_state", "down")
            send(*others, turns=1)
            victim.start()
            ovs.wait_for(victim.name, "link_state", "up")
            send(victim, others[0], turns=1)
            send(others[0], victim, turns=1)


def test_policy():
    """a guest that takes another one's address is stopped at its port, and that is counted there"""
    with Local() as xen, Ovs(["xenback"]) as ovs:
        for domid in (1, 2):
            xen.domain(domid)
            xen.attach(domid)
            ovs.add_port(f"xen{domid}", f"net_xenback{domid},frontend={domid},handle=0,"
                                        f"xen=local:{xen.socket}:0")
        thief, other = xen.front(1, args=("--mac", "02:00:00:00:77:77")), xen.front(2)
        for peer in thief, other:
            peer.wait("link up")
        other.expect_frames(1)
        thief.ask(f"send {AT_ONCE} 60 1514", f"sent {AT_ONCE}")
        ovs.wait_for_statistics("xen1", rx_q0_spoofed_errors=AT_ONCE, rx_packets=0)
        expect(other.stats()["good"], 0, "frames that came through")


def again(ovs, guest):
    """The guest's port is removed and added while the guest runs; it sees both."""
    devargs = ovs.get(guest.name, "options:dpdk-devargs")
    ovs.ctl("del-port", "br0", guest.name)
    guest.peer.wait("link down")
    ovs.add_port(guest.name, devargs)
    guest.peer.wait("link up")
    ovs.wait_for(guest.name, "link_state", "up")


def test_remove():
    """a port is removed and added under its guest; IVSHMEM's starts anew, as its address is another one"""
    with bridge() as (ovs, (xen, other, ivs)):
        again(ovs, xen)
        send(xen, other, turns=1)
        send(other, xen, turns=1)
        again(ovs, ivs)
        ivs.peer.ask(f"send {AT_ONCE} 60 1514", f"sent {AT_ONCE}")
        ovs.wait_for_statistics("ivs", rx_q0_spoofed_errors=AT_ONCE, rx_packets=0)
        ivs.peer.quit()
        ivs.start()
        send(ivs, other, turns=1)
        send(other, ivs, turns=1)


def test_mac():
    """with mac= in the devargs of net_ivshmem Open vSwitch finds no port: the page says so"""
    with Region() as region, Ovs(["ivshmem"]) as ovs:
        said = ovs.add_port("ivs", f"net_ivshmem0,host={region.socket},mac=02:00:00:00:00:01")
        expect("Error attaching device" in said, True, f"'Error attaching device' in: {said}")


if __name__ == "__main__":
    checks.main([test_forward, test_guest_comes_back, test_policy, test_remove, test_mac],
                timeout=180)
