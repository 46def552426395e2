#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""pvnctl top: samples for scripts, and the live screen on a terminal of our own; and telemetry of
the switch, which shows the same numbers."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from ctl import PVNCTL, TIMEOUT
from switchkit import Stub, Telemetry

import checks
from checks import expect
from errors import KitError

PORTS = ["--port", "up,device=a", "--port", "guest1,device=b", "--port", "c,device=c"]
BEGIN, END = "\x1b[?1049h", "\x1b[?1049l"
SHOW_CURSOR = "\x1b[?25h"


def near(value, wanted, what):
    """Within a quarter: this machine may be busy between two looks at the clock."""
    if abs(value - wanted) > 0.25 * wanted:
        raise AssertionError(f"{what}: got {value}, expected about {wanted}")


# ---- samples ----

def test_sample():
    """without a terminal, one sample: rates of ports, share of workers"""
    with Stub(PORTS) as stub:
        out = stub.ctl.ok("top")
        head, _, *rest = out.splitlines()
        expect(head.split(",")[0], "3 ports", "head")
        rows = [line.split() for line in rest]
        expect(rows[0], ["WORKER", "LCORE", "PORTS", "BUSY", "FRAMES/S"], "titles")
        expect([row[3] for row in rows[1:3]], ["50.0%", "33.3%"], "busy")
        expect(rows[4], ["PORT", "GUEST", "LINK", "IN/S", "IN_BIT/S", "OUT/S", "OUT_BIT/S",
                         "DROPS/S"], "titles of ports")
        expect([row[0] for row in rows[5:]], ["up", "guest1", "c"], "ports")
        digits, letter = re.fullmatch(r"([\d.]+)(K?)", rows[5][3]).groups()
        near(float(digits) * (1000 if letter else 1), 1000, "frames in")
        expect(stub.ctl.ok("switch top").splitlines()[2].split(), rows[0], "pvnctl switch top")


def test_json():
    """a line of JSON for each sample"""
    with Stub(PORTS) as stub:
        lines = stub.ctl.ok("top -j -n 2").splitlines()
        expect(len(lines), 2, "samples")
        for sample in map(json.loads, lines):
            expect(sample["seconds"] > 0.9, True, f"time between: {sample['seconds']}")
            for n, port in enumerate(sample["ports"]):
                near(port["in"], 1000 * (n + 1), "frames in")
                near(port["in_bits"], 800000 * (n + 1), "bits in")
                near(port["out"], 2000 * (n + 1), "frames out")
            near(sample["workers"][0]["busy"], 50, "busy")


def test_cleared():
    """counters that begin again are no rate"""
    with Stub(PORTS) as stub:
        running = stub.start("top -j -n 2")
        running.line()
        stub.ctl.ok("switch clear")
        expect([port["in"] for port in json.loads(running.line())["ports"]], [0, 0, 0], "rates")


def test_dies():
    """without a terminal, it ends with pvswitch"""
    with Stub(PORTS) as stub:
        running = stub.start("top -j -n 100")
        running.line()
        stub.kill()
        code, _, err = running.end(0)
        expect((code, "pvswitch" in err), (1, True), err)


# ---- the screen ----

class Terminal:
    """pvnctl on a terminal of this size."""

    def __init__(self, stub, *words, lines=24, columns=100):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave, self.seen = slave, ""
        self.process = subprocess.Popen([PVNCTL, "--socket", stub.path, *words], stdin=slave,
                                        stdout=slave, stderr=slave)
        stub.stack.callback(self.close)

    def wait(self, pattern):
        """Until this has been shown; what was shown up to there."""
        end = time.monotonic() + TIMEOUT
        while not (found := re.search(pattern, self.seen, re.DOTALL)):
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise KitError(f"the screen has not shown {pattern}: {self.seen!r}")
            self.seen += os.read(self.master, 65536).decode()
        shown, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return shown

    def key(self, key):
        os.write(self.master, key.encode())

    def ended(self, code=0):
        """It has ended with this code, and the terminal is as it was."""
        self.wait(re.escape(SHOW_CURSOR) + ".*" + re.escape(END))
        expect(self.process.wait(TIMEOUT), code, "exit code")
        expect(termios.tcgetattr(self.slave), self.before, "modes of the terminal")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def test_screen():
    """the screen is refreshed, and q leaves it; so do Ctrl-C and signals"""
    with Stub(PORTS) as stub:
        for leave in ("q", "\x03", signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            terminal = Terminal(stub, "top")
            terminal.wait(re.escape(BEGIN))
            terminal.wait("\x1b\\[H3 ports, in .*guest1.*\x1b\\[J")
            if leave == "q":
                expect(termios.tcgetattr(terminal.slave)[3] & termios.ECHO, 0, "echo")
                terminal.wait("\x1b\\[H3 ports.*\x1b\\[J")
            if isinstance(leave, str):
                terminal.key(leave)
            else:
                terminal.process.send_signal(leave)
            terminal.ended()


def test_screen_counted():
    """with --count it leaves by itself"""
    with Stub(PORTS) as stub:
        Terminal(stub, "top", "-n", "1").ended()


def test_small_screen():
    """what does not fit is left out: the ports with the least, and what is too far right"""
    with Stub([word for n in range(30) for word in ("--port", f"p{n},device=d{n}")]) as stub:
        terminal = Terminal(stub, "top", lines=12, columns=40)
        shown = terminal.wait("\x1b\\[H30 ports.*\x1b\\[J").split("\x1b[H")[-1]
        lines = [line.replace("\x1b[K", "").strip("\r") for line in shown.split("\n")]
        expect([line.split()[0] for line in lines if line.startswith("p")],
               ["p29", "p28", "p27", "p26"], "ports")
        expect(len(lines) <= 12, True, "lines")
        expect([line for line in lines[1:-1] if len(line) > 40], [], "long lines")
        terminal.key("q")
        terminal.ended()


def test_restart():
    """the screen says that pvswitch is gone, and goes on when it is back"""
    with Stub(PORTS) as stub:
        terminal = Terminal(stub, "top")
        terminal.wait("\x1b\\[H3 ports.*\x1b\\[J")
        stub.kill()
        terminal.wait("pvswitch is not running, or its control socket is elsewhere")
        stub.start_stub().line()
        terminal.wait("\x1b\\[H3 ports.*\x1b\\[J")
        terminal.key("q")
        terminal.ended()


# ---- telemetry ----

def test_telemetry():
    """telemetry shows ports, drops and workers"""
    with Stub(PORTS, telemetry=True, GUEST_NAME="web", GUEST_WHY='a "bad"\\ ring\n') as stub:
        telemetry = Telemetry(stub)
        expect(telemetry.ask("/pvn/switch/ports"),
               {"ports": {"0": "up", "1": "guest1", "2": "c"}}, "ports")
        port = telemetry.ask("/pvn/switch/port,guest1")
        expect([port[key] for key in ("number", "name", "kind", "guest", "mac", "up", "why",
                                      "worker", "drop_storm")],
               [1, "guest1", "guest", "web", "00:16:3e:00:00:01", 1, "a ?bad?? ring?", 1, 0],
               "a port by name")
        expect(port["frames"], port["unicast"] + port["flooded"] + port["drop_spoofed"], "sum")
        expect(telemetry.ask("/pvn/switch/port,2")["name"], "c", "a port by number")
        expect(telemetry.ask("/pvn/switch/drops")["drop_spoofed"] > 0, True, "drops")
        workers = telemetry.ask("/pvn/switch/workers")
        expect((list(workers), workers["1"]["idle_cycles"]),
               (["0", "1"], 2 * workers["1"]["busy_cycles"]), "workers")
        for wrong in ("/pvn/switch/port", "/pvn/switch/port,none", "/pvn/switch/port,3",
                      "/pvn/switch/port,99999", "/pvn/switch/ports,x", "/pvn/switch/fdb,-1"):
            expect(telemetry.ask(wrong), None, wrong)


def test_telemetry_pages():
    """what is long comes in pages that fit"""
    with Stub(telemetry=True, LEARN=3000) as stub:
        path = stub.file("".join(f"[port {f'p{n:03}':x<31}]\ndevice=d{n}\nlearn=100000\n"
                                 for n in range(1000)))
        stub.kill()
        stub.options = ["--config", path]
        stub.start_stub(prefix="stub").line()
        telemetry = Telemetry(stub)
        for command, count in (("ports", 1000), ("fdb", 3000)):
            found, start = [], "0"
            while start is not None:
                page = telemetry.ask(f"/pvn/switch/{command},{start}")
                start = page.pop("next", None)
                found += page["ports"].values() if command == "ports" else page.keys()
            expect((len(found), len(set(found))), (count, count), command)
        name, entry = next(iter(telemetry.ask("/pvn/switch/fdb").items()))
        expect(f"{entry['vlan']}/{entry['mac'].replace(':', '')}", name, "name of an address")
        expect((entry["port"], entry["static"]), (0, 0), "an address")


if __name__ == "__main__":
    checks.main([test_sample, test_json, test_cleared, test_dies, test_screen, test_screen_counted,
                 test_small_screen, test_restart, test_telemetry, test_telemetry_pages],
                timeout=60)
