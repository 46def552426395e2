#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A link against plain rte_rings between two threads, payload untouched, bursts of 32.

    ivshmem_link.py [SECONDS [ROUNDS]]

Alternating rounds of one run of build/bench/ivshmem_link; prints the medians and their ratio.
`rows()` is for the benchmark of all of IVSHMEM.
"""

import pathlib
import statistics
import subprocess
import sys

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build/bench/ivshmem_link"
TARGET = 0.9


def rows(seconds=0.5, rounds=9):
    """[(in flight, plain, link, ratio)]: millions of buffers per second there and back, medians."""
    out = []
    for in_flight in (64, 256, 512):
        text = subprocess.run([PROGRAM, str(seconds), str(rounds), str(in_flight)], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        pairs = [tuple(map(float, line.split())) for line in text.splitlines()]
        plain, link = (statistics.median(column) for column in zip(*pairs))
        out.append((in_flight, plain, link, statistics.median(b / a for a, b in pairs)))
    return out


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    print(f"{'in flight':>9}  {'plain ring':>10}  {'link':>7}  ratio (at least {TARGET})")
    for in_flight, plain, link, ratio in rows(seconds, rounds):
        print(f"{in_flight:9}  {plain:10.1f}  {link:7.1f}  {ratio:5.2f}")


if __name__ == "__main__":
    main()
