#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports that come and go: net_xenback with watch=1 in an unmodified testpmd, and hot plug."""

import glob
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import ROOT, Local, Program  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import expect  # noqa: E402
from errors import Missing  # noqa: E402
from peerorders import traffic  # noqa: E402


DEVICES = 28  # EAL has room for 32 ports


class Testpmd(Program):
    """Stock testpmd at its prompt."""

    def __init__(self, xen, *eal):
        found = sorted(glob.glob(f"{ROOT}/deps/dpdk-dev/*/usr/bin/dpdk-testpmd"))
        if not found:
            raise Missing("testpmd is missing: ./run setup")
        super().__init__(
            ["stdbuf", "-oL", found[-1], "--no-huge", "-m", "128", "--no-pci", "--no-telemetry", "--log-level=5",
             f"--file-prefix=pvn{os.getpid()}t", "--lcores", "0@0-1,1@0",
             "-d", "librte_net_xenback.so", "-d", "librte_net_xenvirt.so", *eal,
             "--", "-i", "--total-num-mbufs=4096"],
            env=xen.environment())

    def ports(self):
        """Names of the ports there are."""
        self.order("show port summary all")
        count = int(self.wait(r".*Number of available ports: (\d+)")[1])
        return [self.wait(r"\d+ +\S+ +(\S+) .*")[1] for _ in range(count)]

    def wait_for_ports(self, wanted):
        """Ask until these are the ports."""
        self.wait_until(lambda: sorted(self.ports()) == sorted(wanted), f"ports {wanted}")


def test_watch():
    """a port for each device: there at once, made later, taken away, given again"""
    with Local() as xen:
        for domid in (1, 2):
            xen.domain(domid)
        xen.attach(1)
        pmd = xen.add(Testpmd(xen, "--vdev", f"net_xenback,watch=1,xen=local:{xen.socket}:0"))
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
        pmd = xen.add(Testpmd(xen))
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
        pmd = xen.add(Testpmd(xen))
        for _ in range(5):
            pmd.order(f"port attach net_xenvirt0,handle=0,xen=local:{xen.socket}:1")
            pmd.wait(r".*Port 0 is attached.*")
            for order in ("port start 0", "set fwd mac", "start"):
                pmd.order(order)
            back.wait("link up")
            back.order("rx on")
            back.order("flood 60 1514")
            back.await_frames(500)
            back.order("idle")
            for order in ("stop", "port stop 0", "port detach 0"):
                pmd.order(order)
            back.wait("link down")
            pmd.wait_for_ports([])
        pmd.order("quit")
        expect(pmd.ended(), 0, "exit code of testpmd")
        front = xen.front(1)
        front.wait("link up")
        traffic(front, back)


if __name__ == "__main__":
    checks.main([test_watch, test_there_at_start, test_watch_plugged, test_hot_plug], timeout=90)
