#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports that come and go: net_xenback with watch=1 in an unmodified testpmd, and hot plug."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import Local  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from peerorders import traffic  # noqa: E402
from plugged import Testpmd, hot_plug, offloads  # noqa: E402

DRIVERS = ("xenback", "xenvirt")
DEVICES = 28  # EAL has room for 32 ports


def test_watch():
    """a port for each device: there at once, made later, taken away, given again"""
    with Local() as xen:
        for domid in (1, 2):
            xen.domain(domid)
        xen.attach(1)
        pmd = xen.add(Testpmd(xen, DRIVERS, "--vdev", f"net_xenback,watch=1,xen=local:{xen.socket}:0"))
        pmd.wait_for_ports(["net_xenback_1_0"])
        xen.attach(2)
        xen.attach(2, handle=3)
        pmd.wait_for_ports(["net_xenback_1_0", "net_xenback_2_0", "net_xenback_2_3"])
        xen.pvnctl("xen", "detach", 2, "--handle=3")
        pmd.wait_for_ports(["net_xenback_1_0", "net_xenback_2_0"])
        for turn in range(5):
            xen.pvnctl("xen", "detach", 1, "--handle=0", "--force")
            xen.attach(1, mac=f"02:00:00:00:00:{turn:02x}")
        pmd.wait_for_ports(["net_xenback_1_0", "net_xenback_2_0"])
        pmd.order("quit")
        expect(pmd.ended(), 0, "exit code of testpmd")


def test_there_at_start():
    """devices that exist already have their ports when rte_eal_init() returns, as any other"""
    with Local() as xen:
        xen.domain(1)
        for handle in range(DEVICES):
            xen.attach(1, handle=handle)
        back = xen.peer("xenback", "watch=1", 0, ready=False)
        expect(back.wait(r"ports (\d+)")[1], str(DEVICES), "ports at the start")
        back.wait("ready .*")
        front = xen.front(1, "handle=0")
        front.wait("link up")
        traffic(front, back)
        back.quit()


def test_watch_plugged():
    """the watch itself added by hot plug: ports of devices that exist, and of later ones"""
    with Local() as xen:
        xen.domain(1)
        xen.attach(1)
        pmd = xen.add(Testpmd(xen, DRIVERS))
        pmd.order(f"port attach net_xenback,watch=1,xen=local:{xen.socket}:0")
        pmd.wait(r".*Port 0 is attached.*")
        xen.attach(1, handle=7)
        pmd.wait_for_ports(["net_xenback_1_0", "net_xenback_1_7"])
        pmd.order("quit")
        expect(pmd.ended(), 0, "exit code of testpmd")


def test_hot_plug():
    """testpmd adds a front end's port while it runs, uses it, and removes it, five times"""
    with Local() as xen:
        xen.domain(1)
        xen.attach(1)
        back = xen.back(1)
        hot_plug(xen.add(Testpmd(xen, DRIVERS)), back,
                 f"net_xenvirt0,handle=0,xen=local:{xen.socket}:1")
        front = xen.front(1)
        front.wait("link up")
        traffic(front, back)


def test_offloads(zero_copy):
    """checksums and segmentation: left to an end that takes them, done for one that does not"""
    with Local() as xen:
        xen.domain(1)
        xen.attach(1, mac="02:50:56:4e:00:01")
        offloads(xen, DRIVERS, f"net_xenback0,frontend=1,handle=0,xen=local:{xen.socket}:0",
                 f"net_xenvirt0,handle=0,zero_copy={zero_copy},xen=local:{xen.socket}:1")


if __name__ == "__main__":
    checks.main([test_watch, test_there_at_start, test_watch_plugged, test_hot_plug,
                 case(test_offloads, zero_copy=0), case(test_offloads, zero_copy=1)], timeout=90)
