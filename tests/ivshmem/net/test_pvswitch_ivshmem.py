#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""pvswitch with guests over IVSHMEM, and with one over Xen beside them.

    region one: VLAN 10      +----------+
    region two: VLAN 10  ====| pvswitch |====  a Xen guest, VLAN 10
    region other: VLAN 20    +----------+
"""

import contextlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ivswire import KILL, LONG, Region  # noqa: E402 (adds tests/xen to the path)
import checks  # noqa: E402
from checks import expect  # noqa: E402
from peerorders import traffic  # noqa: E402
from switchkit import Switch, guest_of, worker  # noqa: E402
from test_pvswitch import quiet, total  # noqa: E402
from wire import Local  # noqa: E402

CORE0 = worker(0)


def mac(number):
    return f"02:00:00:00:0a:{number:02x}"


@contextlib.contextmanager
def regions(count):
    """Keepers of so many regions."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Region()) for _ in range(count)]


def port(region, number, vlan=10, words=""):
    """A port of the switch, as its command line says it."""
    return "--port", f"p{number},vlan={vlan}{words},device=ivshmem:{region.socket},mac={mac(number)}"


def guests(places, **options):
    """A guest in each region, connected."""
    peers = [region.guest(**options) for region in places]
    for peer in peers:
        peer.wait("link up")
    return peers


def test_vlans():
    """guests of one VLAN hear each other, whole frames of all sizes; another VLAN hears nothing"""
    with regions(3) as places:
        words = [word for number, place in enumerate(places)
                 for word in port(place, number, 20 if number == 2 else 10, ",mtu=9000")]
        switch = Switch(places[0], *words, worker=CORE0, spec="off")
        one, two, three = guests(places, args=("--mtu", 9000))
        expect([f"ready {mac(n).upper()}" in p.log for n, p in enumerate((one, two, three))],
               [True] * 3, "guests have their ports' addresses")
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
        expect({name: p["kind"] for name, p in switch.ports().items()},
               {"p0": "guest", "p1": "guest", "p2": "guest"}, "ports listed")
        expect(switch.stop(), 0, "exit code of pvswitch")


def test_come_and_go():
    """a guest is killed and another one comes: the port follows, the neighbour's stays"""
    with regions(2) as places:
        switch = Switch(places[0], *port(places[0], 0), *port(places[1], 1), worker=CORE0, spec="off")
        one, two = guests(places, devargs="zero_copy=1")
        for _ in range(10 if LONG else 3):
            traffic(one, two)
            one.kill()
            switch.wait("p0: the guest is gone, waiting for it")
            expect([p["up"] for p in switch.ports().values()], [False, True], "links")
            one = places[0].guest("zero_copy=1")
            one.wait("link up")
        traffic(one, two)
        expect("link down" in two.log, False, "the neighbour's link went down")
        expect(switch.stop(), 0, "exit code of pvswitch")


def test_policy():
    """frames from another address than the port's, and beyond its rate, are dropped and counted"""
    with regions(2) as places:
        switch = Switch(places[0], *port(places[0], 0), *port(places[1], 1, words=",rate=8M"),
                        worker=CORE0, spec="off")
        liar = places[0].guest(args=("--mac", "02:00:00:00:77:77"))
        fast = places[1].guest()
        for guest in (liar, fast):
            guest.wait("link up")
        liar.ask("send 500 60 1514", "sent 500")
        fast.ask("send 2000 1000 1000", "sent 2000")
        switch.wait_until(lambda: switch.drops().get("spoofed") == 500, "500 spoofed frames")
        switch.wait_until(lambda: switch.drops().get("rate", 0) > 1000, "1000 frames over the rate")


def test_restart():
    """pvswitch killed under load and started again: guests live on, traffic resumes"""
    with regions(2) as places:
        words = (*port(places[0], 0), *port(places[1], 1))
        switch = Switch(places[0], *words, worker=CORE0, spec="off")
        one, two = guests(places)
        for _ in range(10 if LONG else 3):
            quiet(one, two)
            two.order("expect 200")
            one.order("flood 60 1514")
            two.wait("received 200")
            switch.signal(KILL)
            switch.ended()
            for guest in (one, two):
                guest.wait("link down")
            switch = Switch(places[0], *words, worker=CORE0, spec="off")
            for guest in (one, two):
                guest.wait("link up")
            two.order("reset")
            two.order("expect 200")
            two.wait("received 200")
        expect(two.stats()["bad"], 0, "frames spoiled")
        for guest in (one, two):
            guest.stop()


def test_keeper_killed():
    """a region's keeper is killed and started again: its port comes back, the neighbour's stays"""
    with regions(2) as places:
        switch = Switch(places[0], *port(places[0], 0), *port(places[1], 1), worker=CORE0, spec="off")
        one, two = guests(places, devargs="zero_copy=1")
        for _ in range(10 if LONG else 2):
            traffic(one, two)
            places[0].keeper.kill()
            one.wait("link down")
            switch.wait(".*port p0: its region's keeper is gone: start it again.*")
            places[0].serve()
            switch.wait(".*port p0: its region's keeper is there again.*")
            one.wait("link up")
        traffic(one, two)
        expect("link down" in two.log, False, "the neighbour's link went down")
        expect(switch.stop(), 0, "exit code of pvswitch")


def test_both_wires():
    """a Xen guest and one over IVSHMEM are neighbours; a port is added and removed while it runs"""
    with Local() as xen, Region() as region:
        switch = Switch(xen, worker=CORE0)
        xen_guest = guest_of(xen, 1, vlan=10)
        xen_guest.wait("link up")
        for _ in range(2):
            switch.ctl("port", "add", "p0", "vlan=10",
                       f"device=ivshmem:{region.socket},mac={mac(0)}")
            guest = region.guest()
            guest.wait("link up")
            traffic(guest, xen_guest)
            switch.ctl("port", "remove", "p0")
            guest.wait("link down")
            guest.stop()
            guest.quit()
        expect(switch.stop(), 0, "exit code of pvswitch")


if __name__ == "__main__":
    checks.main([test_vlans, test_come_and_go, test_policy, test_restart, test_keeper_killed,
                 test_both_wires],
                timeout=200)
