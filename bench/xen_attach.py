#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""./run bench xen-attach: what it costs to share and map a pool of N buffers, in pages and time.

With --xen the same on real Xen in QEMU: shared by a domain, mapped by dom0.
"""

import argparse
import json
import os
import statistics

from ports import BUILD, versions

import children
from wire import Local, Program

BUFFERS = (512, 4096, 16384)
ATTACH = f"{BUILD}/bench/attach"


class Guest(Program):
    """The sharing side, natively."""

    def shared(self):
        return self.wait(r"shared (\d+) (\d+) ([\d.]+) ([\d,]+)")


def local_round(buffers):
    """Pages, and the milliseconds of sharing, mapping and unmapping, between two processes."""
    with Local() as xen:
        xen.domain(1)
        guest = xen.add(Guest([ATTACH, "share", f"local:{xen.socket}:1", "0", str(buffers)]))
        line = guest.shared()
        host = xen.add(Program([ATTACH, "map", f"local:{xen.socket}:0", "1", line[1], line[4]]))
        mapped = host.wait(r"mapped (\d+) ([\d.]+)")
        unmapped = host.wait(r"unmapped (\d+) ([\d.]+)")
        return int(line[1]), float(line[3]), float(mapped[2]), float(unmapped[2])


def xen_rounds(rounds):
    """The same on real Xen: {buffers: rounds}."""
    from xenkit import XenHost
    results = {}
    with XenHost("attach", files={"/usr/bin/attach": ATTACH}) as dom0:
        one = dom0.create("one", mem_mb=512)
        for buffers in BUFFERS:
            results[buffers] = []
            for _ in range(rounds):
                guest = one.start(f"exec attach share xen 0 {buffers}")
                line = [group.decode() for group in
                        guest.match(r"shared (\d+) (\d+) ([\d.]+) ([\d,]+)\r?\n").groups()]
                out = dom0.check(f"attach map xen {one.domid} {line[0]} {line[3]}").split()
                results[buffers].append((int(line[0]), float(line[2]), float(out[2]),
                                         float(out[5])))
                guest.kill()
    return results


def show(title, results):
    print(f"\n{title}: milliseconds, median of the rounds")
    print(f"  {'buffers':>8} {'pages':>7} {'grants':>7} {'share':>9} {'map':>9} {'unmap':>9}")
    for buffers, rounds in results.items():
        pages = rounds[0][0]
        share, mapped, unmapped = (statistics.median(r[i] for r in rounds) for i in (1, 2, 3))
        print(f"  {buffers:8} {pages:7} {pages + -(-pages // 1024):7} {share:9.2f} {mapped:9.2f} "
              f"{unmapped:9.2f}", flush=True)


def main():
    children.leave_with_statements_on_signals()
    parser = argparse.ArgumentParser(prog="./run bench xen-attach", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--xen", action="store_true", help="also on real Xen in QEMU")
    options = parser.parse_args()
    results = {"local": {n: [local_round(n) for _ in range(options.rounds)] for n in BUFFERS}}
    show("between processes (2 calls to share, 3 to map, 1 to unmap)", results["local"])
    if options.xen:
        results["xen"] = xen_rounds(options.rounds)
        show("real Xen in QEMU (emulated processors)", results["xen"])
    os.makedirs(f"{BUILD}/bench", exist_ok=True)
    with open(f"{BUILD}/bench/xen-attach.json", "w", encoding="utf-8") as file:
        json.dump({"name": "xen-attach", "versions": versions(), "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
