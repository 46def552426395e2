# SPDX-License-Identifier: BSD-3-Clause
"""A keeper of regions (pvnctl ivshmem serve) for tests, and peers of what it keeps.

    with Keeper(["r0,size=4M,vectors=2"]) as keeper:
        host = keeper.host("r0")
        host.ask("map 0")
        keeper.ctl("list")
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("PVN_BUILD", f"{ROOT}/build")
PVNCTL = f"{BUILD}/bin/pvnctl"
TOOL = f"{BUILD}/tests/ivshmem/ivshmem_peer_tool"
TIMEOUT = 30
sys.path.insert(0, f"{ROOT}/tests/vm")

import children  # noqa: E402
from checks import expect  # noqa: E402
from errors import KitError  # noqa: E402


class Lines:
    """A process whose lines are waited for."""

    def __init__(self, args):
        self.said = b""
        self.process = children.start(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT)

    def line(self):
        out = self.process.stdout.fileno()
        while b"\n" not in self.said:
            if not select.select([out], [], [], TIMEOUT)[0]:
                raise KitError(f"{self.process.args} has said nothing for {TIMEOUT} s")
            data = os.read(out, 65536)
            if not data:
                raise KitError(f"{self.process.args} has ended")
            self.said += data
        line, self.said = self.said.split(b"\n", 1)
        return line.decode()

    def send(self, words):
        self.process.stdin.write(f"{words}\n".encode())
        self.process.stdin.flush()

    def ask(self, words, wanted=None):
        """The answer to words of the peer tool, which must be this one."""
        self.send(words)
        line = self.line()
        if wanted is not None:
            expect(line, wanted, f"answer to {words}")
        return line

    def close(self):
        children.end(self.process)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Keeper:
    """A keeper in a folder of its own."""

    def __init__(self, regions=(), folder=None):
        self.regions = list(regions)
        self.given, self.folder = folder, folder
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        if self.given is None:
            self.folder = self.stack.enter_context(
                tempfile.TemporaryDirectory(prefix="pvn-ivshmem-"))
        self.server = Lines([PVNCTL, "ivshmem", "serve", "--folder", self.folder, *self.regions])
        self.stack.callback(self.server.close)
        expect(self.server.line(), f"serving {self.folder}", "line of the keeper")
        return self

    def __exit__(self, *_exc):
        self.stack.close()

    def run(self, command, *options):
        return subprocess.run([PVNCTL, "ivshmem", *command.split(), "--folder", self.folder,
                               *options], capture_output=True, text=True, timeout=TIMEOUT,
                              check=False)

    def ctl(self, command, *options):
        """A command of pvnctl ivshmem that does what it should; its output."""
        done = self.run(command, *options)
        expect((done.returncode, done.stderr), (0, ""), f"code and message of {command}")
        return done.stdout

    def refused(self, command, part):
        done = self.run(command)
        expect((done.returncode, part in done.stderr, done.stderr.count("\n")), (1, True, 1),
               f"code, '{part}' and lines in the message of {command}: {done.stderr}")

    def list(self):
        """Regions by name."""
        return {r["name"]: r for r in json.loads(self.ctl("list", "-j"))["regions"]}

    def numbers(self, region):
        return [client["number"] for client in self.list()[region]["clients"]]

    def peer(self, spec):
        peer = Lines([TOOL, spec])
        self.stack.callback(peer.close)
        return peer

    def host(self, region):
        return self.peer(f"socket:{self.folder}/{region}.host")

    def guest(self, region):
        return self.peer(f"socket:{self.folder}/{region}")
