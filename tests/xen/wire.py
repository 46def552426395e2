# SPDX-License-Identifier: BSD-3-Clause
"""Both ends of a Xen wire as processes of this machine, over `local`.

    with Local() as xen:
        xen.attach(1, mac="02:00:00:00:00:01")
        back = xen.back(1)
        front = xen.front(1, "zero_copy=1")
        front.wait("link up")
        back.order("rx on"); back.order("expect 1000")
        front.order("send 1000 60 1514")
        back.wait("received 1000")

What plays the hypervisor and XenStore is `pvnctl local serve`, what plays the toolstack is `pvnctl xen
attach`, and an end is tests/xen/portpeer.c on our driver. Everything ends with the test.
"""

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, f"{ROOT}/tests/vm")

import children  # noqa: E402
from peerorders import TIMEOUT, PeerOrders  # noqa: E402
from errors import KitError, Missing  # noqa: E402

BUILD = os.environ.get("PVN_BUILD", f"{ROOT}/build")
PVNCTL = f"{BUILD}/bin/pvnctl"
PORTPEER = f"{BUILD}/tests/xen/portpeer"
MBUFS = 2047
LONG = bool(os.environ.get("PVN_LONG"))


class Died(KitError):
    """A program ended before it did what was waited for."""


class Program:
    """A program that is told what to do on stdin, and whose lines are waited for."""

    def __init__(self, args, **options):
        self.args = args
        self.log = ""  # all it said
        self.seen = 0  # how much of that was waited for
        self.process = children.start(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      stdin=subprocess.PIPE, **options)
        os.set_blocking(self.process.stdout.fileno(), False)

    def _read(self, seconds):
        """More output, if there is any within that time; False at its end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                return True
        data = self.process.stdout.read()
        self.log += (data or b"").decode(errors="replace")
        return data != b""

    def wait(self, pattern, timeout=TIMEOUT):
        """Wait for a line that matches, after those already waited for; the match."""
        regex = re.compile(rf"^{pattern}$", re.MULTILINE)
        end = time.monotonic() + timeout
        alive = True
        while True:
            match = regex.search(self.log, self.seen)
            if match and self.log.find("\n", match.end() - 1) >= 0:
                self.seen = match.end()
                return match
            if not alive:
                raise Died(f"{self} ended without '{pattern}':\n{self.log[-3000:]}")
            if time.monotonic() > end:
                raise KitError(f"{self} did not say '{pattern}' in {timeout} s:\n{self.log[-3000:]}")
            alive = self._read(max(0.0, end - time.monotonic()))

    def wait_until(self, condition, what, timeout=TIMEOUT):
        """Ask again and again until it is so."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise KitError(f"{self}: not in {timeout} s: {what}:\n{self.log[-3000:]}")

    def check_alive(self):
        """Raise Died, with what it said last, if it has ended."""
        self._read(0)
        if self.process.poll() is not None:
            raise Died(f"{self} ended with {self.process.returncode}:\n{self.log[-3000:]}")

    def order(self, line):
        """Tell it something; one that has ended is found out by the next wait()."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()

    def ask(self, line, pattern, timeout=TIMEOUT):
        """Tell it something and wait for the answer."""
        self.order(line)
        return self.wait(pattern, timeout)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def drain(self, timeout=TIMEOUT):
        """Read all that it says until it ends."""
        end = time.monotonic() + timeout
        while self._read(max(0.0, end - time.monotonic())):
            if time.monotonic() > end:
                raise KitError(f"{self} did not end in {timeout} s:\n{self.log[-3000:]}")

    def ended(self, timeout=TIMEOUT):
        """Wait for its end; the exit code."""
        return self.process.wait(timeout)

    def close(self):
        with contextlib.suppress(BrokenPipeError):  # an order that a dead one did not read
            self.process.stdin.close()
        children.end(self.process)

    def __str__(self):
        return " ".join(os.path.basename(arg) for arg in self.args[:1] + self.args[-8:])


class Peer(PeerOrders, Program):
    """A portpeer of this machine."""

    def quit(self):
        """End it as an application ends; its exit code must be 0."""
        self.order("quit")
        if self.ended() != 0:
            raise KitError(f"{self} ended with {self.process.returncode}:\n{self.log[-3000:]}")


class Local:
    """A `pvnctl local serve`, and programs that take part in it."""

    def __init__(self, build=BUILD):
        self.build = build
        self.stack = contextlib.ExitStack()
        self.count = 0

    def __enter__(self):
        for path in (PVNCTL, PORTPEER):
            if not os.path.exists(path):
                raise Missing(f"{path} is missing: ./run build")
        self.folder = tempfile.mkdtemp(prefix="pvn-xen-")
        self.stack.callback(shutil.rmtree, self.folder)
        self.socket = f"{self.folder}/xen"
        self.server = self.add(Program([PVNCTL, "local", "serve", self.socket]))
        self.server.wait(r"serving .*")
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def add(self, program):
        """Have a program end with this."""
        self.stack.callback(program.close)
        return program

    def pvnctl(self, *args, code=0):
        """Run pvnctl as domain 0; its output."""
        done = subprocess.run([PVNCTL, "--xen", f"local:{self.socket}:0", *map(str, args)],
                              capture_output=True, text=True, timeout=TIMEOUT, check=False)
        if done.returncode != code:
            raise KitError(f"pvnctl {args}: exit code {done.returncode}, expected {code}: "
                           f"{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def domain(self, domid):
        """Make the domain known, as a toolstack does when it starts one."""
        self.pvnctl("local", "domain", "add", self.socket, domid)

    def attach(self, domid, handle=0, mac=None, **options):
        """Make a device; options are those of pvnctl xen attach."""
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        mac = mac or f"02:00:00:00:{domid:02x}:{handle:02x}"
        self.pvnctl("xen", "attach", domid, f"--handle={handle}", f"--mac={mac}", *words)

    def peer(self, driver, devargs, domid, args=(), core=1, ready=True, spec=None,
             memory=("--no-huge",)):
        """A portpeer on one of our drivers, as a program of a domain."""
        self.count += 1
        program = self.add(Peer([
            PORTPEER, *memory, "-m", "128", "--no-pci", "--no-telemetry", "--log-level=5",
            f"--file-prefix={self.prefix()}", "--lcores", f"0@0-1,1@{core}",
            # EAL refuses a path below a folder that everybody may write to, as /tmp is.
            "-d", f"librte_net_{driver}.so",
            "--vdev", f"net_{driver}0,{devargs},xen={spec or f'local:{self.socket}:{domid}'}",
            "--", "--mbufs", str(MBUFS), *map(str, args)], env=self.environment()))
        if ready:
            program.wait(r"ready .*")
        return program

    def environment(self):
        """Of EAL's programs: where our drivers are, and where its sockets and files are to be."""
        return os.environ | {"LD_LIBRARY_PATH": f"{self.build}/pmds",
                             "RUNTIME_DIRECTORY": self.folder}

    def prefix(self):
        """What EAL calls the program started last."""
        return f"pvn{os.getpid()}x{self.count}"

    def back(self, front, handle=0, domid=0, args=(), **options):
        """The host's end of a guest device."""
        return self.peer("xenback", f"frontend={front},handle={handle}", domid, args, core=0,
                         **options)

    def front(self, domid, devargs="handle=0", args=(), **options):
        """The guest's end."""
        return self.peer("xenvirt", devargs, domid, args, core=1, **options)


STOP, CONT, KILL = signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL
