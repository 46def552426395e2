#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The programs in examples/, as docs/howto/ivshmem.md runs them."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../vm")
sys.path.insert(0, HERE)

from keeper import BUILD, Keeper  # noqa: E402
from test_ivshmem_telemetry import start  # noqa: E402

import checks  # noqa: E402
from checks import expect  # noqa: E402


def pair(keeper, count):
    host = start(keeper.stack, keeper.folder, "host", f"{BUILD}/examples/ivshmem_host",
                 "--no-telemetry", "--", f"socket:{keeper.folder}/r0.host", str(count), f"r{os.getpid()}")
    host.wait("waiting for a guest")
    return host, guest(keeper)


def guest(keeper):
    return start(keeper.stack, keeper.folder, "guest", f"{BUILD}/examples/ivshmem_guest",
                 "--no-telemetry", "--", f"socket:{keeper.folder}/r0")


def test_pair():
    """ten frames go there and come back with their addresses swapped; both end by themselves"""
    with Keeper(["r0,size=16M"]) as keeper:
        host, its_guest = pair(keeper, 10)
        host.drain()
        expect(host.ended(), 0, "exit code of the host")
        expect(host.log.count("back from 02:00:00:00:00:01\n"), 10, "frames that came back")
        expect(int(its_guest.wait(r"(\d+) frames, 0 with a bad header; the host has left")[1]), 10,
               "frames that the guest saw")
        expect(its_guest.ended(), 0, "exit code of the guest")


def test_killed():
    """a guest that is killed in the middle costs nothing: the next one goes on"""
    with Keeper(["r0,size=16M"]) as keeper:
        host, its_guest = pair(keeper, 20000)
        host.wait("back from 02:00:00:00:00:01")
        its_guest.kill()
        its_guest = guest(keeper)
        host.drain()
        expect(host.ended(), 0, "exit code of the host")
        its_guest.wait(r"\d+ frames, 0 with a bad header; the host has left")


def test_errors():
    """what is missing is told in one line"""
    with Keeper(["r0,size=16M"]) as keeper:
        program = start(keeper.stack, keeper.folder, "none", f"{BUILD}/examples/ivshmem_guest",
                        "--no-telemetry", "--", f"socket:{keeper.folder}/r1")
        program.wait(r".*r1.*")
        expect(program.ended(), 1, "exit code without a keeper")


if __name__ == "__main__":
    checks.main([test_pair, test_killed, test_errors], timeout=60)
