#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""pvnctl ivshmem: the keeper and what is said to it, with peers that are plain processes."""

import json
import os
import signal
import socket
import subprocess
import sys

sys.path.insert(0, f"{os.path.dirname(os.path.abspath(__file__))}/../ivshmem")

from keeper import PVNCTL, Keeper  # noqa: E402

import checks  # noqa: E402
from checks import expect  # noqa: E402


def test_regions():
    """regions come and go while the keeper runs; sockets are the owner's alone"""
    with Keeper(["r0,size=4M,vectors=2"]) as keeper:
        keeper.ctl("add r1,size=1M,guests=1,mode=0660")
        regions = keeper.list()
        expect(sorted(regions), ["r0", "r1"], "regions")
        expect((regions["r0"]["size"], regions["r0"]["vectors"]), (4 << 20, 2), "of r0")
        for name, mode in (("r0", 0o600), ("r0.host", 0o600), ("r1", 0o660), ("control", 0o600)):
            expect(os.stat(f"{keeper.folder}/{name}").st_mode & 0o7777, mode, f"mode of {name}")
        guest = keeper.guest("r1")
        guest.ask("info", "size 1048576 number 1 vectors 1")
        keeper.ctl("remove r1")
        guest.ask("gone 0", "gone")
        expect(os.path.exists(f"{keeper.folder}/r1"), False, "socket of a removed region")
        expect("r0 " in keeper.ctl("list"), True, "r0 in the table")


def test_refused():
    """what makes no sense is refused with a reason, and changes nothing"""
    with Keeper(["r0,size=4M"]) as keeper:
        before = keeper.list()
        for words, part in (
                ("r0,size=4M", "already"), ("r1", "size= is missing"), ("r1,size=3M", "power of"),
                ("r1,size=4X", "4X"), ("r1,size=99999999999999T", "bytes"), ("a/b,size=1M", "name"),
                ("r1,size=1M,vectors=33", "1..32"), ("r1,size=1M,guests=0", "1..255"),
                ("r1,size=1M,colour=red", "colour"), ("r1,size=1M,vectors", "WORD=VALUE"),
                ("r1,size=1M,mode=9", "octal"), ("r1,size=1M,user=nobody-here", "user"),
                ("control,size=1M", "called"), ("x.host,size=1M", "called"),
                ("r1,size=1M,file=relative", "begins with /"), ("r1,size=1M,hugepages=3M", "pages"),
                ("r1,size=1M,file=/dev/null", "file"), (",", "NAME")):
            keeper.refused(f"add {words}", part)
        keeper.refused("remove r7", "no region 'r7'")
        keeper.refused("args r7", "no region 'r7'")
        keeper.refused("args r0 --read-only", "--plain")
        keeper.refused("plug r0 --qmp /nowhere", "start QEMU with")
        expect(keeper.list(), before, "regions")


def test_application_dies():
    """host and guests are killed; memory and the host's bells stay, a guest that is gone is told of"""
    with Keeper(["r0,size=1M"]) as keeper:
        host, guest = keeper.host("r0"), keeper.guest("r0")
        host.ask("map 200000000000", "mapped")
        guest.ask("map 200000000000", "mapped")  # the same address in both [H57]
        host.ask("write 5000 kept", "kept")
        guest.ask("there 0", "there")
        host.ask("there 1", "there")
        host.process.kill()
        host.process.wait()
        host = keeper.host("r0")
        host.ask("map 0", "mapped")
        host.ask("read 5000", "kept")
        guest.ask("there 0", "there")
        guest.ask("ring 0 0", "ringing")
        host.ask("wait 0", "rung 1")
        guest.process.kill()
        host.ask("gone 1", "gone")
        second = keeper.peer(f"socket:{keeper.folder}/r0.host")
        expect("the host's place is taken" in second.line(), True, "a second host is refused")
        expect(keeper.numbers("r0"), [0], "who is connected")


def test_keeper_ends():
    """SIGTERM leaves nothing behind; after SIGKILL the next one takes over the folder"""
    with Keeper(["r0,size=1M"]) as keeper:
        done = subprocess.run([PVNCTL, "ivshmem", "serve", "--folder", keeper.folder],
                              capture_output=True, text=True, timeout=20, check=False)
        expect((done.returncode, "a server is at" in done.stderr), (1, True), "a second keeper")
        guest = keeper.guest("r0")
        guest.ask("map 0", "mapped")
        keeper.server.process.kill()
        guest.ask("gone 0", "gone")
        guest.ask("write 0 alive", "alive")
        expect("is not running" in keeper.run("list").stderr, True, "message without a keeper")
        with Keeper(["r0,size=1M"], keeper.folder) as other:
            expect(other.numbers("r0"), [], "clients of the new one")
            other.server.process.send_signal(signal.SIGTERM)
            expect(other.server.process.wait(20), 0, "exit code after SIGTERM")
        expect(os.listdir(keeper.folder), [], "what is left in the folder")


def test_hostile_control():
    """whoever says nothing, too much or nonsense stops nobody else"""
    with Keeper(["r0,size=1M"]) as keeper:
        path, held = f"{keeper.folder}/control", []
        for text, part in ((b"[]\n", "expected"), (b"{}\n", "expected"), (b"\xff\n", "expected"),
                           (b'["add"]\n', "expected"), (b'["list", 1]\n', "expected"),
                           (b'["add", "\\u0000"]\n', "expected"), (b"[" * 3000 + b"\n", "expected"),
                           (b'["remove", "\\u00e9"]\n', "no region")):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                client.sendall(text)
                expect(part in json.loads(client.makefile().readline())["error"], True, text[:20])
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"x" * 4096)
            expect(client.recv(1), b"", "answer to a line without end")
        for _ in range(10):
            held.append(socket.socket(socket.AF_UNIX))
            held[-1].connect(path)
        keeper.ctl("add r1,size=1M")
        for client in held:
            client.close()
        expect(sorted(keeper.list()), ["r0", "r1"], "regions")


def test_file_region():
    """a region whose memory is a file, as a plain device shows it"""
    with Keeper() as keeper:
        file = f"{keeper.folder}/memory"
        keeper.ctl(f"add r0,size=2M,file={file}")
        expect(keeper.list()["r0"]["memory"], file, "the memory's file")
        host, plain = keeper.host("r0"), keeper.peer(f"file:{file}")
        host.ask("map 0", "mapped")
        plain.ask("view", "mapped")
        host.ask("write 9 seen", "seen")
        plain.ask("read 9", "seen")
        os.unlink(file)


def test_text():
    """what is printed for QEMU and libvirt holds the region's socket, or the memory's file"""
    with Keeper(["r0,size=4M,vectors=3"]) as keeper:
        socket_path, memory = f"{keeper.folder}/r0", keeper.list()["r0"]["memory"]
        args = keeper.ctl("args r0")
        expect((f"path={socket_path}" in args, "vectors=3" in args), (True, True), args)
        expect(f"mem-path={memory}" in keeper.ctl("args r0 --plain"), True, "plain")
        expect("readonly=on" in keeper.ctl("args r0 --plain --read-only"), True, "read-only")
        expect("pref64-reserve=8388608" in keeper.ctl("port r0"), True, "room of the port")
        for command in ("qmp r0", "qmp r0 --plain", "qmp r0 --unplug", "qmp r0 --plain --unplug"):
            expect(len([json.loads(line) for line in keeper.ctl(command).splitlines()]), 2, command)
        expect("ivshmem-doorbell" in keeper.ctl("xml r0"), True, "XML")
        expect("qemu:arg" in keeper.ctl("xml r0 --plain"), True, "XML of a plain device")


if __name__ == "__main__":
    checks.main([test_regions, test_refused, test_application_dies, test_keeper_ends,
                 test_hostile_control, test_file_region, test_text], timeout=60)
