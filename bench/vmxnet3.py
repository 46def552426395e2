#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""./run bench vmxnet3: our driver and DPDK's net_vmxnet3 on the same device in software.

Only the burst calls are timed; the device and the application do their work in between. Each run is a
process of its own, the drivers take turns, and ratios are of runs next to each other. Instructions
are counted by callgrind, which knows no AVX-512. Cases by data rings are of device version 3, all
others of version 1, where net_vmxnet3 transmits by a data ring too.
"""

import argparse
import contextlib
import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile

from ports import BUILD
from xen import save

import children
from errors import KitError

PROGRAM = f"{BUILD}/bench/vmxnet3/vmxnet3"
OURS = "net_pvn_vmxnet3"
# case, what it is, targets: cycles with warm caches, with dirtied ones, instructions
CASES = [
    ("rx-64", "receive 64 B", 0.40, 0.60, 0.25),
    ("rx-1500", "receive 1514 B", 0.40, 0.60, 0.25),
    ("rx-4k", "receive 4 KiB in two buffers", 0.60, 0.60, None),
    ("rx-64-data", "receive 64 B, by the data ring", 0.50, 0.60, 0.40),
    ("tx-64-fast", "transmit 64 B, fast free", 0.30, 0.60, 0.25),
    ("tx-64", "transmit 64 B", 0.50, 0.60, 0.25),
    ("tx-3", "transmit three segments", 0.60, 0.60, None),
    ("tx-64-data", "transmit 64 B, by the data ring", 0.50, 0.60, 0.40),
    ("tx-64-fast-data", "transmit 64 B, by the data ring, fast free", 0.50, 0.60, 0.40),
    ("forward-64", "forward 64 B", 0.80, 0.80, None),
    ("forward-64-data", "forward 64 B, by data rings", 0.80, 0.80, None),
]
RINGS = (512, 4096)
BURSTS = (1, 8, 32, 64)
MOST = 0.80  # in no combination more
CALLS = {False: 40000, True: 1500}  # by whether caches are dirtied
CALLS_COUNTED = 2000
HUGE_PAGES = 160  # of 2 MiB: the program takes 256 MiB, and 64 MiB are left free
HUGE = "PVN_DEVICE_HUGE"  # tells the program to use them
RESERVED = "/proc/sys/vm/nr_hugepages"


def drivers():
    """Paths of ours and the peer's."""
    libdir = subprocess.run(["pkg-config", "--variable=libdir", "libdpdk"], capture_output=True,
                            text=True, check=True).stdout.strip()
    return {OURS: f"{BUILD}/pmds/librte_net_pvn_vmxnet3.so",
            "net_vmxnet3": f"{libdir}/librte_net_vmxnet3.so"}


@contextlib.contextmanager
def huge_pages():
    """Reserve 2 MiB pages, as DPDK is used with, and give them back."""
    with open("/proc/meminfo", encoding="ascii") as file:
        free = int(re.search(r"HugePages_Free: +(\d+)", file.read())[1])
    with open(RESERVED, encoding="ascii") as file:
        before = int(file.read())
    wanted = before + max(0, HUGE_PAGES - free)
    try:
        with open(RESERVED, "w", encoding="ascii") as file:
            file.write(str(wanted))
        with open(RESERVED, encoding="ascii") as file:
            got = int(file.read())
        if got < wanted:
            raise KitError(f"only {got} of {wanted} huge pages could be reserved: free some memory, "
                           "or use --small-pages")
        yield
    finally:
        with open(RESERVED, "w", encoding="ascii") as file:
            file.write(str(before))


def run(driver, case, burst, ring, dirty, prefix=()):
    """What the program said of one run. (callgrind knows no huge pages; there they do not matter.)"""
    words = [*prefix, PROGRAM, case, str(burst), str(ring)]
    words += [str(CALLS_COUNTED if prefix else CALLS[dirty]), *(["dirty"] if dirty else [])]
    done = subprocess.run(words, capture_output=True, text=True, check=False,
                          env=environment(driver, prefix))
    if done.returncode != 0:
        raise KitError(f"{' '.join(words)}: {done.stderr.strip()}")
    return [float(word) for word in done.stdout.split()], done.stderr


def environment(driver, prefix):
    """For one run."""
    own = {"PVN_PMD": driver}
    if prefix:
        return {name: value for name, value in os.environ.items() if name != HUGE} | own
    return os.environ | own


def cycles(paths, combination, rounds):
    """Of all rounds: each driver's medians, and ours over the peer's of the same round."""
    found = {name: [] for name in paths}
    for number in range(rounds):
        # Whoever comes first in a round comes last in the next.
        for name in sorted(paths, reverse=number % 2 == 1):
            found[name].append(run(paths[name], *combination)[0][0])
    peer = next(name for name in paths if name != OURS)
    ratio = statistics.median(a / b for a, b in zip(found[OURS], found[peer]))
    return {"cycles": {name: statistics.median(values) for name, values in found.items()},
            "ratio": ratio, "rounds": found}


def instructions(paths, case):
    """Instructions a packet inside the burst calls, burst 32, ring 512."""
    counts = {}
    for name, path in paths.items():
        with tempfile.TemporaryDirectory(prefix="pvn-bench-") as folder:
            said, text = run(path, case, 32, 512, False, [
                "valgrind", "--tool=callgrind", "--collect-atstart=no",
                "--px-default=allregs-at-mem-access", "--px-file-backed=allregs-at-mem-access",
                "--toggle-collect=timed_rx", "--toggle-collect=timed_tx",
                f"--callgrind-out-file={folder}/out"])
        counts[name] = int(re.search(r"Collected : (\d+)", text)[1]) / said[4]
    return counts


def show(result, target):
    """One line of the table."""
    values = "  ".join(f"{name} {value:7.1f}" for name, value in result["cycles"].items())
    print(f"  ring {result['ring']:4}, burst {result['burst']:2}, "
          f"{'dirtied' if result['dirty'] else 'warm   '}  {values}   ratio {result['ratio']:.2f}"
          + (f"  (target {target:.2f})" if target else ""), flush=True)


def run_case(case, paths, options):
    """All combinations of a case."""
    key, name, warm, dirtied, few = case
    print(f"\n{name}: cycles a packet")
    results = []
    for ring, dirty, burst in itertools.product(RINGS, (False, True), BURSTS):
        if options.short and (ring, burst) != (512, 32):
            continue
        result = cycles(paths, (key, burst, ring, dirty), options.rounds) | {
            "ring": ring, "burst": burst, "dirty": dirty}
        result["target"] = (dirtied if dirty else warm) if (ring, burst) == (512, 32) else MOST
        show(result, result["target"])
        results.append(result)
    counts = instructions(paths, key)
    ratio = counts[OURS] / next(v for k, v in counts.items() if k != OURS)
    print("  instructions a packet: " + "  ".join(f"{k} {v:.1f}" for k, v in counts.items())
          + f"   ratio {ratio:.2f}" + (f"  (target {few})" if few else ""), flush=True)
    return {"case": name, "results": results, "instructions": counts,
            "instructions_ratio": ratio, "instructions_target": few}


def main():
    children.leave_with_statements_on_signals()
    parser = argparse.ArgumentParser(prog="./run bench vmxnet3", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", help="only cases whose name holds this")
    parser.add_argument("--short", action="store_true", help="only bursts of 32 and rings of 512")
    parser.add_argument("--small-pages", action="store_true",
                        help="pages of 4 KiB instead of the 2 MiB that DPDK is used with")
    options = parser.parse_args()
    os.nice(-20)
    paths = drivers()
    with contextlib.nullcontext() if options.small_pages else huge_pages():
        if not options.small_pages:
            os.environ[HUGE] = "1"
        results = [run_case(case, paths, options) for case in CASES
                   if not options.case or options.case in case[0]]
    save("vmxnet3", "4 KiB pages" if options.small_pages else "2 MiB pages", results=results)


if __name__ == "__main__":
    try:
        main()
    except KitError as error:
        sys.exit(f"bench vmxnet3: {error}")
