#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Pointer mode: a link against plain rte_rings between two threads, and against memif.

    ivshmem_link.py [SECONDS [ROUNDS]]

Buffers of 1500 bytes go there and back in bursts of 32, 256 on the way. Either side touches nothing of
them, reads and writes one line, or all. Between threads and over the link that is build/bench/
ivshmem_link; over memif, two processes of portbench (ping and echo). All of a round one after the other.
"""

import pathlib
import statistics
import subprocess
import sys

from ports import PEERS
from xen import eal_memory, try_measure

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build/bench/ivshmem_link"
IN_FLIGHT = 256
# bytes touched, what that is called, arguments of ping and of echo, targets over the ring and memif
CASES = [
    (0, "nothing touched", None, 0.9, None),
    (64, "one line read and written by both", ["--touch", "64"], None, 4.0),
    (1500, "all read and written by both", ["--whole", "--read", "--touch", "1500"], None, 2.0),
]


def link_round(touch, seconds):
    """Millions of buffers a second: plain ring, link."""
    text = subprocess.run([PROGRAM, str(seconds), "1", str(IN_FLIGHT), str(touch)], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return [float(word) for word in text.split()]


def memif_round(arguments, memory, seconds):
    memif = next(peer for peer in PEERS if peer.name == "memif")
    case = ("pointers", 1, "ping", "echo", ["--size", "1500", "--flight", str(IN_FLIGHT), *arguments], 0)
    rate, _ = try_measure(memif, case, memory, int(seconds * 1000))
    return None if rate is None else rate / 1e6


def run(case, memory, seconds, rounds):
    """Medians of rates and of the rounds' ratios."""
    touch, name, arguments, over_ring, over_memif = case
    got = []
    for _ in range(rounds):
        plain, link = link_round(touch, seconds)
        got.append((plain, link, memif_round(arguments, memory, seconds) if arguments else None))
    with_memif = [(link, memif) for _, link, memif in got if memif]
    return {
        "case": name, "in_flight": IN_FLIGHT, "rounds": got,
        "target_ring": over_ring, "target_memif": over_memif,
        "plain": statistics.median(plain for plain, _, _ in got),
        "link": statistics.median(link for _, link, _ in got),
        "memif": statistics.median(memif for _, memif in with_memif) if with_memif else None,
        "over_ring": statistics.median(link / plain for plain, link, _ in got),
        "over_memif": statistics.median(a / b for a, b in with_memif) if with_memif else None,
    }


def show(result):
    print(f"\npointer mode, {result['case']}: 1500 B, there and back, {result['in_flight']} on the way"
          f"\n  {'plain rings, two threads':28} {result['plain']:7.2f} Mpps"
          f"\n  {'link':28} {result['link']:7.2f} Mpps   {result['over_ring']:5.2f} x the rings"
          + (f" (target {result['target_ring']})" if result["target_ring"] else ""), flush=True)
    if result["memif"]:
        print(f"  {'memif':28} {result['memif']:7.2f} Mpps   link: {result['over_memif']:5.2f} x"
              f" (target {result['target_memif']})", flush=True)


def bench(seconds, rounds, memory=None):
    """All cases, shown as they are done."""
    results = []
    for case in CASES:
        results.append(run(case, memory or eal_memory()[0], seconds, rounds))
        show(results[-1])
    return results


if __name__ == "__main__":
    bench(float(sys.argv[1]) if len(sys.argv) > 1 else 0.3,
          int(sys.argv[2]) if len(sys.argv) > 2 else 7)
