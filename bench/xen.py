#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""./run bench xen: our ports between two processes against DPDK's own ways, in one run.

Each round runs every rival once, one after the other; the table shows medians of what was measured at
one distance of the two processors from each other, which the host of a virtual machine changes as it
likes. Both sides have a core of their own, the same application (portbench), the same ring sizes and the
same memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

from distance import CLASSES, PLACES, at_distance
from ports import BUILD, OURS, PEERS, RING, ROOT, versions

import children
from errors import KitError
from wire import Program

# name, links, role of the guest, role of the host, arguments, which side sends payload
CASES = [
    ("64 B, guest to host", 1, "send", "receive", ["--size", "64"], 1.2),
    ("64 B, host to guest", 1, "receive", "send", ["--size", "64"], 1.2),
    ("1500 B, guest to host", 1, "send", "receive", ["--size", "1500", "--whole"], 1.1),
    ("1500 B, host to guest", 1, "receive", "send", ["--size", "1500", "--whole"], 1.1),
    ("1500 B, host to guest, all of it read", 1, "receive", "send",
     ["--size", "1500", "--whole", "--read"], 1.1),
    ("64 B, round trip", 1, "ping", "echo", ["--size", "64"], 1.2),
    ("64 B, guest to guest", 2, "through", "forward", ["--size", "64"], 1.2),
]


class Side(Program):
    """One side of a wire: a portbench on a core."""

    def __init__(self, name, core, eal, arguments, memory):
        prefix = f"--file-prefix=bench{os.getpid()}{name}"
        self.command = [f"{BUILD}/bench/portbench", *memory, "--no-pci", "--no-telemetry",
                        "--log-level=4", prefix, "--lcores", f"0@0-1,1@{core}", *eal,
                        "--", "--ring", str(RING), *arguments]
        super().__init__(self.command, env=os.environ | {"LD_LIBRARY_PATH": f"{BUILD}/pmds"})


def measure(rival, case, memory, window_ms):
    """Frames per second of one rival in one case, and the command lines."""
    _, links, guest_role, host_role, arguments, _ = case
    common = [*arguments, "--window", str(window_ms)]
    guest_args = ["--role", guest_role, *common]
    if rival.tx_pool and guest_role in ("send", "through", "ping"):
        guest_args += ["--tx-pool", rival.tx_pool]
    with tempfile.TemporaryDirectory(prefix="pvn-bench-") as folder:
        rival.prepare(folder, links)
        sides = []
        try:
            sides.append(Side("host", 0, rival.host(links), ["--role", host_role, *common], memory))
            sides[0].wait("started")
            sides.append(Side("guest", 1, rival.guest(links), guest_args, memory))
            counting = sides[guest_role in ("receive", "ping", "through")]
            rate = float(counting.wait(r"rate (\d+)", timeout=20 + window_ms / 1000)[1])
            return rate, [" ".join(side.command) for side in sides]
        finally:
            for side in sides:
                side.close()
            rival.finish()


def try_measure(rival, case, memory, window_ms):
    """As measure(); a rival that fails costs its own number only."""
    try:
        return measure(rival, case, memory, window_ms)
    except KitError as error:
        print(f"  {rival.name}, {case[0]}: {str(error).splitlines()[-1]}", file=sys.stderr)
        return None, None


def bench_case(case, rivals, options, memory):
    """All rounds of one case: {rival: [(rate, distance)]}, and command lines."""
    rates = {rival.name: [] for rival in rivals}
    commands = {}
    for number in range(options.rounds):
        # Whoever comes first in a round comes last in the next.
        for rival in rivals if number % 2 == 0 else reversed(rivals):
            (rate, lines), where = at_distance(try_measure, rival, case, memory, options.window)
            if rate is not None:
                rates[rival.name].append((rate, where))
                commands[rival.name] = lines
    return rates, commands


def medians_at(rates, where, least=1):
    """Of each rival that has so many numbers at this distance."""
    values = {name: [rate for rate, at in rounds if at == where] for name, rounds in rates.items()}
    return {name: statistics.median(v) for name, v in values.items() if len(v) >= least}


def ratios(rates, all_ours):
    """{ours: {distance: over the fastest peer there}}, where all have more than one number."""
    peers = [peer.name for peer in PEERS if peer.name in rates]
    found = {ours.name: {} for ours in all_ours if ours.name in rates}
    for where in CLASSES:
        medians = medians_at(rates, where, 2)
        if peers and all(peer in medians for peer in peers):
            best = max(medians[peer] for peer in peers)
            for name in found.keys() & medians.keys():
                found[name][where] = medians[name] / best
    return found


def summary(case, rates, all_ours):
    """The result of a case: medians of rates at each distance, and ours over the fastest peer."""
    return {"case": case[0], "target": case[5], "unit": "frames per second", "rounds": rates,
            "medians": {where: medians_at(rates, where) for where in PLACES},
            "ratios": ratios(rates, all_ours)}


def show(result):
    print(f"\n{result['case']}  (target {result['target']} x the best peer): Mpps\n  {'':28}"
          + "".join(f" {where:>15}" for where in PLACES))
    for name, rounds in result["rounds"].items():
        line = f"  {name:28}"
        for where, medians in result["medians"].items():
            times = sum(at == where for _, at in rounds)
            line += f"{medians[name] / 1e6:11.2f} ({times:2})" if times else f" {'':15}"
        ratio = result["ratios"].get(name, {})
        print(line + "".join(f"   {value:.2f} x ({where})" for where, value in ratio.items()), flush=True)


def floor(options):
    """A bare copy through a ring of as many slots, without mbufs or ports: what the memory allows."""
    rates = {}
    for size in (64, 1500):
        rounds = [float(subprocess.run([f"{BUILD}/bench/ring", str(size), str(RING), "0.3"],
                                       capture_output=True, text=True, check=True).stdout.split()[0])
                  for _ in range(options.rounds)]
        rates[size] = statistics.median(rounds)
        print(f"\nfloor, {size} B: a bare copy through a ring, from one core to the other"
              f"\n  {'':28} {rates[size]:7.2f} Mpps  {min(rounds):6.2f} .. {max(rounds):6.2f}")
    return rates


def eal_memory():
    """Hugepages when the machine has some free, so that no rival lacks what it is usually given."""
    with open("/proc/meminfo", encoding="ascii") as file:
        free = next(int(line.split()[1]) for line in file if line.startswith("HugePages_Free"))
    if free >= 128:
        return ["--in-memory", "-m", "96", "--single-file-segments"], "2 MiB hugepages"
    return ["--no-huge", "-m", "96"], "4 KiB pages: no 128 free hugepages"


def run_cases(ours, options, wanted, memory):
    """All cases that are wanted, shown as they are done."""
    rivals = [r for r in ours + PEERS if not options.rival or options.rival in r.name]
    results = []
    for case in CASES:
        if wanted(case[0]):
            rates, commands = bench_case(case, rivals, options, memory)
            results.append(summary(case, rates, ours) | {"commands": commands})
            show(results[-1])
    return results


def save(name, memory_text, **found):
    """Everything, with what it was measured on, as NAME.json; and says so."""
    os.makedirs(f"{BUILD}/bench", exist_ok=True)
    cpu = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout
    with open(f"{BUILD}/bench/{name}.json", "w", encoding="utf-8") as file:
        json.dump({"name": name, "memory": memory_text, "versions": versions(), "ring": RING,
                   "cpu": cpu} | found, file, indent=1)
    print(f"\nmemory: {memory_text}; all of it is in {os.path.relpath(BUILD, ROOT)}/bench/{name}.json")


def main():
    children.leave_with_statements_on_signals()
    parser = argparse.ArgumentParser(prog="./run bench xen", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=int, default=1000, help="milliseconds of each measurement")
    parser.add_argument("--case", help="only cases whose name holds this")
    parser.add_argument("--rival", help="only rivals whose name holds this")
    options = parser.parse_args()
    os.nice(-20)  # whatever else the machine does shall not take turns with what is measured
    memory, memory_text = eal_memory()
    results = run_cases(OURS, options, lambda name: (options.case or "") in name, memory)
    save("xen", memory_text, results=results, floor_mpps=floor(options))


if __name__ == "__main__":
    main()
