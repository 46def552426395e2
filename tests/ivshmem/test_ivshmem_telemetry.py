#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Telemetry of regions and of net ports' regions, over DPDK's own socket."""

import json
import os
import socket
import sys

sys.path.insert(0, f"{os.path.dirname(os.path.abspath(__file__))}/../vm")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{os.path.dirname(os.path.abspath(__file__))}/../xen")

from keeper import BUILD, Keeper  # noqa: E402
from wire import TIMEOUT, Program  # noqa: E402

import checks  # noqa: E402
from checks import expect  # noqa: E402
from initramfs import find_program  # noqa: E402

EAL = ["--no-huge", "--no-pci", "-m", "64", "--log-level=4", "--lcores", "0@0-1,1@0-1"]
REGIONS, LINKS = 230, 35
PAGE, PARTS = 200, 30  # lib/ivshmem/telemetry.h
MAC = "02:00:00:00:00:01"


class Telemetry:
    """DPDK's telemetry socket of a program."""

    def __init__(self, folder, prefix):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(f"{folder}/dpdk/{prefix}/dpdk_telemetry.v2")
        self.most = json.loads(self.socket.recv(1024))["max_output_len"]

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.socket.close()

    def ask(self, command):
        self.socket.send(command.encode())
        data = self.socket.recv(2 * self.most)
        expect(len(data) < self.most, True, f"{command}: {len(data)} bytes fit")
        return json.loads(data)[command.split(",")[0]]


def start(stack, folder, prefix, *words):
    env = os.environ | {"RUNTIME_DIRECTORY": folder, "LD_LIBRARY_PATH": f"{BUILD}/pmds"}
    line = ["stdbuf", "-oL"]  # what it says must not wait for more
    program = Program([*line, words[0], *EAL, f"--file-prefix={prefix}", *words[1:]], env=env)
    stack.callback(program.close)
    return program


def test_regions():
    """regions and links in pages; a guest that comes is seen, and so is what it was lent"""
    with Keeper() as keeper:
        many = start(keeper.stack, keeper.folder, "many", f"{BUILD}/tests/ivshmem/many", "--",
                     str(REGIONS), str(LINKS), f"r{os.getpid()}-")
        name, spec = many.wait(r"ready (\S+) (\S+)").groups()
        with Telemetry(keeper.folder, "many") as telemetry:
            first = telemetry.ask("/pvn/ivshmem/regions")
            expect((len(first["regions"]), first["regions"]["0"]), (PAGE, name), "first page")
            rest = telemetry.ask(f"/pvn/ivshmem/regions,{first['next']}")
            expect(len(rest["regions"]), REGIONS - PAGE, "second page")
            for wrong in ("regions,x", "regions,-1", "region", "region,none", f"region,{name},y"):
                expect(telemetry.ask(f"/pvn/ivshmem/{wrong}"), None, wrong)
            check_region(telemetry, name)
            check_guest(keeper, telemetry, name, spec)


def check_region(telemetry, name):
    """Nobody is there."""
    region = telemetry.ask(f"/pvn/ivshmem/region,{name}")
    wanted = {"name": name, "size": 4 << 20, "guests": 0, "guest_attachment": 0, "objects": 0,
              "lent_now": 0, "doorbell_vectors": 0, "doorbells_rung": 0, "next": PARTS,
              "read_only": 0, "where": ""}
    expect({key: region[key] for key in wanted}, wanted, "region")
    expect(region["generation"] != 0, True, "it has a generation")
    expect(len(region["links"]), PARTS, "links on the first page")
    last = telemetry.ask(f"/pvn/ivshmem/region,{name},{PARTS}")
    expect(("next" in last, len(last["links"])), (False, LINKS - PARTS), "the last page")
    expect(last["links"][str(LINKS - 1)]["name"][:8], "?quoted?", "a name that JSON would not take")
    expect(last["links"][str(PARTS)]["entries"], 64, "entries of a link")


def check_guest(keeper, telemetry, name, spec):
    """A process attaches, and stays."""
    guest = start(keeper.stack, keeper.folder, "guest", f"{BUILD}/examples/ivshmem_guest", "--",
                  spec)
    guest.wait_until(lambda: guest.check_alive() or
                     telemetry.ask(f"/pvn/ivshmem/region,{name}")["guests"] == 1, "a guest is seen")
    region = telemetry.ask(f"/pvn/ivshmem/region,{name}")
    expect((region["guests"], region["guest_attachment"] != 0), (1, True), "with its attachment")


def test_lent():
    """what the example lends is counted: all that it lent is back, and its doorbells are its keeper's"""
    with Keeper(["r0,size=16M,vectors=2"]) as keeper:
        host = start(keeper.stack, keeper.folder, "host", f"{BUILD}/examples/ivshmem_host", "--",
                     f"socket:{keeper.folder}/r0.host", "1000000", f"r{os.getpid()}")
        host.wait("waiting for a guest")
        guest = start(keeper.stack, keeper.folder, "guest", f"{BUILD}/examples/ivshmem_guest", "--",
                      f"socket:{keeper.folder}/r0")
        host.wait("back from 02:00:00:00:00:01")
        with Telemetry(keeper.folder, "host") as telemetry:
            guest.kill()
            ask = lambda: telemetry.ask(f"/pvn/ivshmem/region,r{os.getpid()}")  # noqa: E731
            host.wait_until(lambda: host.check_alive() or ask()["guests"] == 0, "the guest is gone")
            host.wait_until(lambda: host.check_alive() or ask()["lent_now"] == 0, "all is back")
            link = ask()["links"]["0"]
            expect(link["lent"], link["taken"] + link["reclaimed"], "buffers lent")
            expect((link["name"], link["lent"] > 0, link["foreign"], link["bad_index"]),
                   ("link", True, 0, 0), "link")
            expect(ask()["doorbell_vectors"], 2, "vectors")


def testpmd(keeper, prefix, devargs):
    """A port of net_ivshmem, started."""
    pmd = start(keeper.stack, keeper.folder, prefix, find_program("dpdk-testpmd"),
                "-d", "librte_net_ivshmem.so", "--vdev", f"net_ivshmem0,{devargs}",
                "--", "-i", "--total-num-mbufs=4096", "--no-mlockall", "--disable-link-check")
    pmd.wait("Done")
    return pmd


def test_net():
    """the region of net ports, as both ends see it"""
    with Keeper(["n,size=16M"]) as keeper:
        where = f"{keeper.folder}/n"
        testpmd(keeper, "host", f"host={where},mac={MAC},mac_check=0")
        guest = testpmd(keeper, "guest", f"path={where}")
        with Telemetry(keeper.folder, "host") as host_telemetry, \
                Telemetry(keeper.folder, "guest") as guest_telemetry:
            ends = {"host": host_telemetry, "guest": guest_telemetry}
            for role, telemetry in ends.items():
                expect(len(telemetry.ask("/pvn/net_ivshmem/regions")["regions"]), 1, "regions")
                expect(telemetry.ask("/pvn/net_ivshmem/regions,1")["regions"], {}, "next page")
                ends[role] = telemetry.ask("/pvn/net_ivshmem/region,0")
                wanted = {"role": role, "present": 1, "broken": 0, "size": 16 << 20, "guests": 1,
                          "guest_number": 1, "doorbell_vectors": 1}
                expect({key: ends[role][key] for key in wanted}, wanted, role)
                expect(ends[role]["doorbells_rung"] > 0, True, f"{role} rang")
                for wrong in ("regions,x", "region", "region,7", "region,x"):
                    expect(telemetry.ask(f"/pvn/net_ivshmem/{wrong}"), None, wrong)
            for word in ("generation", "guest_attachment"):
                expect(ends["host"][word], ends["guest"][word], word)
            expect(ends["host"]["ports"], 1, "ports")
            guest.kill()
            host_telemetry.ask("/pvn/net_ivshmem/regions")
            guest.wait_until(
                lambda: host_telemetry.ask("/pvn/net_ivshmem/region,0")["guests"] == 0 or
                not keeper.numbers("n")[1:], "the guest is gone")


if __name__ == "__main__":
    checks.main([test_regions, test_lent, test_net], timeout=60)
