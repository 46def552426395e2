#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""net_xenvirt and net_xenback against each other: frames, settings, life without accidents."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import Local  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from peerorders import exchange  # noqa: E402

COUNT = 9000  # more than any ring holds, and every size of 60..9018 once


def connected(xen, devargs="handle=0", front_args=(), back_args=(), **options):
    """A device of domain 1 and both its ends, connected."""
    xen.domain(1)
    xen.attach(1, **options)
    back = xen.back(1, args=back_args)
    front = xen.front(1, devargs, args=front_args)
    front.wait("link up")
    back.wait("link up")
    return front, back


def test_frames(zero_copy, mtu):
    """every frame size, both ways, content checked; every mbuf comes back"""
    with Local() as xen:
        args = ("--mtu", mtu)
        front, back = connected(xen, f"handle=0,zero_copy={zero_copy}", args, args, mtu=mtu)
        exchange(front, back, COUNT, 60, mtu + 18)
        exchange(back, front, COUNT, 60, mtu + 18)
        front.stop()
        back.stop()
        front.quit()
        back.quit()


def test_echo(zero_copy):
    """frames received are sent as they are: without a copy if the port is zero-copy"""
    with Local() as xen:
        front, back = connected(xen, f"handle=0,zero_copy={zero_copy}")
        front.order("rx echo")
        front.stats()
        for _ in range(10):  # fewer at a time than a ring holds: none may be dropped
            exchange(back, back, 100, 60, 1514)
        counters = front.counters()
        expect(counters.get("tx_q0_copied_packets", 0), 0, "frames copied")
        expect(counters["tx_q0_packets"], 1000, "frames sent back")
        front.stop()


def test_queues():
    """four queue pairs; and fewer in the guest than on the host"""
    with Local() as xen:
        front, back = connected(xen, front_args=("--queues", 4), back_args=("--queues", 4))
        exchange(front, back, 2000, 60, 1514, queues=4)
        exchange(back, front, 2000, 60, 1514, queues=4)
        front.quit()
        back.wait("link down")
        two = xen.front(1, args=("--queues", 2))
        two.wait("link up")
        exchange(two, back, 2000, 60, 1514, queues=2)
        exchange(back, two, 2000, 60, 1514, queues=4)


def test_pool_of_application():
    """an application may transmit from the shared pool: nothing is copied"""
    with Local() as xen:
        front, back = connected(xen, "handle=0,zero_copy=1", ("--tx-pool", "xenvirt_0_1"))
        exchange(front, back, 3000, 60, 1514)
        expect(front.counters().get("tx_q0_copied_packets", 0), 0, "frames copied")


def test_stop_start():
    """either port stopped and started again, 20 times: the other end needs nothing"""
    with Local() as xen:
        front, back = connected(xen)
        for turn in range(20):
            one, other = (front, back) if turn % 2 else (back, front)
            one.stop()
            other.wait("link down")
            one.ask("start", "started")
            other.wait("link up")
            one.wait_for_link()
            exchange(front, back, 300, 60, 1514)
            exchange(back, front, 300, 60, 1514)


def test_any_order():
    """the guest may come first; the link tells when there is somebody"""
    with Local() as xen:
        xen.domain(1)
        xen.attach(1)
        front = xen.front(1)
        back = xen.back(1)
        front.wait("link up")
        exchange(front, back, 300, 60, 1514)
        back.quit()
        front.wait("link down")


def test_policy_mac():
    """frames from another address than the device's are dropped and counted, unless allowed"""
    with Local() as xen:
        xen.domain(1)
        xen.attach(1)
        xen.attach(1, handle=1, mac_check="off")
        for handle, passed in ((0, 0), (1, 500)):
            back = xen.back(1, handle)
            front = xen.front(1, f"handle={handle}", args=("--mac", "02:00:00:00:77:77"))
            front.wait("link up")
            back.order("rx on")
            front.ask("send 500 60 1514", "sent 500")
            counters = back.wait_sum(("rx_q0_packets", "rx_q0_spoofed_errors"), 500)
            expect(counters.get("rx_q0_packets", 0), passed, "frames passed")
            back.quit()


def test_policy_rate():
    """no more than the rate passes; what is dropped is counted"""
    with Local() as xen:
        front, back = connected(xen, rate="8M")
        back.order("rx on")
        front.ask("send 2000 1000 1000", "sent 2000")
        good = back.wait_sum(("rx_q0_packets", "rx_q0_over_rate_errors"), 2000)["rx_q0_packets"]
        if not 60 <= good < 1000:  # the burst is 64 KiB; 8 Mbit/s are 1000 frames a second
            raise AssertionError(f"{good} frames of 1000 bytes passed")


def refused(xen, driver, devargs, domid, wanted):
    """A port that cannot be made: the program ends and its words say why."""
    peer = xen.peer(driver, devargs, domid, ready=False)
    if peer.ended() == 0:
        raise AssertionError(f"{devargs} was accepted")
    peer.wait(rf".*{wanted}.*")


def test_bad_input():
    """what cannot be is refused with its value, what is accepted and what to do"""
    with Local() as xen:
        xen.domain(1)
        refused(xen, "xenvirt", "handle=0", 1, "run: pvnctl xen attach")
        xen.attach(1)
        refused(xen, "xenvirt", "handle=x", 1, r"handle=x: expected a number in 0\.\.65535")
        refused(xen, "xenvirt", "zero_copy=2", 1, r"zero_copy=2: expected a number in 0\.\.1")
        refused(xen, "xenvirt", "pool_size=1", 1, r"pool_size=1: expected a number in 128\.\.")
        refused(xen, "xenvirt", "colour=red", 1, r"devargs 'colour=red.*expected some of handle=N")
        refused(xen, "xenback", "handle=0", 0, "expected frontend=DOMID")
        refused(xen, "xenback", "frontend=1,watch=1", 0, "expected frontend=DOMID")
        refused(xen, "xenback", "frontend=7", 0, "make the device with pvnctl xen attach")


def test_error_ends():
    """why a connection was refused is listed until there is one that is good"""
    with Local() as xen:
        xen.domain(1)
        xen.attach(1)
        back = xen.back(1)
        greedy = xen.front(1, "handle=0,zero_copy=1,pool_size=131072")  # more than a host maps
        greedy.wait(r".*closed the connection: pool-0/pages: expected .*")

        def listed():
            device, = json.loads(xen.pvnctl("-j", "xen", "list"))
            return device["back_state"], device["error"]

        expect(listed(), ("Closed", "pool-0/pages: expected a number in 1..65536"), "refused")
        greedy.quit()
        front = xen.front(1)
        front.wait("link up")
        back.wait("link up")
        expect(listed(), ("Connected", None), "connected")
        exchange(front, back, 300, 60, 1514)


def test_no_xen():
    """without Xen the message says so"""
    with Local() as xen:
        peer = xen.peer("xenvirt", "handle=0", 1, ready=False, spec="local:/nowhere/xen:1")
        if peer.ended() == 0:
            raise AssertionError("started without Xen")
        peer.wait(r".*no Xen: .*")


if __name__ == "__main__":
    checks.main([
        case(test_frames, zero_copy=0, mtu=1500), case(test_frames, zero_copy=1, mtu=1500),
        case(test_frames, zero_copy=0, mtu=9000), case(test_frames, zero_copy=1, mtu=9000),
        case(test_echo, zero_copy=0), case(test_echo, zero_copy=1), test_queues,
        test_pool_of_application, test_stop_start, test_any_order, test_policy_mac,
        test_policy_rate, test_bad_input, test_error_ends, test_no_xen], timeout=120)
