#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""./run bench vmxnet3-guest: instructions a packet of testpmd in a QEMU guest, with either driver.

    this program --- filter-buffer ---+--- VMXNET3, port 0 ---\\
                                     hub                        testpmd
                                      +--- VMXNET3, port 1 ---/

QEMU counts instructions as time (-icount shift=0), so what testpmd calls CPU cycles are instructions of
the guest, and the device costs it none; a loop of known length says whether that holds. One guest,
one processor, and the drivers take turns on the same two ports.

transmit  txonly on port 0; nobody takes the frames from port 1
receive   rxonly on both; frames from here are held back and arrive together, so that bursts are full
forward   io: a burst that was sent once goes round and round between the ports

testpmd counts what it does itself with a packet: fills it before sending, frees what it received.
Sending and forwarding are measured as the difference of a long and a short run, for what the terminal
costs the guest's only processor at start and stop is counted, too.
"""

import argparse
import re
import statistics
import sys
from dataclasses import dataclass

from ports import BUILD
from xen import save

import children
from errors import KitError
from forwarder import eal_arguments, frame
from kit import FrameSocket, Nic, Vm

PEER = "net_vmxnet3"
OURS_DRIVER, PEER_DRIVER = "/pmds/librte_net_pvn_vmxnet3.so", "/pmds-dpdk/librte_net_vmxnet3.so"
# What the table shows: driver, more EAL arguments, more arguments of testpmd
ROWS = {
    "net_pvn_vmxnet3": (OURS_DRIVER, [], []),
    # what the peer has neither: for the size of the code alone
    "the same, no AVX2, no fast free": (OURS_DRIVER, ["--force-max-simd-bitwidth=128"],
                                        ["--tx-offloads=0"]),
    PEER: (PEER_DRIVER, [], []),
}
BURSTS = (1, 8, 32, 64)
CASES = {"receive": "receive 64 B (rxonly)", "transmit": "transmit 64 B (txonly)",
         "forward": "forward 64 B (io)"}
SIZE = 64
RING = 2048
SHORT_S, LONG_S = 0.05, 0.2  # of the guest's time: a nanosecond is an instruction
HOLD_US = 4000000000  # longer than anything here lasts
BATCHES = 3  # of received frames: as many as a ring holds arrive together
TOLERANCE = 0.01  # of the clock: interrupts cost the loop a few instructions, too
TESTPMD = ["--forward-mode=io", "--record-core-cycles", "--record-burst-stats", "--no-flush-rx",
           "--total-num-mbufs=16384", f"--rxd={RING}", "--txd=512"]


class Hub:
    """Where both devices are plugged in."""

    netdev = "hubport,hubid=0"
    fds = ()


@dataclass
class Run:
    """What testpmd says when it stops."""

    cycles: int
    packets: int
    bursts: dict  # by direction: what it printed of their sizes

    @classmethod
    def of(cls, text):
        found = re.search(r"total cycles=(\d+) / total \w+ packets=(\d+)", text)
        if not found:
            raise KitError(f"testpmd moved no packet:\n{text}")
        return cls(int(found[1]), int(found[2]), dict(re.findall(r"([RT]X)-bursts : (.*)", text)))


def open_guest(peer):
    """The guest in the picture, its device for this program being PEER."""
    extra = ["-icount", "shift=0,sleep=off",
             "-netdev", f"{peer.netdev},id=far", "-netdev", "hubport,id=farport,hubid=0,netdev=far"]
    return Vm("icount", smp=1, nics=[Nic(Hub), Nic(Hub)], accel="tcg,thread=single", extra=extra,
              fds=peer.fds, files={"/usr/bin/tscloop": f"{BUILD}/bench/vmxnet3/tscloop"},
              boot_timeout=300)


def check_clock(vm):
    """That the guest's TSC counts its instructions; how many it counted for one."""
    counted, instructions = map(int, vm.check("tscloop", timeout=120).split())
    ratio = counted / instructions
    if abs(ratio - 1) > TOLERANCE:
        raise KitError(f"the guest's TSC advanced {counted} in {instructions} instructions: "
                       f"expected the same within {TOLERANCE:.0%}")
    print(f"the guest's TSC advanced {counted} in a loop of {instructions} instructions")
    return ratio


class Guest:
    """testpmd in the guest, with one driver."""

    def __init__(self, vm, peer, row):
        driver, eal, arguments = ROWS[row]
        # One processor for both threads: so nothing but the measured one runs while it runs.
        eal = [*eal_arguments(vm, 2, driver)[2:], "--lcores", "0@0,1@0", *eal]
        self.vm, self.peer = vm, peer
        self.command = ["dpdk-testpmd", *eal, "--", "-i", *TESTPMD, *arguments]
        self.pmd = vm.testpmd(eal, [*TESTPMD, *arguments], timeout=300)

    def start(self, mode, ports, start="start"):
        for line in (f"set fwd {mode}", f"set portlist {ports}", start):
            self.pmd.cmd(line, timeout=300)

    def stop(self):
        return self.pmd.cmd("stop", timeout=300)

    def empty(self):
        """Takes what is left in both ports."""
        self.start("rxonly", "0,1")
        self.stop()

    def difference(self, *what):
        """Instructions a packet, by a short and a long run from empty receive rings."""
        runs = []
        for seconds in (SHORT_S, LONG_S):
            self.empty()
            self.start(*what)
            self.vm.check(f"sleep {seconds}", timeout=300)
            runs.append(Run.of(self.stop()))
        short, long = runs
        return (long.cycles - short.cycles) / (long.packets - short.packets), long.bursts

    def hold(self):
        """Sends as many frames as a ring holds, to arrive when they are let go."""
        self.vm.qmp("object-add", qom_type="filter-buffer", id="held", netdev="far", queue="tx",
                    interval=HOLD_US)
        for _ in range(RING):
            self.peer.send(frame(SIZE), timeout=60)

    def let_go(self):
        self.vm.qmp("object-del", id="held")

    def transmit(self):
        return self.difference("txonly", "0", "start")

    def forward(self):
        return self.difference("io", "0,1", "start tx_first 1")

    def receive(self):
        self.empty()
        self.start("rxonly", "0,1")
        for _ in range(BATCHES):
            self.hold()
            self.let_go()
        # One more, to be thrown away: while it is sent the guest takes the one before, with nothing
        # else to do.
        self.hold()
        run = Run.of(self.stop())
        self.let_go()
        return run.cycles / run.packets, run.bursts

    def measure(self, results):
        """Every case once, into results[case, burst]."""
        for burst in BURSTS:
            self.pmd.cmd(f"set burst {burst}", timeout=300)
            for case in CASES:
                results[case, burst].append(getattr(self, case)())


def measure_all(vm, peer, rounds):
    """{driver: {(case, burst): [(instructions a packet, bursts)]}}, and testpmd's command lines."""
    results = {row: {(case, burst): [] for case in CASES for burst in BURSTS} for row in ROWS}
    commands = {}
    for number in range(rounds):
        # Whoever comes first in a round comes last in the next.
        for row in sorted(ROWS, reverse=number % 2 == 1):
            guest = Guest(vm, peer, row)
            guest.measure(results[row])
            commands[row] = " ".join(guest.command)
            guest.pmd.quit(timeout=300)
        print(f"  round {number + 1} of {rounds} is done", file=sys.stderr, flush=True)
    return results, commands


def summary(case, results):
    """Medians of a case by driver and burst, and ours over the peer's."""
    medians = {row: {burst: statistics.median(value for value, _ in found[case, burst])
                     for burst in BURSTS} for row, found in results.items()}
    ratios = {row: {burst: values[burst] / medians[PEER][burst] for burst in BURSTS}
              for row, values in medians.items() if row != PEER}
    rounds = {row: {burst: found[case, burst] for burst in BURSTS}
              for row, found in results.items()}
    return {"case": case, "instructions": medians, "ratios": ratios, "rounds": rounds}


def show(result):
    print(f"\n{CASES[result['case']]}: instructions a packet"
          f"\n  {'':34}" + "".join(f"{f'burst {burst}':>16}" for burst in BURSTS))
    for row, values in result["instructions"].items():
        ratios = result["ratios"].get(row, {})
        print(f"  {row:34}" + "".join(
            f"{values[burst]:8.1f}" + (f" ({ratios[burst]:.2f})" if ratios else " " * 7)
            + " " for burst in BURSTS))


def main():
    children.leave_with_statements_on_signals()
    parser = argparse.ArgumentParser(prog="./run bench vmxnet3-guest", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with FrameSocket() as peer, open_guest(peer) as vm:
        clock = check_clock(vm)
        found, commands = measure_all(vm, peer, options.rounds)
        qemu = vm.qmp("query-version")["qemu"]
    results = [summary(case, found) for case in CASES]
    for result in results:
        show(result)
    print(f"\n(in brackets: over that of {PEER})")
    save("vmxnet3-guest", "2 MiB hugepages in the guest", results=results, commands=commands,
         instructions_by_clock=clock, qemu=qemu)


if __name__ == "__main__":
    try:
        main()
    except KitError as error:
        sys.exit(f"bench vmxnet3-guest: {error}")
