# SPDX-License-Identifier: BSD-3-Clause
"""Ports of a wire, any wire, that are plugged in and out while programs run."""

import glob
import os

from wire import BUILD, ROOT, Program
from checks import expect
from errors import Missing

OFFLOADS = f"{BUILD}/tests/xen/offloads"


class Testpmd(Program):
    """Stock testpmd at its prompt. `place` is where it takes part: it has an environment()."""

    def __init__(self, place, drivers, *eal):
        found = sorted(glob.glob(f"{ROOT}/deps/dpdk-dev/*/usr/bin/dpdk-testpmd"))
        if not found:
            raise Missing("testpmd is missing: ./run setup")
        super().__init__(
            ["stdbuf", "-oL", found[-1], "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
             "--log-level=5", f"--file-prefix=pvn{os.getpid()}t", "--lcores", "0@0-1,1@0",
             *(word for driver in drivers for word in ("-d", f"librte_net_{driver}.so")), *eal,
             "--", "-i", "--total-num-mbufs=4096"],
            env=place.environment())

    def ports(self):
        """Names of the ports there are."""
        self.order("show port summary all")
        count = int(self.wait(r".*Number of available ports: (\d+)")[1])
        return [self.wait(r"\d+ +\S+ +(\S+) .*")[1] for _ in range(count)]

    def wait_for_ports(self, wanted):
        """Ask until these are the ports."""
        self.wait_until(lambda: sorted(self.ports()) == sorted(wanted), f"ports {wanted}")


def plug_in(pmd, devargs):
    """testpmd gets its only port and sends back what comes."""
    pmd.order(f"port attach {devargs}")
    pmd.wait(r".*Port 0 is attached.*")
    for order in ("port start 0", "set fwd mac", "start"):
        pmd.order(order)


def plug_out(pmd):
    """And loses it."""
    for order in ("stop", "port stop 0", "port detach 0"):
        pmd.order(order)


def hot_plug(pmd, other, devargs, turns=5):
    """testpmd adds a port while it runs, uses it, and removes it, again and again; the other end stays.
    It is a peer, or what starts one when the first port is there; the peer is returned."""
    for _ in range(turns):
        plug_in(pmd, devargs)
        if callable(other):
            other = other()
        other.wait("link up")
        other.order("rx on")
        other.order("flood 60 1514")
        other.await_frames(500)
        other.order("idle")
        plug_out(pmd)
        other.wait("link down")
        pmd.wait_for_ports([])
    pmd.order("quit")
    expect(pmd.ended(), 0, "exit code of testpmd")
    return other


def offloads(place, drivers, host, guest):
    """What the ends of a port leave each other to do; see offloads.c."""
    program = place.add(Program([
        OFFLOADS, "--no-huge", "-m", "256", "--no-pci", "--no-telemetry", "--log-level=4",
        f"--file-prefix=pvn{os.getpid()}o", "--lcores", "0@0-1",
        *(word for driver in drivers for word in ("-d", f"librte_net_{driver}.so")),
        "--", host, guest], env=place.environment()))
    program.drain()
    expect(program.ended(), 0, f"exit code of offloads, which said:\n{program.log[-2000:]}\n")
