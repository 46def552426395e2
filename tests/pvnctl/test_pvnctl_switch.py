#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""pvnctl switch and pvswitch's control socket: what can be asked, what is refused, who may ask."""

import json
import os
import socket
import stat
import sys
import time

from switchkit import Client, Stub

import checks
from checks import expect

MAC = "00:16:3e:00:00:09"
PORTS = ["--port", "up,mode=trunk,vlans=1-10,20,native=3,device=net_null0,iface=a,b",
         "--port", "guest1,vlan=5,device=x", "--port", "b,device=y"]


def names(stub):
    return [port["name"] for port in stub.ctl.json("switch show ports")["ports"]]


def settings(stub, name):
    return stub.ctl.json(f"switch show ports {name}")["ports"][0]["settings"]


# ---- show ----

def test_show_ports():
    """ports as JSON and as a table; one with all its settings"""
    with Stub(PORTS, GUEST_NAME="web", GUEST_WHY="queue 1: a bad ring") as stub:
        first, second, _ = stub.ctl.json("switch show ports")["ports"]
        expect([first[key] for key in ("number", "name", "kind", "guest", "mac", "up", "why",
                                       "worker", "addresses")],
               [0, "up", "device", None, "00:16:3e:00:00:00", True, None, 0, 0], "first")
        expect([second[key] for key in ("number", "name", "kind", "guest", "why", "worker")],
               [1, "guest1", "guest", "web", "queue 1: a bad ring", 1], "second")
        expect(first["settings"], {
            "device": "net_null0,iface=a,b", "mode": "trunk", "native": "3", "vlans": "1-10,20",
            "isolated": "no", "learn": "1024", "secured": "no", "learning": "yes", "macs": "any",
            "reserved": "drop", "storm": "0", "storm-burst": "64", "rate": "0", "mtu": "0",
            "queues": "1", "mirror": "off"}, "settings")
        counts = first["counts"]
        expect(counts["bytes"], 100 * counts["frames"], "bytes")
        expect(counts["frames"], counts["unicast"] + counts["flooded"] + counts["drops"],
               "sum of frames")
        lines = stub.ctl.ok("switch show ports").splitlines()
        expect(lines[0].split(), ["NUMBER", "NAME", "GUEST", "LINK", "MODE", "VLAN", "MAC",
                                  "ADDRESSES", "IN", "OUT", "DROPS", "WHY"], "titles")
        expect(lines[1].split()[:8], ["0", "up", "-", "up", "trunk", "1-10,20", "native", "3"],
               "line of the trunk")
        expect(lines[2].split()[1:6], ["guest1", "web", "up", "access", "5"], "line of a guest")
        expect(lines[2].endswith("queue 1: a bad ring"), True, "why")
        one = dict(line.rsplit(None, 1) for line in
                   stub.ctl.ok("switch show ports b").splitlines())
        expect([one[key] for key in ("name", "settings vlan", "settings device")],
               ["b", "1", "y"], "one port")


def test_show_drops():
    """causes that are not 0, with what they mean"""
    with Stub(PORTS) as stub:
        reply = stub.ctl.json("switch show drops")
        expect([sorted(port["drops"]) for port in reply["ports"]], [["spoofed"]] * 3, "causes")
        expect("spoofed" in reply["causes"] and "tx_full" in reply["causes"], True, "meanings")
        line, = stub.ctl.ok("switch show drops b").splitlines()[1:]
        expect((line.split()[0], "source address is not one of the port's" in line), ("b", True),
               "table")


def test_show_rest():
    """workers and the whole"""
    with Stub(PORTS) as stub:
        workers = stub.ctl.json("switch show workers")["workers"]
        expect([(w["number"], w["ports"]) for w in workers], [(0, 2), (1, 1)], "workers")
        lines = stub.ctl.ok("switch show workers").splitlines()
        expect([line.split()[3] for line in lines], ["BUSY", "50.0%", "33.3%"], "table")
        whole = stub.ctl.json("switch show switch")
        expect([whole[key] for key in ("ports", "workers", "xen", "control", "config", "pid")],
               [3, 2, "off", stub.path, None, stub.process.process.pid], "the whole")
        expect("addresses_max" in stub.ctl.ok("switch show switch"), True, "table")


def test_pages():
    """what is long comes in pages, and pvnctl puts them together"""
    with Stub(LEARN=5000) as stub:
        with open(f"{stub.folder}/many.conf", "w", encoding="utf-8") as out:
            for n in range(300):
                out.write(f"[port p{n}]\ndevice=d{n}\nlearn=100000\n")
        stub.kill()
        stub.options = ["--config", out.name]
        stub.process = stub.start_stub()
        stub.process.line()
        expect(names(stub), [f"p{n}" for n in range(300)], "ports")
        page = stub.ask("show", "ports", "start", "298", "limit", "1")
        expect(([p["name"] for p in page["ports"]], page["next"]), (["p298"], 299), "a page")
        page = stub.ask("show", "ports", "start", "299")
        expect((len(page["ports"]), page["next"]), (1, None), "the last page")
        found = stub.ctl.json("switch show fdb")["addresses"]
        expect((len(found), len({a["mac"] for a in found})), (5000, 5000), "addresses")
        expect({a["vlan"] for a in stub.ctl.json("switch show fdb --vlan 2")["addresses"]}, {2},
               "VLAN")
        expect(stub.ctl.json("switch show fdb --port p1"), {"addresses": []}, "of another port")
        page = stub.ask("show", "fdb", "limit", "7")
        expect((len(page["addresses"]), page["next"] > 0), (7, True), "a page of addresses")
        expect(len(stub.ctl.ok("switch show fdb --port p0 --vlan 1").splitlines()), 2501, "table")


def test_hostile():
    """what a guest says of itself cannot break the output, and JSON keeps it"""
    for text in (b"\x1b[2J", b"a\nb", b"\xff\xfe", b'"\\', "Zoë\u009b1m".encode(), b"x" * 300):
        with Stub(PORTS, GUEST_NAME=text, GUEST_WHY=text) as stub:
            for line in ("switch show ports", "switch show ports guest1", "top"):
                out = stub.ctl.ok(line)
                expect((out.isascii(), out.replace("\n", "").isprintable()), (True, True),
                       f"{line} with {text[:20]}")
            expect(stub.ctl.ok("switch show ports").count("\n"), 4, "lines")
            guest = stub.ctl.json("switch show ports guest1")["ports"][0]
            if text.isascii() and len(text) < 32:
                expect((guest["guest"], guest["why"]), (text.decode(),) * 2, "in JSON")


# ---- changes ----

def test_ports():
    """ports are made, set and removed"""
    with Stub(PORTS) as stub:
        expect(stub.ctl.ok("switch port add new vlan=7 rate=1G device=net_tap0,iface=a"),
               "added: new\n", "output")
        expect(settings(stub, "new")["rate"], "1G", "rate")
        expect(settings(stub, "new")["device"], "net_tap0,iface=a", "device")
        expect(stub.ctl.json("switch port set new mode=trunk vlans=1-5,7 native=2"),
               {"changed": "new"}, "JSON")
        now = settings(stub, "new")
        expect([now.get(key) for key in ("mode", "vlan", "vlans", "native", "rate")],
               ["trunk", None, "1-5,7", "2", "1G"], "settings")
        stub.ctl.ok("switch port set new mode=access")
        expect(settings(stub, "new")["vlan"], "1", "VLAN in the new mode")
        stub.ctl.ok("switch mirror new b")
        expect(settings(stub, "new")["mirror"], "b", "mirror")
        stub.ctl.ok("switch mirror new off")
        expect(settings(stub, "new")["mirror"], "off", "no mirror")
        expect(stub.ctl.ok("switch port remove new"), "removed: new\n", "output")
        expect(names(stub), ["up", "guest1", "b"], "ports")


REFUSALS = (
    ("switch port add b device=x", "port b: it cannot be made"),
    ("switch port add new device=broken", "port new: it cannot be made"),
    ("switch port add new vlan=5", "device=... is missing"),
    ("switch port add xen1.0 device=x", "port name 'xen1.0' is a Xen guest's"),
    ("switch port add 'a b' device=x", "port name 'a b': expected 1..31 letters"),
    ("switch port add new device=x vlan", "'vlan': expected WORD=VALUE"),
    ("switch port add new device=x vlan=0", "vlan '0': expected a number in 1..4094"),
    ("switch port add new device=x vlan=1 vlan=2", "vlan is given twice"),
    ("switch port add new device=x vlans=2", "vlans is for a port with mode=trunk"),
    ("switch port add new device=x mirror=new", "port new cannot be its own mirror"),
    ("switch port add new device=x mirror=none", "there is no port 'none'"),
    ("switch port add new device=x colour=red", "there is no word 'colour'"),
    ("switch port set none vlan=5", "there is no port 'none'"),
    ("switch port set b device=z", "device of a port stays as it is"),
    ("switch port set b vlan=5 native=3", "native is for a port with mode=trunk"),
    ("switch port set guest1 device=z", "device is for [port NAME]"),
    ("switch port set guest1 queues=2", "queues is for [port NAME]"),
    ("switch port remove none", "there is no port 'none'"),
    ("switch port remove guest1", "port guest1 goes with its device"),
    ("switch mirror b none", "there is no port 'none'"),
    ("switch mirror none b", "there is no port 'none'"),
    ("switch mirror b b", "port b cannot be its own mirror"),
    ("switch clear none", "there is no port 'none'"),
    ("switch show ports none", "there is no port 'none'"),
    ("switch show drops none", "there is no port 'none'"),
    ("switch show fdb --port none", "there is no port 'none'"),
    ("switch show fdb --vlan 0", "vlan '0': expected a number in 1..4094"),
    ("switch show fdb --vlan x", "vlan 'x': expected a number in 1..4094"),
    ("switch fdb flush --vlan 4095", "vlan '4095'"),
    (f"switch fdb add {MAC} 0 b", "vlan '0': expected a number in 1..4094"),
    (f"switch fdb add {MAC} 5 none", "there is no port 'none'"),
    ("switch fdb add 01:00:5e:00:00:01 5 b", "address '01:00:5e:00:00:01': expected one as"),
    (f"switch fdb add {MAC}0 5 b", f"address '{MAC}0': expected one as"),
    (f"switch fdb remove {MAC} 5", f"address {MAC} is not there in VLAN 5"),
    ("switch reload", "pvswitch was started without --config"),
    ("top --count 0", "count '0': expected a number in 1.."),
    ("switch show ports --socket ''", "socket '': expected a path"),
    (f"switch show ports --socket /{'x' * 200}", "expected a path of 1..107 characters"),
)


def test_refusals():
    """what is refused is explained, and nothing is changed"""
    with Stub(PORTS) as stub:
        before = [port["settings"] for port in stub.ctl.json("switch show ports")["ports"]]
        for line, part in REFUSALS:
            if "--socket" in line:
                stub.ctl.options, kept = [], stub.ctl.options
                stub.ctl.refused(line, part)
                stub.ctl.options = kept
                continue
            stub.ctl.refused(line, part)
        stub.ctl.refused("switch port set b", "switch port set: expected NAME WORD=VALUE...", 2)
        stub.ctl.refused("switch show", "the command is not complete", 2)
        stub.ctl.refused("switch show port", "there is no command 'switch show'", 2)
        stub.ctl.refused("switch show workers b", "switch show workers: 'b' is too much", 2)
        expect([port["settings"] for port in stub.ctl.json("switch show ports")["ports"]], before,
               "settings")


def test_fdb():
    """static addresses come and go; a flush leaves them"""
    with Stub(PORTS, LEARN=100) as stub:
        stub.ctl.ok(f"switch fdb add {MAC} 5 b")
        entry, = stub.ctl.json("switch show fdb --port b")["addresses"]
        expect(entry, {"mac": MAC, "vlan": 5, "port": "b", "age": 0, "static": True}, "entry")
        expect(stub.ctl.ok("switch show fdb --port b").splitlines()[1].split(),
               [MAC, "5", "static", "b"], "table")
        expect(stub.ctl.ok("switch fdb flush --vlan 2"), "flushed: 50\n", "of a VLAN")
        expect(stub.ctl.json("switch fdb flush --port b"), {"flushed": 0}, "of a port")
        expect(stub.ctl.json("switch fdb flush"), {"flushed": 50}, "of all")
        expect(len(stub.ctl.json("switch show fdb")["addresses"]), 1, "what is left")
        stub.ctl.ok(f"switch fdb remove {MAC} 5")
        expect(stub.ctl.json("switch show fdb"), {"addresses": []}, "in the end")


def test_clear():
    """counters begin again, of one or of all"""
    def frames(stub):
        return [p["counts"]["frames"] for p in stub.ctl.json("switch show ports")["ports"]]

    with Stub(PORTS) as stub:
        while min(frames(stub)) < 1200:
            pass
        stub.ctl.ok("switch clear b")
        up, guest, b = frames(stub)
        expect((up >= 1200, guest >= 1200, b < guest), (True, True, True), "only one")
        expect(stub.ctl.ok("switch clear"), "cleared: 3\n", "output")
        expect(max(frames(stub)) < up, True, "all")


def test_reload():
    """the file is read again, by request and by signal; a bad one changes nothing"""
    with Stub() as stub:
        path = stub.file("[port a]\ndevice=x\n")
        stub.kill()
        stub.options = ["--config", path]
        stub.process = stub.start_stub()
        stub.process.line()
        stub.file("[port a]\ndevice=x\n[port c]\ndevice=y\n")
        expect(stub.ctl.ok("switch reload"), f"reloaded: {path}\n", "output")
        expect(names(stub), ["a", "c"], "ports")
        stub.file("[port a]\ndevice=x\nvlan=none\n")
        stub.ctl.refused("switch reload", f"{path}, section [port a]: vlan 'none': expected")
        stub.file("[port d]\ndevice=z\n")
        stub.hang_up()
        while names(stub) != ["a", "c", "d"]:
            pass


# ---- the socket ----

def test_not_running():
    """without pvswitch, that is said"""
    with Stub() as stub:
        stub.process.end()
        expect(os.path.exists(stub.path), False, "socket after the end")
        for line in ("switch show ports", "switch port add a device=x", "top"):
            stub.ctl.refused(line, "pvswitch is not running, or its control socket is elsewhere: "
                             f"{stub.path}: No such file or directory")


def test_socket():
    """only its owner may use the socket; a left-over is replaced, a live one and a file are not"""
    with Stub() as stub:
        expect(stat.S_IMODE(os.stat(stub.path).st_mode), 0o600, "mode")
        code, _, err = stub.start_stub().end(0)
        expect((code, "is in use: another pvswitch runs" in err), (1, True), err)
        stub.ask("show", "switch")
        stub.kill()
        stub.ctl.refused("switch show ports", "Connection refused")
        expect(stub.start_stub().line(), "ready", "in the place of a dead one")
        other = f"{stub.folder}/file"
        with open(other, "w", encoding="utf-8"):
            pass
        code, _, err = stub.start_stub(other).end(0)
        expect((code, "is in use" in err, os.path.isfile(other)), (1, True, True), err)
        expect(stub.start_stub(f"{stub.folder}/new/control").line(), "ready", "in a new folder")
        code, _, err = stub.start_stub(f"{stub.folder}/no/new/control").end(0)
        expect((code, "bind: No such file or directory" in err), (1, True), err)


def test_other_user():
    """another user is refused even if the socket's mode lets him in"""
    if os.geteuid() != 0:
        raise checks.Missing("only root can be another user: run it as root")
    with Stub() as stub:
        os.chmod(stub.folder, 0o755)
        os.chmod(stub.path, 0o666)
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setuid(65534)
            client = Client(stub.path)
            os._exit(0 if "only root" in client.line()["error"] else 1)
        expect(os.waitpid(child, 0)[1], 0, "exit code of the other user")
        stub.ask("show", "switch")


BAD_LINES = (b"", b"{}", b"[]", b"[1]", b'["show", 1]', b"show ports", b"\xff\x00\x80", b"[",
             b'["a"] x', b"null", b'["\\u0000"]', json.dumps(["x"] * 33).encode(), b"[" * 3000)


def test_bad_lines():
    """whatever comes is answered, and the connection goes on"""
    with Stub(PORTS) as stub:
        client = stub.client()
        for line in BAD_LINES:
            client.send(line + b"\n")
            expect("expected an array of words" in client.line()["error"], True, str(line[:20]))
        for words, part in (
                (["shw"], "there is no request 'shw'"),
                (["show", "all"], "there is no request 'show all'"),
                (["show", "ports", "x"], "'x': expected one of port start limit"),
                (["show", "ports", "port"], "'port': expected one of"),
                (["show", "ports", "port", "b", "port", "b"], "'port': expected one of"),
                (["show", "ports", "", "b"], "'': expected one of"),
                (["show", "ports", "art", "1"], "'art': expected one of"),
                (["show", "ports", "port start", "1"], "'port start': expected one of"),
                (["show", "ports", "vlan", "1"], "'vlan': expected one of port start limit"),
                (["show", "ports", "limit", "129"], "limit '129': expected a number in 1..128"),
                (["show", "fdb", "start", "-1"], "start '-1': expected a number in 0..4294967295"),
                (["show", "fdb", "limit", "0"], "limit '0': expected a number in 1..1000"),
                (["reload", "now"], "reload: expected nothing behind it"),
                (["port", "add", "\u001b[2J", "device=x"], "port name '"),
                (["clear", "a", "b"], "clear: expected [PORT]")):
            expect(part in client.ask(*words)["error"], True, f"{words}: {part}")
        expect(client.ask("show", "ports", "start", "1024")["ports"], [], "behind the last port")
        expect(client.ask("show", "fdb", "start", "4294967295")["next"], None, "behind the end")
        client.send(b'["show"' + b" " * 20000)
        expect((client.line(), client.line()),
               ({"error": "the request is longer than 16383 bytes"}, None), "a long line")
        expect(len(stub.ask("show", "ports")["ports"]), 3, "ports in the end")


def test_many_requests():
    """requests sent at once are answered in their order; half ones are waited for"""
    with Stub(PORTS) as stub:
        client = stub.client()
        client.send(b"".join(b'["show", "ports", "limit", "%d"]\n' % (1 + n % 3)
                             for n in range(200)))
        expect([len(client.line()["ports"]) for n in range(200)], [1 + n % 3 for n in range(200)],
               "answers")
        for byte in b'["show", "switch"]\n':
            client.send(bytes([byte]))
        expect(client.line()["ports"], 3, "byte for byte")


def test_many_clients():
    """there may be 16; one more is told so, and nobody is held up"""
    with Stub(PORTS) as stub:
        clients = [stub.client() for _ in range(16)]
        for client in clients:
            client.ask("show", "switch")
        expect("too many clients" in stub.client().line()["error"], True, "the 17th")
        stub.ctl.refused("switch show ports", "too many clients")
        for client in clients[:8]:
            client.close()
        for client in clients[8:]:
            expect(client.ask("show", "switch")["ports"], 3, "one of those that stay")
        expect(len(names(stub)), 3, "a new one")


def test_slow_reader():
    """who does not read its answers holds up nobody, and is dropped after a while"""
    with Stub(PORTS, LEARN=1000) as stub:
        slow = stub.client()
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b'["show", "fdb"]\n' * 400
        slow.socket.setblocking(False)
        try:
            while request:
                request = request[slow.socket.send(request):]
        except BlockingIOError:
            pass
        for _ in range(20):
            expect(stub.ask("show", "switch")["ports"], 3, "for others")
        while True:  # until what we send meets a closed socket
            try:
                slow.socket.send(b"\n")
            except BlockingIOError:
                stub.ask("show", "switch")
                time.sleep(0.1)
            except OSError:
                break


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    checks.main([test_show_ports, test_show_drops, test_show_rest, test_pages, test_hostile,
                 test_ports, test_refusals, test_fdb, test_clear, test_reload, test_not_running,
                 test_socket, test_other_user, test_bad_lines, test_many_requests,
                 test_many_clients, test_slow_reader], timeout=60)
