#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own tools on ports of these drivers: dpdk-telemetry.py, dpdk-proc-info, dpdk-dumpcap.

    portpeer, the other end, sends --- port of ours in testpmd or portpeer <- the tool

proc-info and dumpcap are secondary processes: they need hugepages, some of which are reserved for the
time of a test. dumpcap has no option for plug-ins, so it must find them by itself: see plugged_in.py.
dpdk-pdump is in tests/xen/test_xen_secondary.py.
"""

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/../ivshmem/net", f"{HERE}/../xen"]

from ivswire import MAC, Region  # noqa: E402 (adds tests/xen and tests/vm to the path)
from plugged_in import plugged_in  # noqa: E402
from test_xen_secondary import hugepages, tool  # noqa: E402
from wire import MBUFS, PORTPEER, TIMEOUT, Local, Peer, Program  # noqa: E402
import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from initramfs import need_program  # noqa: E402

COUNT = 200
PREFIX = f"tools{os.getpid()}"
EAL = ["-m", "128", "--no-pci", "--log-level=5", f"--file-prefix={PREFIX}", "--lcores", "0@0-1,1@0"]
ETHERTYPE = "0x88b5"  # of portpeer's frames


class Bench:
    """A wire: the port that is looked at is `driver`'s, and other() starts its other end."""

    def __init__(self, stack, driver):
        self.driver = driver
        if driver == "ivshmem":
            self.wire = stack.enter_context(Region())
            self.devargs = f"net_ivshmem0,host={self.wire.socket},mac={MAC}"
            self.other = self.wire.guest
            return
        self.wire = stack.enter_context(Local())
        self.wire.domain(1)
        self.wire.attach(1)
        domid, more, self.other = {
            "xenback": (0, "frontend=1,handle=0", lambda: self.wire.front(1)),
            "xenvirt": (1, "handle=0", lambda: self.wire.back(1))}[driver]
        self.devargs = f"net_{driver}0,{more},xen=local:{self.wire.socket}:{domid}"

    def testpmd(self, *memory):
        """Stock testpmd, which counts and drops what comes."""
        pmd = self.wire.add(Program(
            ["stdbuf", "-oL", tool("dpdk-testpmd"), *memory, *EAL, "-d", f"librte_net_{self.driver}.so",
             "--vdev", self.devargs, "--", "-i", "--total-num-mbufs=4096", "--forward-mode=rxonly",
             "--no-mlockall"], env=self.wire.environment()))
        pmd.wait("Done")
        pmd.order("start")
        return pmd

    def run(self, *command, orders=""):
        """A tool; what it said."""
        done = subprocess.run(command, input=orders, env=self.wire.environment(),
                              capture_output=True, text=True, timeout=TIMEOUT, check=False)
        expect(done.returncode, 0, f"exit code of {command}, which said: {done.stdout}{done.stderr}")
        return done.stdout

    def telemetry(self, *commands):
        """What dpdk-telemetry.py prints for commands, by command."""
        out = self.run("/usr/bin/python3", tool("dpdk-telemetry.py"), "-f", PREFIX,
                       orders="".join(f"{command}\n" for command in commands))
        return dict(pair for line in out.splitlines() for pair in json.loads(line).items())

    def info(self, *options):
        """What dpdk-proc-info prints."""
        return self.run(tool("dpdk-proc-info"), f"--file-prefix={PREFIX}", "--no-pci",
                        "-d", f"librte_net_{self.driver}.so", "--", *options)

    def send(self):
        """Frames from the other end; it goes on running."""
        other = self.other()
        other.wait("link up")
        other.ask(f"send {COUNT} 60 1514", f"sent {COUNT}")
        return other


@contextlib.contextmanager
def bench(driver):
    with contextlib.ExitStack() as stack:
        yield Bench(stack, driver)


def test_telemetry(driver):
    """dpdk-telemetry.py: the port, its counters, and the commands that are ours"""
    with bench(driver) as b:
        pmd = b.testpmd("--no-huge")
        b.send()
        packets = lambda: b.telemetry("/ethdev/xstats,0")["/ethdev/xstats"]["rx_q0_packets"]  # noqa: E731
        pmd.wait_until(lambda: packets() == COUNT, "all frames counted")
        said = b.telemetry("/ethdev/list", "/ethdev/stats,0", "/ethdev/info,0", "/")
        expect(said["/ethdev/list"], [0], "ports")
        expect(said["/ethdev/stats"]["ipackets"], COUNT, "packets")
        expect(said["/ethdev/info"]["name"], f"net_{driver}0", "name")
        ours = [command for command in said["/"] if command.startswith("/pvn/")]
        expect(len(ours) > 0, driver == "ivshmem", f"commands of our own: {ours}")
        if ours:
            said = b.telemetry("/pvn/net_ivshmem/regions", "/pvn/net_ivshmem/region,0")
            expect(len(said["/pvn/net_ivshmem/regions"]["regions"]), 1, "regions")
            region = said["/pvn/net_ivshmem/region"]
            expect((region["role"], region["guests"]), ("host", 1), "region")


def test_proc_info(driver):
    """dpdk-proc-info: --stats and --xstats of a running testpmd's port, as testpmd has them"""
    with hugepages() as folder, bench(driver) as b:
        pmd = b.testpmd("--huge-dir", folder)
        b.send()
        pmd.wait_until(lambda: f"rx_q0_packets: {COUNT}\n" in b.info("--xstats"), "all frames counted")
        counters = dict(line.split(": ") for line in b.info("--xstats").splitlines() if ": " in line)
        expect(int(counters["rx_good_packets"]), COUNT, "packets")
        stats = b.info("--stats").split()
        expect(stats[stats.index("RX-packets:") + 1], str(COUNT), "packets of --stats")


def tshark(path, fields):
    """One line for each frame of a file, of these fields."""
    words = [word for field in fields for word in ("-e", field)]
    done = subprocess.run([need_program("tshark"), "-n", "-r", path, "-T", "fields", *words],
                          capture_output=True, text=True, timeout=TIMEOUT, check=False)
    expect(done.returncode, 0, f"exit code of tshark, which said: {done.stderr}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def packets_in(path):
    """Enhanced packet blocks that are whole in a pcapng file, while it is written."""
    with open(path, "rb") as file:
        data = file.read()
    at = count = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("=II", data, at)
        at += size
        count += kind == 6 and at <= len(data)
    return count


def test_dumpcap(driver):
    """dpdk-dumpcap: frames of the port come into a pcapng file, which tshark reads

    Not of testpmd: Debian's is linked with a mempool handler (of DPAA) that dumpcap is not, so the
    one's numbers of handlers are not the other's, and nothing can be copied. The port does not receive
    while dumpcap ends: DPDK before 25.11 frees what a callback may still use."""
    with plugged_in(driver) as plugged, hugepages() as folder, bench(driver) as b:
        one = b.wire.add(Peer([*plugged, PORTPEER, "--huge-dir", folder, *EAL, "--vdev", b.devargs,
                               "--", "--mbufs", str(MBUFS)], env=b.wire.environment()))
        one.wait("ready .*")
        one.order("rx on")
        other = b.other()
        other.wait("link up")
        one.wait("link up")
        out = b.run(*plugged, tool("dpdk-dumpcap"), f"--file-prefix={PREFIX}", "-D")
        expect(f"0. net_{driver}0" in out, True, f"the port in the list of dumpcap: {out}")
        path = f"{b.wire.folder}/frames.pcapng"
        dump = b.wire.add(Program([*plugged, tool("dpdk-dumpcap"), f"--file-prefix={PREFIX}",
                                   "-i", "0", "-w", path], env=b.wire.environment()))
        other.order("flood 60 1514")
        dump.wait_until(lambda: dump.check_alive() or os.path.exists(path) and packets_in(path) >= COUNT,
                        f"{COUNT} frames are captured")
        other.order("idle")
        one.order("rx off")
        expect(one.stats()["bad"], 0, "frames spoiled")  # it has obeyed
        dump.signal(signal.SIGINT)
        expect(dump.ended(), 0, "exit code of dumpcap")
        with open(path, "rb") as file:
            expect(file.read(4), bytes.fromhex("0a0d0d0a"), "begin of a pcapng file")
        frames = tshark(path, ["frame.len", "eth.type", "frame.interface_name"])
        expect(len(frames) >= COUNT, True, f"{len(frames)} frames are at least {COUNT}")
        expect({kind for _, kind, _ in frames}, {ETHERTYPE}, "types of frames")
        expect({name for _, _, name in frames}, {"dpdk:0"}, "interfaces")
        sizes = {int(size) for size, _, _ in frames}
        expect((len(sizes) > 1, 60 <= min(sizes), max(sizes) <= 1514), (True, True, True), "sizes")


DRIVERS = ("ivshmem", "xenback", "xenvirt")

if __name__ == "__main__":
    checks.main([case(test, driver=driver) for test in (test_telemetry, test_proc_info, test_dumpcap)
                 for driver in DRIVERS], timeout=90)
