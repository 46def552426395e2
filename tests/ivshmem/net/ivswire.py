# SPDX-License-Identifier: BSD-3-Clause
"""Both ends of an IVSHMEM net port as processes of this machine, over a keeper.

    with Region() as region:
        host = region.host("mac=02:00:00:00:00:01")
        guest = region.guest("zero_copy=1")
        guest.wait("link up")

An end is tests/xen/portpeer.c on our driver; wire.py says how it is talked to. Everything ends with
the test.
"""

import contextlib
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, f"{ROOT}/tests/xen")

from wire import BUILD, CONT, KILL, LONG, MBUFS, PORTPEER, STOP, Peer, Program  # noqa: E402, F401

KEEPER = f"{BUILD}/tests/ivshmem/net/keeper"
MAC = "02:00:00:00:00:01"
SIZE = 16 << 20


class Region:
    """A keeper, and programs that take part in its region."""

    def __init__(self, size=SIZE, vectors=1):
        self.size, self.vectors = size, vectors
        self.stack = contextlib.ExitStack()
        self.count = 0

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pvn-ivs-")
        self.stack.callback(shutil.rmtree, self.folder)
        self.socket = f"{self.folder}/region"
        if self.size:
            self.serve()
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def serve(self):
        self.keeper = self.add(Program([KEEPER, self.socket, str(self.size), str(self.vectors)]))
        self.keeper.wait("serving")

    def add(self, program):
        """Have a program end with this."""
        self.stack.callback(program.close)
        return program

    def environment(self):
        """Of EAL's programs: where our drivers are, and where its sockets and files are to be."""
        return os.environ | {"LD_LIBRARY_PATH": f"{BUILD}/pmds", "RUNTIME_DIRECTORY": self.folder}

    def prefix(self):
        """What EAL calls the program started last."""
        return f"ivs{os.getpid()}x{self.count}"

    def peer(self, devargs, args=(), core=1, ready=True, memory=("--no-huge",), more=()):
        """A portpeer on net_ivshmem."""
        self.count += 1
        program = self.add(Peer([
            PORTPEER, *memory, "-m", "128", "--no-pci", "--no-telemetry", "--log-level=5",
            f"--file-prefix={self.prefix()}", "--lcores", f"0@0-1,1@{core}",
            "-d", "librte_net_ivshmem.so", "--vdev", f"net_ivshmem0,{devargs}",
            *(word for vdev in more for word in ("--vdev", vdev)),
            "--", "--mbufs", str(MBUFS), *map(str, args)], env=self.environment()))
        if ready:
            program.wait(r"ready .*")
        return program

    def host(self, devargs=f"mac={MAC}", args=(), path=None, **options):
        """The host's end."""
        return self.peer(f"host={path or self.socket},{devargs}", args, core=0, **options)

    def guest(self, devargs="zero_copy=0", args=(), path=None, **options):
        """The guest's end."""
        return self.peer(f"path={path or self.socket},{devargs}", args, core=1, **options)
