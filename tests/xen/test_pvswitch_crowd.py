#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""pvswitch and 300 guests' ports: they appear, exchange frames in their VLANs, and vanish.

    crowd: 10 domains with 30 devices each, the n-th of each in VLAN 100 + n
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import BUILD, LONG, Local, Program  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import expect  # noqa: E402
from switchkit import Switch, worker  # noqa: E402

DOMAINS, HANDLES = 10, 30
COUNT = DOMAINS * HANDLES
CROWD = f"{BUILD}/tests/xen/crowd"


def crowd(xen):
    """The guests' ends, all in one process; everything but the devices is there already."""
    xen.count += 1
    program = xen.add(Program(
        [CROWD, "--no-huge", "-m", "64", "--no-pci", "--no-telemetry", "--log-level=5",
         f"--file-prefix={xen.prefix()}", "--lcores", "0@0-1", "--", xen.socket, str(DOMAINS),
         str(HANDLES)], env=xen.environment()))
    program.wait(f"ready {COUNT}")
    return program


class Clock:
    """Says what took how long."""

    def __init__(self):
        self.since = time.monotonic()

    def lap(self, what, at_most):
        now = time.monotonic()
        took, self.since = now - self.since, now
        print(f"  {what}: {took:.2f} s", flush=True)
        expect(took < at_most, True, f"{what}: {took:.2f} s, less than {at_most}")


def test_crowd():
    """300 ports: all appear, exchange frames in their VLANs only, and vanish"""
    with Local() as xen:
        switch = Switch(xen, worker=worker(0))
        empty = switch.memory_kb()
        for domid in range(1, DOMAINS + 1):
            xen.domain(domid)
        guests = crowd(xen)
        clock = Clock()
        guests.ask("attach", "attached")
        clock.lap(f"{COUNT} devices attached", 30)
        switch.wait_until(lambda: len(switch.ports()) == COUNT, f"{COUNT} ports")
        clock.lap("ports there after the last was attached", 10)
        guests.ask("connect", f"connected {COUNT}")
        clock.lap("all connected", 30)
        check_rest(switch, empty)
        clock.since = time.monotonic()
        for frames in (3, 200) if LONG else (3,):
            wanted = COUNT * (DOMAINS - 1) + COUNT * frames
            said = guests.ask(f"exchange {frames}", r"exchanged (.*)", timeout=60)[1]
            expect(said, f"good={wanted} bad=0 foreign=0", "frames that came")
        clock.lap("frames exchanged", 60)
        expect(sum(switch.drops().values()), 0, f"frames dropped ({switch.drops()})")
        clock.since = time.monotonic()
        guests.ask("detach", "detached")
        switch.wait_until(lambda: not switch.ports(), "no port")
        clock.lap("all gone", 30)
        expect(switch.stop(), 0, "exit code of pvswitch")


def check_rest(switch, empty):
    """What the ports cost when nothing happens."""
    expect(all(port["up"] for port in switch.ports().values()), True, "all are up")
    before = switch.cpu_seconds("pvswitch-xen")
    begin = time.monotonic()
    while time.monotonic() < begin + 4:
        switch.ports()
    share = (switch.cpu_seconds("pvswitch-xen") - before) / (time.monotonic() - begin)
    print(f"  the hub's thread at rest: {100 * share:.1f} % of a processor")
    expect(share < 0.25, True, f"the hub's thread at rest needs {share:.2f} of a processor")
    each = (switch.memory_kb() - empty) / COUNT
    print(f"  memory: {each:.0f} KiB for each port, pages of its guest among them")


if __name__ == "__main__":
    checks.main([test_crowd], timeout=200)
