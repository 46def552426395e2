#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""net_ivshmem, both ends over a keeper: frames, settings, life without accidents."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ivswire import CONT, MAC, STOP, Region  # noqa: E402 (adds tests/xen to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from peerorders import exchange, traffic  # noqa: E402
from plugged import Testpmd, hot_plug, offloads  # noqa: E402

DRIVERS = ("ivshmem",)
COUNT = 9000  # more than any ring holds, and every size of 60..9018 once


def connected(region, devargs="zero_copy=0", guest_args=(), host_args=(), host=f"mac={MAC}"):
    """Both ends, connected."""
    back = region.host(host, args=host_args)
    front = region.guest(devargs, args=guest_args)
    front.wait("link up")
    back.wait("link up")
    return front, back


def test_frames(zero_copy, mtu):
    """every frame size, both ways, content checked; every mbuf comes back"""
    with Region() as region:
        args = ("--mtu", mtu)
        front, back = connected(region, f"zero_copy={zero_copy}", args, args, f"mac={MAC},mtu={mtu}")
        exchange(front, back, COUNT, 60, mtu + 18)
        exchange(back, front, COUNT, 60, mtu + 18)
        front.stop()
        back.stop()
        front.quit()
        back.quit()


def test_echo(zero_copy):
    """frames received are sent as they are: without a copy if the port is zero-copy"""
    with Region() as region:
        front, back = connected(region, f"zero_copy={zero_copy}")
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
    with Region() as region:
        front, back = connected(region, guest_args=("--queues", 4), host_args=("--queues", 4))
        exchange(front, back, 2000, 60, 1514, queues=4)
        exchange(back, front, 2000, 60, 1514, queues=4)
        front.quit()
        back.wait("link down")
        two = region.guest(args=("--queues", 2))
        two.wait("link up")
        exchange(two, back, 2000, 60, 1514, queues=2)
        exchange(back, two, 2000, 60, 1514, queues=4)


def test_pool_of_application():
    """an application may transmit from the shared pool: nothing is copied"""
    with Region() as region:
        front, back = connected(region, "zero_copy=1", ("--tx-pool", "ivshmem_0"))
        exchange(front, back, 3000, 60, 1514)
        expect(front.counters().get("tx_q0_copied_packets", 0), 0, "frames copied")


def test_stop_start():
    """either port stopped and started again, 20 times: the other end needs nothing"""
    with Region() as region:
        front, back = connected(region)
        for turn in range(20):
            one, other = (front, back) if turn % 2 else (back, front)
            one.stop()
            other.wait("link down")
            one.ask("start", "started")
            other.wait("link up")
            one.wait_for_link()
            exchange(front, back, 300, 60, 1514)
            exchange(back, front, 300, 60, 1514)


def test_restart_ends():
    """either application ends and starts again; the other one stays"""
    with Region() as region:
        front, back = connected(region)
        for _ in range(3):
            back.quit()
            front.wait("link down")
            back = region.host()
            front.wait("link up")
            exchange(front, back, 300, 60, 1514)
            front.quit()
            back.wait("link down")
            front = region.guest()
            back.wait("link up")
            exchange(back, front, 300, 60, 1514)


def test_policy_mac():
    """frames from another address than the port's are dropped and counted, unless allowed"""
    for check, passed in ((1, 0), (0, 500)):
        with Region() as region:
            front, back = connected(region, guest_args=("--mac", "02:00:00:00:77:77"),
                                    host=f"mac={MAC},mac_check={check}")
            back.order("rx on")
            front.ask("send 500 60 1514", "sent 500")
            counters = back.wait_sum(("rx_q0_packets", "rx_q0_spoofed_errors"), 500)
            expect(counters.get("rx_q0_packets", 0), passed, "frames passed")


def test_policy_rate():
    """no more than the rate passes; what is dropped is counted"""
    with Region() as region:
        front, back = connected(region, host=f"mac={MAC},rate=8M")
        back.order("rx on")
        front.ask("send 2000 1000 1000", "sent 2000")
        good = back.wait_sum(("rx_q0_packets", "rx_q0_over_rate_errors"), 2000)["rx_q0_packets"]
        if not 60 <= good < 1000:  # the burst is 64 KiB; 8 Mbit/s are 1000 frames a second
            raise AssertionError(f"{good} frames of 1000 bytes passed")


def test_two_ports():
    """two ports of one region, found by name; the host's place is given once"""
    with Region() as region:
        back = region.host(f"mac={MAC},room=4M,port=b",
                           more=(f"net_ivshmem1,host={region.socket},port=a",))
        second = region.peer(f"host={region.socket},port=c", ready=False)
        if second.ended() == 0:
            raise AssertionError("the host's place was given twice")
        front = region.guest("port=b")
        front.wait("link up")
        exchange(front, back, 300, 60, 1514)


def test_own_server():
    """the host's application serves the region itself; when it ends the guest's port has no future"""
    with Region(size=0) as region:
        back = region.peer(f"serve={region.socket},size=16M,mac={MAC}")
        front = region.guest()
        front.wait("link up")
        exchange(front, back, 300, 60, 1514)
        exchange(back, front, 300, 60, 1514)
        back.kill()
        front.wait("link down")
        front.wait("removed")
        front.stop()
        front.quit()


def test_plain_file():
    """a file is enough: ends are seen by their pages"""
    with Region(size=0) as region:
        path = f"{region.folder}/plain"
        with open(path, "wb") as file:
            file.truncate(16 << 20)
        back = region.host(path=f"file:{path}")
        front = region.guest(path=f"file:{path}")
        front.wait("link up")
        exchange(front, back, 300, 60, 1514)
        back.quit()
        front.wait("link down")
        back = region.host(path=f"file:{path}")
        front.wait("link up")
        exchange(front, back, 300, 60, 1514)
        front.signal(STOP)  # nothing tells of it but its heartbeat
        back.wait("link down")
        front.signal(CONT)
        back.wait("link up")
        front.wait_for_link()
        traffic(front, back)
        front.kill()
        back.wait("link down")
        back.stop()


def test_hot_plug():
    """testpmd adds a guest's port while it runs, uses it, and removes it, again and again"""
    with Region() as region:
        back = region.host(f"mac={MAC},mac_check=0")
        hot_plug(region.add(Testpmd(region, DRIVERS)), back, f"net_ivshmem0,path={region.socket}")
        front = region.guest()
        front.wait("link up")
        traffic(front, back)


def test_hot_plug_host():
    """the same with the host's port; the guest stays"""
    with Region() as region:
        front = hot_plug(region.add(Testpmd(region, DRIVERS)), region.guest,
                         f"net_ivshmem0,host={region.socket},mac={MAC}")
        back = region.host()
        front.wait("link up")
        traffic(front, back)


def test_offloads(zero_copy):
    """checksums and segmentation: left to an end that takes them, done for one that does not"""
    with Region(size=0) as region:
        offloads(region, DRIVERS,
                 f"net_ivshmem0,serve={region.socket},size=16M,mac=02:50:56:4e:00:01",
                 f"net_ivshmem1,path={region.socket},zero_copy={zero_copy}")


def refused(region, devargs, wanted, args=()):
    """A port that cannot be made: the program ends and its words say why."""
    peer = region.peer(devargs, args, ready=False)
    if peer.ended() == 0:
        raise AssertionError(f"{devargs} was accepted")
    peer.wait(rf".*{wanted}.*")


def test_bad_input():
    """what cannot be is refused with its value, what is accepted and what to do"""
    with Region(size=1 << 20) as region:
        guest, host = f"path={region.socket}", f"host={region.socket}"
        refused(region, guest, "no host is there: start the host's end first")
        refused(region, f"{guest},zero_copy=2", r"zero_copy=2: expected a number in 0\.\.1")
        refused(region, f"{guest},pool_size=1", r"pool_size=1: expected a number in 128\.\.")
        refused(region, f"{guest},colour=red", "devargs 'path=.*colour=red': expected, in a guest")
        refused(region, f"{guest},{host}", "expected, in a guest")
        refused(region, "serve=/x", "expected, in a guest")
        refused(region, f"{host},mac=1", "mac=1: expected a MAC address")
        refused(region, f"{host},rate=fast", "rate=fast: expected a number, with K, M or G")
        refused(region, f"{host},room=1K", "room for a port: 1024 bytes, expected 65536")
        refused(region, f"{host},room=8M", "expected 65536")
        refused(region, f"path={region.folder}/nobody", "no server is there")
        back = region.host()
        refused(region, f"{guest},port=none", "the host has no such net port")
        refused(region, f"{guest},zero_copy=1,pool_size=4096", "are needed: take fewer")
        front = region.guest(args=("--ring", 1024))
        front.wait(".*are needed: take fewer queues.*")
        back.quit()


if __name__ == "__main__":
    checks.main([
        case(test_frames, zero_copy=0, mtu=1500), case(test_frames, zero_copy=1, mtu=1500),
        case(test_frames, zero_copy=0, mtu=9000), case(test_frames, zero_copy=1, mtu=9000),
        case(test_echo, zero_copy=0), case(test_echo, zero_copy=1), test_queues,
        test_pool_of_application, test_stop_start, test_restart_ends, test_policy_mac,
        test_policy_rate, test_two_ports, test_own_server, test_plain_file, test_hot_plug, test_hot_plug_host,
        case(test_offloads, zero_copy=0), case(test_offloads, zero_copy=1), test_bad_input],
        timeout=120)
