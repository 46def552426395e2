#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""./run bench switch: pvswitch against Open vSwitch with DPDK and testpmd, in one run.

One switch core, and all guests on the other. What is compared is the switch core's busy cycles per
packet, which depend little on how fast the guests are, but much on how far the processors are from
each other, which the host of a virtual machine changes as it likes. Each round runs every switch
once, one after the other; medians are of what was measured at one distance.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from distance import CLASSES, PLACES, at_distance
from ports import BUILD, RING, ROOT, versions
from switches import OURS_OWN, OURS_VHOST, SWITCHES, Load, OpenVswitch, Testpmd, switch_versions

import children
from errors import KitError

WARM_UP_S = 0.5
TARGET_OWN = 3.0  # over Open vSwitch: its cycles for each of ours
TARGET_VHOST = 0.8  # over testpmd, likewise
DECISION_PORTS, DECISION_ADDRESSES = (2, 64), (10, 10000)


@dataclass(frozen=True)
class Case:
    """What the guests do. `pairs`: each guest talks to one other; otherwise to all in turn."""

    size: str
    guests: int
    addresses: int
    pairs: bool = False
    latency: bool = False

    @property
    def name(self):
        size = "IMIX" if self.size == "imix" else f"{self.size} B"
        return (f"{size}, {self.guests} guests {'in pairs' if self.pairs else 'to all'}, "
                f"{self.addresses} addresses")

    def arguments(self):
        return ["--size", self.size, "--addresses", str(self.addresses),
                *(["--pairs"] if self.pairs else [])]


CASES = [
    Case("64", 2, 2, pairs=True, latency=True),
    Case("1500", 2, 2, pairs=True, latency=True),
    Case("imix", 2, 2, pairs=True),
    Case("64", 2, 10, pairs=True),
    Case("64", 2, 1000, pairs=True),
    Case("64", 2, 10000, pairs=True),
    Case("64", 8, 1024),
    Case("imix", 8, 1024),
    Case("64", 28, 1024),
    Case("64", 28, 1024, pairs=True),
    Case("64", 64, 1024),
    Case("imix", 64, 1024),
]


def measure(kind, case, window_s):
    """One switch in one case: what it cost and did, and the command lines."""
    with tempfile.TemporaryDirectory(prefix="pvn-bench-") as folder, \
            kind(folder, case.guests) as switch, Load(switch, case.arguments()) as load:
        load.learn()
        load.go()
        time.sleep(WARM_UP_S)
        load.stop()  # what got lost while the switch did not know everybody is no loss of its
        switch.clear()
        load.go()
        time.sleep(window_s)
        cost = switch.cost()
        result = load.stop() | {"cost": cost, "cycles": cost["cycles"] / max(cost["frames"], 1)}
        if cost["frames"] == 0:
            raise KitError("no frame went through the switch")
        if case.latency:
            load.go(result["rate"] / 2)
            time.sleep(window_s)
            result["half_load"] = load.stop()
        return result, switch.commands


def try_measure(kind, case, window_s):
    """As measure(); a switch that fails costs its own number only."""
    try:
        return measure(kind, case, window_s)
    except (KitError, OSError, ValueError, subprocess.SubprocessError) as error:
        print(f"  {kind.name}, {case.name}: {str(error).strip().splitlines()[-1]}", file=sys.stderr)
        return None, None


def takes_part(kind, case):
    return case.guests <= kind.most_guests and (case.pairs or not kind.pairs_only)


def bench_case(case, kinds, options):
    """All rounds of one case: {switch: results}, and command lines."""
    results = {kind.name: [] for kind in kinds if takes_part(kind, case)}
    commands = {}
    for number in range(options.rounds):
        # Whoever comes first in a round comes last in the next: the machine's moods are shared.
        for kind in kinds if number % 2 == 0 else reversed(kinds):
            if not takes_part(kind, case):
                continue
            (result, lines), where = at_distance(try_measure, kind, case, options.window / 1000)
            if result is not None:
                results[kind.name].append(result | {"round": number, "distance": where})
                commands[kind.name] = lines
    return results, commands


def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def ratios(done):
    """Ours against each peer, above 1 is fewer cycles: medians of what the two took at one distance,
    if there is more than one of each.
    """
    found = {}
    for kind in OURS_OWN + [OURS_VHOST]:
        for peer in (OpenVswitch, Testpmd):
            for where in CLASSES:
                ours, theirs = ([r["cycles"] for r in done.get(name, []) if r["distance"] == where]
                                for name in (kind.name, peer.name))
                if min(len(ours), len(theirs)) > 1:
                    found.setdefault(f"{kind.name} : {peer.name}", {})[where] = {
                        "ratio": statistics.median(theirs) / statistics.median(ours),
                        "rounds": [len(ours), len(theirs)]}
    return found


def summary(case, results, commands):
    """The result of a case: medians, spreads, ours against the peers."""
    done = {name: rounds for name, rounds in results.items() if rounds}
    cycles = {name: {where: median(some, "cycles") for where in PLACES
                     if (some := [r for r in rounds if r["distance"] == where])}
              for name, rounds in done.items()}
    latency = {name: {key: statistics.median(r["half_load"][key] for r in rounds)
                      for key in ("rate", "p50_ns", "p99_ns")}
               for name, rounds in done.items() if case.latency}
    return {"case": case.name, "unit": "busy cycles of the switch core per packet",
            "cycles": cycles, "latency_at_half_load": latency, "ratios": ratios(done),
            "rounds": results, "commands": commands,
            "rate": {name: median(rounds, "rate") for name, rounds in done.items()}}


def show_target(pair, by_distance):
    ours, peer = pair.split(" : ")
    target = TARGET_OWN if peer == OpenVswitch.name and ours != OURS_VHOST.name else \
        TARGET_VHOST if peer == Testpmd.name and ours == OURS_VHOST.name else None
    if target:
        print(f"  {ours}, times better than {peer} (target {target}): " + ", ".join(
            f"{value['ratio']:.2f} ({where})" for where, value in by_distance.items()))


def show(result):
    print(f"\n{result['case']}\n  {'cycles a packet':30}"
          + "".join(f" {where:>15}" for where in PLACES)
          + f" {'Mpps':>7} {'half load: p50, p99 us':>24}")
    for name, cycles in result["cycles"].items():
        rounds = result["rounds"][name]
        line = f"  {name:30}"
        for where in PLACES:
            times = sum(r["distance"] == where for r in rounds)
            line += f"{cycles[where]:10.1f} ({times:2})" + "  " if times else f" {'':15}"
        line += f" {result['rate'][name] / 1e6:7.2f}"
        if name in result["latency_at_half_load"]:
            half = result["latency_at_half_load"][name]
            line += f" {half['p50_ns'] / 1000:15.1f} {half['p99_ns'] / 1000:8.1f}"
        odd = sum(r["lost"] + r["strays"] for r in rounds)
        print(line + (f"  ({odd} frames lost or astray)" if odd else ""))
    for pair, by_distance in result["ratios"].items():
        show_target(pair, by_distance)
    sys.stdout.flush()


def decision(rounds):
    """What look-up, grouping and accounting cost by themselves, in ns a frame."""
    ns = {(ports, addresses): [] for ports in DECISION_PORTS for addresses in DECISION_ADDRESSES}
    for _ in range(rounds):
        for (ports, addresses), values in ns.items():
            words = map(str, (ports, addresses, 1, 20000))  # each frame to another address
            done = subprocess.run([f"{BUILD}/bench/switch", *words], capture_output=True,
                                  text=True, check=True)
            values.append(float(done.stdout))
    medians = {key: statistics.median(values) for key, values in ns.items()}
    print("\nlook-up, grouping and accounting by themselves: ns a frame")
    for (ports, addresses), value in medians.items():
        values = ns[ports, addresses]
        print(f"  {ports:3} ports, {addresses:5} addresses {value:8.1f}   "
              f"{min(values):.1f} .. {max(values):.1f}")
    return [{"ports": ports, "addresses": addresses, "ns": medians[ports, addresses],
             "rounds": values} for (ports, addresses), values in ns.items()]


def main():
    children.leave_with_statements_on_signals()
    parser = argparse.ArgumentParser(prog="./run bench switch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=int, default=1000, help="milliseconds of each measurement")
    parser.add_argument("--case", help="only cases whose name holds this")
    parser.add_argument("--rival", help="only switches whose name holds this")
    options = parser.parse_args()
    os.nice(-20)  # whatever else the machine does shall not take turns with what is measured
    kinds = [kind for kind in SWITCHES if not options.rival or options.rival in kind.name]
    results = []
    for case in CASES:
        if options.case and options.case not in case.name:
            continue
        results.append(summary(case, *bench_case(case, kinds, options)))
        show(results[-1])
    report = {"name": "switch", "memory": "4 KiB pages", "ring": RING,
              "versions": versions() | switch_versions(),
              "includes": {kind.name: kind.includes for kind in kinds},
              "cpu": subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout,
              "decision": decision(options.rounds), "results": results}
    os.makedirs(f"{BUILD}/bench", exist_ok=True)
    with open(f"{BUILD}/bench/switch.json", "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
    print("\nbusy cycles are")
    for kind in kinds:
        print(f"  {kind.name}: {kind.includes}")
    print(f"all of it is in {os.path.relpath(BUILD, ROOT)}/bench/switch.json")


if __name__ == "__main__":
    main()
