# SPDX-License-Identifier: BSD-3-Clause
"""Where the frames of a guest's network device go: to a test, to another guest, to a Linux host.

    FrameSocket  frames a Python test sends and receives itself; needs no privileges
    link()       a cable between two devices, of one guest or of two
    Tap          a Linux network device of this machine; needs root
    Namespace    a network namespace for taps, so that tests do not touch the machine's own network

Sockets come in pairs without names (AF_UNIX, one datagram is one frame), so there are no files to
remove. QEMU stops reading a device's frames from us when the socket is full, and we see that as a
full socket.
"""

import os
import re
import select
import shlex
import socket
import subprocess

import children
from errors import KitError, Missing

MAX_FRAME = 65536


class End:
    """A datagram socket handed to QEMU: what a Nic needs to know."""

    def __init__(self, sock):
        self.sock = sock
        self.netdev = f"dgram,local.type=fd,local.str={sock.fileno()}"
        self.fds = [sock.fileno()]

    def close(self):
        self.sock.close()


def link():
    """A cable: returns its two ends, one for each Nic."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return End(one), End(other)


class FrameSocket(End):
    """A guest's network device whose other end is the test: whole Ethernet frames in and out.

    The guest's end stays open here, so a guest may end and another one take its place.
    """

    def __init__(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        super().__init__(theirs)
        self.ours = ours

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def close(self):
        super().close()
        self.ours.close()

    def fileno(self):
        return self.ours.fileno()

    def send(self, frame, timeout=10):
        """Send a frame to the guest; waits while QEMU does not read."""
        self.ours.settimeout(timeout)
        self.ours.send(frame)

    def recv(self, timeout=10):
        """The next frame the guest sent; TimeoutError if none comes."""
        self.ours.settimeout(timeout)
        return self.ours.recv(MAX_FRAME)

    def drain(self, quiet=0.0):
        """Take all frames that have arrived until none comes for QUIET seconds."""
        frames = []
        while select.select([self.ours], [], [], quiet)[0]:
            frames.append(self.ours.recv(MAX_FRAME))
        return frames


def exchange(source, sink, frames, window=64, timeout=10, keep=lambda frame: True):
    """Send frames into SOURCE and return as many from SINK, at most WINDOW of them on their way.

    A window is needed because a device without a free buffer drops. Frames for which KEEP is false
    do not count; a Linux guest sends some of its own. TimeoutError when no frame comes for TIMEOUT
    seconds.
    """
    received = []

    def receive_until(count):
        while len(received) < count:
            try:
                frame = sink.recv(timeout)
            except TimeoutError:
                raise TimeoutError(f"{len(received)} of {len(frames)} frames came") from None
            if keep(frame):
                received.append(frame)

    for number, frame in enumerate(frames, 1):
        receive_until(number - window)
        source.send(frame, timeout)
    receive_until(len(frames))
    return received


class Tap:
    """A tap device of this machine; QEMU makes it, and it goes with QEMU."""
    fds = ()

    def __init__(self, label="0", options=""):
        self.name = f"pv{os.getpid()}{label}"
        if len(self.name) > 15:
            raise KitError(f"tap name {self.name} is longer than 15 characters")
        if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
            raise Missing("tap devices need root and /dev/net/tun")
        self.netdev = f"tap,ifname={self.name},script=no,downscript=no{options}"


class Namespace:
    """A network namespace, made and removed by a with statement; its name holds our process id."""

    def __init__(self, label="0"):
        self.name = f"pvn{os.getpid()}-{label}"
        self.started = []

    def __enter__(self):
        if os.geteuid() != 0:
            raise Missing("network namespaces need root")
        remove_stale_namespaces()
        ip("netns", "add", self.name)
        return self

    def __exit__(self, *_exc):
        for process in self.started:
            children.end(process)
        ip("netns", "delete", self.name)

    def take(self, tap, *addresses):
        """Move a tap here, after QEMU opened it, set it up and give it addresses."""
        ip("link", "set", "dev", tap.name, "netns", self.name)
        ip("-n", self.name, "link", "set", "dev", tap.name, "up")
        for address in addresses:
            ip("-n", self.name, "address", "add", address, "dev", tap.name)

    def run(self, command, timeout=30):
        """Run a command line here; returns (exit code, output)."""
        done = subprocess.run(self._inside(command), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)
        return done.returncode, done.stdout

    def check(self, command, timeout=30):
        """As run(), for commands that must succeed; returns the output."""
        code, output = self.run(command, timeout)
        if code != 0:
            raise KitError(f"namespace {self.name}: {command!r} ended with {code}\n{output}")
        return output

    def start(self, command):
        """Start a command that ends with the namespace, or with us; returns the Popen object."""
        process = children.start(self._inside(command), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        self.started.append(process)
        return process

    def _inside(self, command):
        return ["ip", "netns", "exec", self.name, *shlex.split(command)]


def ip(*args):
    """Run ip(8) on this machine."""
    done = subprocess.run(["ip", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        raise KitError(f"ip {' '.join(args)}: {done.stdout.strip()}")
    return done.stdout


def remove_stale_namespaces():
    """Remove what tests left that were ended by SIGKILL: namespaces whose process is gone."""
    for line in ip("netns", "list").splitlines():
        found = re.match(r"pvn(\d+)-\S+", line)
        if found and not os.path.exists(f"/proc/{found[1]}"):
            ip("netns", "delete", found[0])
