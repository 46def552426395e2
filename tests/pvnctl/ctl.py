# SPDX-License-Identifier: BSD-3-Clause
"""pvnctl for tests: on a real xenstored, or on a `pvnctl local serve` of its own.

    with RealXen() as xen:
        guest = xen.store.domain(7)
        xen.ctl.ok("xen attach 7 --mac 00:16:3e:00:00:01")
        xen.ctl.refused("xen attach 9 --mac 00:16:3e:00:00:02", "there is no domain '9'")
"""

import contextlib
import json
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("PVN_BUILD", f"{ROOT}/build")
PVNCTL = f"{BUILD}/bin/pvnctl"
os.environ.setdefault("PVN_XENSTORE_BUILD", f"{BUILD}/tests/xenstore")
sys.path.insert(0, f"{ROOT}/tests/xenstore")

import store as xenstore  # noqa: E402 (which knows where tests/vm is)

import children  # noqa: E402
from checks import expect  # noqa: E402
from errors import KitError, Missing  # noqa: E402

TIMEOUT = 20
MAC = "00:16:3e:00:00:01"
OTHER = "00:16:3e:00:00:02"


def front_dir(front, handle=0):
    return f"/local/domain/{front}/device/xenvirt/{handle}"


def back_dir(front, handle=0, back=0):
    return f"/local/domain/{back}/backend/xenvirt/{front}/{handle}"


def need_daemon():
    """Without it, one reason for all tests is the last line."""
    try:
        xenstore.find_daemon()
    except Missing as missing:
        print(missing)
        sys.exit(77)


def words_of(line):
    return shlex.split(line) if isinstance(line, str) else [str(word) for word in line]


class Ctl:
    """pvnctl with the options and the environment that choose a XenStore."""

    def __init__(self, options=(), environment=None):
        self.options = list(options)
        self.environment = os.environ | (environment or {})
        # Where pvnctl is built with sanitizers: libxenstore forgets what its thread has just read.
        self.environment["LSAN_OPTIONS"] = f"suppressions={HERE}/lsan.supp:print_suppressions=0"

    def run(self, line):
        """Run a command, given as a line or as words; the ended process."""
        return subprocess.run([PVNCTL, *self.options, *words_of(line)], env=self.environment,
                              capture_output=True, text=True, timeout=TIMEOUT, check=False)

    def ok(self, line):
        """A command that does what it should; its output."""
        done = self.run(line)
        expect((done.returncode, done.stderr), (0, ""), f"exit code and stderr of {line}")
        return done.stdout

    def json(self, line):
        return json.loads(self.ok(f"-j {line}"))

    def refused(self, line, part, code=1):
        """A command that is refused: exit code, and a message of one line with this in it."""
        done = self.run(line)
        expect(done.returncode, code, f"exit code of {line} ({done.stderr})")
        first = done.stderr.splitlines()[0]
        expect((first.startswith("pvnctl: "), part in first), (True, True),
               f"beginning and '{part}' in the message of {line}: {first}")
        if code == 1:
            expect(done.stderr.count("\n"), 1, f"lines of the message of {line}")
        return done.stdout

    def start(self, line):
        """A command that goes on; see Running."""
        return Running([PVNCTL, *self.options, *words_of(line)], self.environment)


class Running:
    """A pvnctl that goes on until it is stopped; its lines are waited for."""

    def __init__(self, args, environment):
        self.said = b""
        self.process = children.start(args, env=environment, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)

    def line(self):
        """Its next line, waited for."""
        while b"\n" not in self.said:
            out = self.process.stdout.fileno()
            if not select.select([out], [], [], TIMEOUT)[0]:
                raise KitError(f"{self.process.args} has said nothing for {TIMEOUT} s")
            data = os.read(out, 65536)
            if not data:
                raise KitError(f"{self.process.args} has ended: {self.process.stderr.read()}")
            self.said += data
        line, self.said = self.said.split(b"\n", 1)
        return line.decode()

    def news(self):
        """Its next line about something done. Whether it says before that it waits for a domain, or
        that what is left of a device is in the way, depends on when it looks."""
        line = self.line()
        while ": waits for " in line or "remove what is left" in line:
            line = self.line()
        return line

    def end(self, number=signal.SIGTERM):
        """Stop it with a signal, or just wait (0); exit code and what else it said."""
        if number:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, (self.said + out).decode(), err.decode()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Xen:
    """What both kinds have: .ctl, and everything that ends with them."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.ctl = self.folder = None

    def __enter__(self):
        if not os.path.exists(PVNCTL):
            raise Missing(f"{PVNCTL} is missing: ./run build")
        with self.stack:
            self.folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="pvnctl-"))
            self.begin()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_exc):
        self.stack.close()

    def start(self, line):
        running = self.ctl.start(line)
        self.stack.callback(running.close)
        return running

    def file(self, text, name="devices"):
        """A configuration file; its path."""
        path = f"{self.folder}/{name}"
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path


class LocalXen(Xen):
    """A `pvnctl local serve`."""

    def begin(self):
        self.socket = f"{self.folder}/xen"
        self.ctl = Ctl(["--xen", f"local:{self.socket}:0"])
        self.server = self.start(f"local serve {self.socket}")
        expect(self.server.line(), f"serving {self.socket}", "line of the server")

    def add(self, domid, *options):
        self.ctl.ok(["local", "domain", "add", self.socket, domid, *options])

    def remove(self, domid):
        self.ctl.ok(["local", "domain", "remove", self.socket, domid])


class RealXen(Xen):
    """A real xenstored: .store is it, .dom0 a client in domain 0."""

    def begin(self):
        self.store = self.stack.enter_context(xenstore.Store())
        self.dom0 = self.store.dom0
        self.ctl = Ctl(["--xen", "xen"], self.store.domains[0].environment())

    def snapshot(self, path="/local"):
        """Everything from a path on: {path: (value, permissions)}."""
        found = {path: (self.dom0.read(path), self.dom0.perms(path))}
        for name in self.dom0.ls(path):
            found.update(self.snapshot(f"{path}/{name}"))
        return found

    def added(self, before):
        """What is new since a snapshot, and what is not as it was."""
        now = self.snapshot()
        changed = [path for path in before if now.get(path) != before[path]]
        return {path: now[path] for path in now if path not in before}, changed

    def destroy(self, domain):
        """End a domain as Xen and libxl do: its home goes, too."""
        self.dom0.rm(domain.path)
        domain.destroy()
