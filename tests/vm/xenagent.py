# SPDX-License-Identifier: BSD-3-Clause
"""Our side of xen/agent.c: the messages to and from a domain, and the programs running in it."""

import re
import signal

from errors import VmError
from kit import Program, clean

# "STX ID VERB DATA LF", with control characters of DATA as %XX; see xen/agent.c.
MESSAGE = re.compile(rb"\x02(\d+) ([a-z]+) ([^\x02\n]*)\n")
QUOTED = re.compile(rb"%([0-9a-f]{2})")
CONTROL = re.compile(rb"[\0-\x1f%\x7f]")
INPUT = 12 * 1024  # at most this much input in one message


def quote(data):
    return CONTROL.sub(lambda found: b"%%%02x" % found[0][0], data)


def unquote(data):
    return QUOTED.sub(lambda found: bytes([int(found[1], 16)]), data)


class Output:
    """What a program printed; looks like a channel of the kit."""

    def __init__(self):
        self.data = bytearray()

    def text(self, start=0, end=None):
        return clean(self.data[start:end])


class XenProgram(Program):
    """A program in a domain, with a terminal or with pipes; as kit.Program for ordinary guests."""

    def __init__(self, domain, ident, command, prompt=None, sink=None):
        # Not the base class's: that one starts the program on a serial port.
        self.vm, self.port, self.command, self.prompt = domain, ident, command, prompt
        self.channel = Output()
        self.sink = sink or self.channel.data.extend
        self.position = self.start = 0
        self.pid = self.exit_code = None

    def code(self):
        return self.exit_code

    def send(self, text):
        data = text.encode()
        for start in range(0, len(data), INPUT):
            self.vm.agent.post(self.port, "in", data[start:start + INPUT])

    def match(self, pattern, timeout=60):
        """As wait(), for a regular expression; returns the match of bytes."""
        compiled = re.compile(pattern.encode())

        def printed():
            found = compiled.search(self.channel.data, self.position)
            if found is None and self.exit_code is not None:
                raise self.vm.error(VmError, f"the program ended with {self.exit_code} before it "
                                              f"printed {pattern!r}")
            return found

        found = self.vm.wait(printed, timeout, f"waiting for {pattern!r} from {self.command}")
        self.position = found.end()
        return found

    def kill(self, number=signal.SIGKILL, timeout=60):
        """Send a signal; returns the exit code once the program has ended."""
        self.vm.agent.post(self.port, "kill", b"%d" % number)
        return self.ended(timeout)


class Agent:
    """The agent of one domain, reached by SEND, which takes bytes; feed() gets what comes back."""

    def __init__(self, send):
        self.send = send
        self.ready = False
        self.rest = b""
        self.console = bytearray()  # words of the kernel, and all that is no message
        self.programs = {}
        self.count = 0

    def post(self, ident, verb, data):
        self.send(b"\x02%d %s %s\n" % (ident, verb.encode(), quote(data)))

    def start(self, domain, kind, script, command=None, prompt=None, sink=None):
        """Start a shell script with a pipe or a terminal ("pty"); returns a XenProgram."""
        self.count += 1
        program = XenProgram(domain, self.count, command or script, prompt, sink)
        self.programs[self.count] = program
        self.post(self.count, kind, script.encode())
        return program

    def feed(self, data):
        """Take bytes from the domain: whole lines now, the rest when it is complete."""
        whole, newline, self.rest = (self.rest + bytes(data)).rpartition(b"\n")
        for line in (whole + newline).splitlines(keepends=True):
            found = MESSAGE.search(line)
            if found is None:
                self.console += line
                continue
            self.console += line[:found.start()]
            self.take(int(found[1]), found[2], unquote(found[3]))

    def take(self, ident, verb, data):
        """One message from the domain."""
        program = self.programs.get(ident)
        if verb == b"ready":
            self.ready = True
        elif verb == b"log":
            self.console += data + b"\n"
        elif program is not None and verb == b"out":
            program.sink(data)
        elif program is not None and verb == b"pid":
            program.pid = int(data)
        elif program is not None and verb == b"exit":
            program.exit_code = int(data)  # ended() forgets it; until then reports show it
