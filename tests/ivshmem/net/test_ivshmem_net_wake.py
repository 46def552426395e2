#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Receive interrupts by doorbell: an end sleeps for each frame, and no frame waits for it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ivswire import BUILD, LONG, MAC, Program, Region  # noqa: E402 (adds tests/xen to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402

COUNT = 20000 if LONG else 2000


def program(region, name, core, devargs, *args):
    """A bench/wake on net_ivshmem."""
    return region.add(Program([
        f"{BUILD}/bench/wake", "--no-huge", "-m", "64", "--no-pci", "--no-telemetry",
        "--log-level=4", f"--file-prefix=wake{os.getpid()}{name}", "--lcores", f"0@{core}",
        "-d", "librte_net_ivshmem.so", "--vdev", f"net_ivshmem0,{devargs}", "--", *map(str, args)],
        env=region.environment()))


def test_wake(sleeper, vectors, rest_us):
    """frames one at a time to an end that sleeps in between; each comes back"""
    with Region(vectors=vectors) as region:
        args = {end: ("sleep",) if end == sleeper else ("ping", COUNT, rest_us)
                for end in ("host", "guest")}
        host = program(region, "host", 0, f"host={region.socket},mac={MAC},mac_check=0",
                       *args["host"])
        host.wait("started")
        guest = program(region, "guest", 1, f"path={region.socket}", *args["guest"])
        asleep, other = (host, guest) if sleeper == "host" else (guest, host)
        rtt = other.wait(r"(rtt|lost) .*", timeout=100)[0]
        print(f"  {rtt} ns (p50, p99, max)")
        expect(rtt.split()[0], "rtt", "frames that came back in time")
        asleep.process.stdin.close()
        slept = int(asleep.wait(r"slept (\d+)")[1])
        if rest_us and slept < COUNT // 2:
            raise AssertionError(f"woken {slept} times by {COUNT} frames")


def test_wake_again(sleeper, vectors):
    """one that slept while its keeper was killed is woken by doorbells of the next keeper's, too"""
    devargs = {"host": "host={},mac=" + MAC + ",mac_check=0", "guest": "path={}"}
    pinger = "guest" if sleeper == "host" else "host"
    with Region(vectors=vectors) as region:
        def start(end, *args):
            one = program(region, end, ("host", "guest").index(end),
                          devargs[end].format(region.socket), *args)
            one.wait("started")
            return one

        def ping():
            said = start(pinger, "ping", COUNT // 4, 200).wait(r"(rtt|lost) .*", timeout=100)[0]
            print(f"  {said} ns (p50, p99, max)")
            expect(said.split()[0], "rtt", "frames that came back in time")

        # A guest's end needs a host to be made.
        first = start("host", *(("sleep",) if sleeper == "host" else ("ping", COUNT // 4, 200)))
        asleep = first if sleeper == "host" else start("guest", "sleep")
        if sleeper == "host":
            ping()
        else:
            first.wait("rtt .*")
        for _ in range(2):
            region.keeper.kill()
            region.serve()
            keeper = region.keeper
            keeper.wait_until(lambda keeper=keeper: keeper.ask("who", r"clients (\d+)")[1] == "1",
                              "the sleeper comes back")
            ping()
        asleep.process.stdin.close()
        slept = int(asleep.wait(r"slept (\d+)")[1])
        if slept < 3 * COUNT // 8:
            raise AssertionError(f"woken {slept} times by {3 * COUNT // 4} frames")


if __name__ == "__main__":
    checks.main([*(case(test_wake_again, sleeper=sleeper, vectors=vectors)
                   for sleeper in ("guest", "host") for vectors in (1, 2)),
                 *(case(test_wake, sleeper=sleeper, vectors=vectors, rest_us=rest_us)
                   for sleeper in ("guest", "host")
                   for vectors, rest_us in ((1, 200), (2, 200), (2, 0)))], timeout=120)
