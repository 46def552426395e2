#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""./run bench ivshmem: net_ivshmem and links between two processes against DPDK's own ways, in one run.

As ./run bench xen, with the same peers and cases; what it costs to wake a receiver that sleeps; and
pointer mode against plain rings and memif.
"""

import argparse
import os
import re
import statistics
import sys

from ports import BUILD, ROOT, Ivshmem
from xen import eal_memory, floor, run_cases, save

import children
import ivshmem_link
from wire import Program

OURS = [Ivshmem("ivshmem, copying guest", 0), Ivshmem("ivshmem, zero-copy guest", 1)]
WAKES = 2000
REST_US = 500


def wake_side(region, name, core, memory, devargs, *args):
    """One side of a wake-up: bench/wake on a core."""
    program = Program([
        f"{BUILD}/bench/wake", *memory, "--no-pci", "--no-telemetry", "--log-level=4",
        f"--file-prefix=wake{os.getpid()}{name}", "--lcores", f"0@{core}",
        "-d", "librte_net_ivshmem.so", "--vdev", f"net_ivshmem0,{devargs}",
        "--", *map(str, args)], env=os.environ | {"LD_LIBRARY_PATH": f"{BUILD}/pmds"})
    region.add(program)
    program.wait("started")
    return program


def wake(memory, sleeper):
    """p50 and p99 in microseconds of one round: a frame to a side that sleeps, and back."""
    sys.path.insert(0, f"{ROOT}/tests/ivshmem/net")
    from ivswire import Region  # only with the build there
    roles = {side: ("sleep",) if side == sleeper else ("ping", WAKES, REST_US)
             for side in ("host", "guest")}
    with Region() as region:
        host = wake_side(region, "host", 0, memory, f"host={region.socket},mac_check=0",
                         *roles["host"])
        guest = wake_side(region, "guest", 1, memory, f"path={region.socket}", *roles["guest"])
        said = (guest if sleeper == "host" else host).wait(r"rtt (\d+) (\d+) \d+", timeout=60)
        return int(said[1]) / 1000, int(said[2]) / 1000


def bench_wake(options, memory):
    """Medians of all rounds, for either sleeper."""
    result = {}
    for sleeper in ("guest", "host"):
        rounds = [wake(memory, sleeper) for _ in range(options.rounds)]
        p50, p99 = (statistics.median(values) for values in zip(*rounds))
        result[sleeper] = {"p50_us": p50, "p99_us": p99, "rounds": rounds}
        print(f"\nwake-up by doorbell, {sleeper} asleep: a frame there and back"
              f"\n  {'':28} p50 {p50:7.1f} us   p99 {p99:7.1f} us", flush=True)
    return result


def main():
    children.leave_with_statements_on_signals()
    parser = argparse.ArgumentParser(prog="./run bench ivshmem", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=int, default=1000, help="milliseconds of each measurement")
    parser.add_argument("--case", help="only cases whose name matches this; 'wake' and 'pointers' are two")
    parser.add_argument("--rival", help="only rivals whose name holds this")
    options = parser.parse_args()
    os.nice(-20)  # whatever else the machine does shall not take turns with what is measured
    memory, memory_text = eal_memory()

    def wanted(name):
        return re.search(options.case or "", name)

    results = run_cases(OURS, options, wanted, memory)
    floors = floor(options)
    wakes = bench_wake(options, memory) if wanted("wake") else None
    links = (ivshmem_link.bench(options.window / 1000, options.rounds, memory)
             if wanted("pointers") else None)
    save("ivshmem", memory_text, results=results, floor_mpps=floors, wake=wakes, pointers=links)


if __name__ == "__main__":
    main()
