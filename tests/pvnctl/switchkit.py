# SPDX-License-Identifier: BSD-3-Clause
"""A switch_stub (switch_stub.c), pvnctl that speaks to it, and plain sockets to both its ends.

    with Stub(["--port", "up,device=x"]) as stub:
        stub.ctl.ok("switch show ports")
        stub.ask("show", "ports")
"""

import itertools
import json
import os
import signal
import socket

from ctl import BUILD, TIMEOUT, Ctl, Running, Xen

from checks import expect

NUMBERS = itertools.count()
STUB = f"{BUILD}/tests/pvnctl/switch_stub"


class Stub(Xen):
    """A stub with these options behind "--", and these variables in its environment."""

    def __init__(self, options=(), telemetry=False, **environment):
        super().__init__()
        self.options, self.telemetry = list(options), telemetry
        self.environment = {k: v if isinstance(v, bytes) else str(v)
                            for k, v in environment.items()}

    def begin(self):
        self.path = f"{self.folder}/control"
        self.ctl = Ctl(["--socket", self.path])
        self.process = self.start_stub(prefix="stub")
        expect(self.process.line(), "ready", "first line of the stub")
        self.stack.callback(self.check_end)

    def check_end(self):
        """It ends as it should, and has nothing to complain about: a sanitizer's report, say."""
        if self.process.process.poll() is None:
            code, _, err = self.process.end()
            expect((code, err), (0, ""), "exit code and stderr of the stub")

    def start_stub(self, path=None, prefix=None):
        """Another one, which may end at once."""
        eal = ["--no-huge", "--no-pci", "-m", "64", "-l", "0", "--log-level", "error",
               "--file-prefix", prefix or f"stub{next(NUMBERS)}"] + ([] if self.telemetry else ["--no-telemetry"])
        args = [STUB, *eal, "--", "--control", path or self.path, *self.options]
        running = Running(args, os.environ | self.environment |
                          {"RUNTIME_DIRECTORY": self.folder})
        self.stack.callback(running.close)
        return running

    def kill(self):
        self.process.process.kill()
        self.process.process.wait()

    def hang_up(self):
        self.process.process.send_signal(signal.SIGHUP)

    def client(self):
        client = Client(self.path)
        self.stack.callback(client.close)
        return client

    def ask(self, *words):
        """The answer to a request."""
        client = Client(self.path)
        try:
            return client.ask(*words)
        finally:
            client.close()


class Client:
    """A connection to the control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        self.got = b""

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        """The next line, decoded; None if the connection ended."""
        while b"\n" not in self.got:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.got += data
        line, self.got = self.got.split(b"\n", 1)
        return json.loads(line)

    def ask(self, *words):
        self.send(json.dumps(words).encode() + b"\n")
        return self.line()

    def close(self):
        self.socket.close()


class Telemetry:
    """DPDK's telemetry socket of a stub."""

    def __init__(self, stub):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(f"{stub.folder}/dpdk/stub/dpdk_telemetry.v2")
        stub.stack.callback(self.socket.close)
        self.most = json.loads(self.socket.recv(1024))["max_output_len"]

    def ask(self, command):
        self.socket.send(command.encode())
        data = self.socket.recv(2 * self.most)
        assert len(data) < self.most, f"{command}: {len(data)} bytes"
        return json.loads(data)[command.split(",")[0]]
