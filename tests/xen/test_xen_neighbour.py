#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A hostile guest storms its port: what its neighbour on the same back end notices of it.

    domain 1  [net_xenvirt] ---- [net_xenback]
               sends all it can      one lcore takes from both in turn (turns.c)
    domain 2  [storm.c] -------- [net_xenback]
               storms

Measured is how many frames of domain 1 a second of the back end's processor time is good for, all
its threads together: what the polling lcore takes for a frame, and which part of the processor time
goes to the control thread instead. Storms and quiet take turns, in one process. In quiet the hostile
guest is connected and idle, and works as much for itself: so what is compared is what the back end
has of it, and not what is left of the machine.

Frames that policy refuses are another thing than a storm: to refuse one costs about what it costs to
take one, so there it is the turns that must be equal.

PVN_LONG=1: longer, and frames of 1500 bytes too.
"""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import BUILD, LONG, Local, Program  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402

ROUNDS = 15 if LONG else 5
MORE_ROUNDS = 20  # when other work on the machine has spoiled the numbers
WINDOW_MS = 500 if LONG else 250
FILL_US = {64: 200, 1500: 3000}  # what the honest guest takes to fill its ring
FRAMES_MIN = 5000  # of a window in which the honest guest was running
SIZES = (64, 1500) if LONG else (64,)
MOST_DROP = 0.10
LEAST_SHARE = 0.30
LINES_AT_ONCE = 32  # and one a second
MOST_GROWTH_KB = 1024


class Turns(Program):
    """The back end's process."""

    def window(self):
        """What it counted for WINDOW_MS."""
        words = self.ask(f"window {WINDOW_MS}", r"window (.*)")[1].split()
        return {name: int(value) for name, value in (word.split("=") for word in words)}

    def resident_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

    def lines(self):
        """How many lines the driver has written."""
        ours = ("window ", "link ", "ready")
        return sum(not line.startswith(ours) for line in self.log.splitlines())


class Storm(Program):
    """The hostile guest."""

    def quiet(self):
        """End the storm; how much it did."""
        return int(self.ask("quiet", r"quiet (\d+)")[1])


def control_part(window):
    """Which part of the processor time was not the polling lcore's."""
    return (window["process"] - window["lcore"]) / window["process"]


def frames_per_s(window):
    """Frames of port 0 per second of the process's processor time, if there are always some."""
    frames, ns = (("shared", "shared_ns") if window["shared"] else ("frames", "ns"))
    return window[frames] * 1e9 / window[ns] * (1 - control_part(window))


class Neighbours:
    """Both guests and their back end, connected; the honest one sends frames of `size`."""

    def __init__(self, xen, size):
        for domid in (1, 2):
            xen.domain(domid)
            xen.attach(domid)
        devices = [f"net_xenback{i},frontend={i + 1},xen=local:{xen.socket}:0" for i in (0, 1)]
        self.back = xen.add(Turns([
            f"{BUILD}/tests/xen/turns", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
            f"--file-prefix=pvn{os.getpid()}n", "--lcores", "0@0-1,1@0",
            "-d", "librte_net_xenback.so", "--vdev", devices[0], "--vdev", devices[1],
            "--", str(FILL_US[size])],
            env=xen.environment()))
        self.back.wait("ready")
        self.honest = xen.front(1, args=("--ring", 1024))
        self.back.wait("link 0 up")
        self.storm = xen.add(Storm([f"{BUILD}/tests/xen/storm", f"local:{xen.socket}:2", "0"]))
        self.storm.wait("connected")
        for program in (self.storm, xen.server):  # not where the polling lcore is
            os.sched_setaffinity(program.process.pid, {1})
        self.back.wait("link 1 up")
        self.honest.order(f"flood {size} {size}")
        self.total = {}
        self.storm_did = 0

    def window(self):
        """Frames per second of processor time in a window with runs enough."""
        window = self.back.window()
        while window["frames"] < FRAMES_MIN:
            window = self.back.window()
        for name, value in window.items():
            self.total[name] = self.total.get(name, 0) + value
        return window

    def round(self, kind, results):
        """One window of quiet and one of the storm."""
        for when, what in (("quiet", "busy"), ("storm", kind)):
            self.storm.order(what)
            results[when].append(self.window())
            did = self.storm.quiet()
        self.storm_did += did

    def rounds(self, kind, enough):
        """Both kinds of windows in turn, and more of them if the result is not good."""
        results = {"quiet": [], "storm": []}
        for _ in range(ROUNDS):
            self.round(kind, results)
        while not enough(results) and len(results["quiet"]) < ROUNDS + MORE_ROUNDS:
            self.round(kind, results)
        return results


def ratio(results):
    """Median of what is left under the storm, in parts of what there is without."""
    quiet, storm = (statistics.median(map(frames_per_s, results[when]))
                    for when in ("quiet", "storm"))
    return storm / quiet


def show(what, results):
    for when, windows in results.items():
        rates = [frames_per_s(window) / 1e6 for window in windows]
        control = statistics.median(map(control_part, windows))
        print(f"  {what}, {when:5}: {statistics.median(rates):6.2f} M frames per second of processor"
              f" time ({min(rates):.2f}..{max(rates):.2f}, {len(rates)} windows), control thread"
              f" {100 * control:.2f} %")
    print(f"  {what}: {100 * (ratio(results) - 1):+.1f} %", flush=True)


def nothing_else_is_harmed(near):
    """What must not come of a storm, whatever it is."""
    expect([near.total[name] for name in ("bad", "lost", "other", "unfair")], [0, 0, 0, 0],
           "frames spoiled, frames lost, frames of the hostile guest, turns it had too many")
    expect("link 0 down" in near.back.log, False, "the honest port's link went down")
    near.honest.check_alive()
    near.honest.stop()


def storm_case(kind, size, enough):
    """A storm of a kind, and what it costs."""
    with Local() as xen:
        begin = time.monotonic()
        near = Neighbours(xen, size)
        near.round(kind, {"quiet": [], "storm": []})  # touches all pages, fills caches
        resident, near.storm_did = near.back.resident_kb(), 0
        results = near.rounds(kind, enough)
        grown, lines = near.back.resident_kb() - resident, near.back.lines()
        show(f"{kind}, {size} B", results)
        print(f"  the storm did {near.storm_did} things; memory of the back end {grown:+} KB,"
              f" {lines} lines")
        nothing_else_is_harmed(near)
        if grown > MOST_GROWTH_KB:
            raise AssertionError(f"memory grew by {grown} KB")
        if lines > 2 * LINES_AT_ONCE + time.monotonic() - begin:  # a bound for each port
            raise AssertionError(f"{lines} lines were written")
        if not enough(results):
            raise AssertionError(f"{100 * ratio(results):.1f} % are left to the neighbour")


def test_storm(kind, size):
    """the neighbour of a storm loses less than 10 %"""
    storm_case(kind, size, lambda results: ratio(results) > 1 - MOST_DROP)


def test_refused(size):
    """frames that policy refuses take turns with the neighbour's, not more"""
    storm_case("refused", size, lambda results: ratio(results) > LEAST_SHARE)


if __name__ == "__main__":
    checks.main([case(test_storm, kind=kind, size=size)
                 for size in SIZES for kind in ("flap", "garbage", "events", "breaks")] +
                [case(test_refused, size=size) for size in SIZES], timeout=120)
