#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""pvnctl on a real xenstored: what it writes, whose that is, what it refuses, what it shows."""

import concurrent.futures

from ctl import Ctl, MAC, OTHER, RealXen, back_dir, front_dir, need_daemon, xenstore

import checks
from checks import case, expect
from store import denied

UUID = "4d1c7a52-0b3e-4ef2-9c55-7f0e2a7a8c11"


# ---- attach ----

def parents(paths, domid):
    """Directories above, empty, of domain 0, which the domain they are in may read."""
    perms = ["n0"] if domid == 0 else ["n0", f"r{domid}"]
    return {path: ("", perms) for path in paths}


def test_nodes(back):
    """attach makes these nodes with these rights, and no others"""
    with RealXen() as xen:
        xen.store.domain(7)
        if back:
            xen.store.domain(back, driver_domain=True)
        before = xen.snapshot()
        out = xen.ctl.ok(f"xen attach 7 --backend {back} --mac 00:16:3E:00:00:01 --vlan 10 "
                         "--rate 1500M --queues 4 --mtu 9000 --mac-check off")
        expect(out, f"domain 7 has device 0, with address {MAC} and its back end in domain "
                    f"{back}\n", "output")
        front, theirs, home = front_dir(7), back_dir(7, 0, back), f"/local/domain/{back}"
        mine, others = ["n7", f"r{back}"], [f"n{back}", "r7"]
        wanted = parents([front[:-2]], 7) | parents(
            [f"{home}/backend", f"{home}/backend/xenvirt", f"{home}/backend/xenvirt/7"], back)
        wanted |= {front: ("", mine), theirs: ("", others)}
        wanted |= {f"{front}/{key}": (value, mine) for key, value in (
            ("backend", theirs), ("backend-id", str(back)), ("handle", "0"), ("state", "1"))}
        wanted |= {f"{theirs}/{key}": (value, others) for key, value in (
            ("frontend", front), ("frontend-id", "7"), ("handle", "0"), ("online", "1"),
            ("state", "1"), ("mac", MAC), ("vlan", "10"), ("rate", "1500000000"),
            ("queues", "4"), ("mtu", "9000"), ("mac-check", "0"))}
        made, changed = xen.added(before)
        instance, rights = made.pop(f"{theirs}/instance")
        expect((len(instance), rights), (16, others), "the number of the device")
        expect((made, changed), (wanted, []), "nodes and changes")
        xen.ctl.ok("xen detach 7")
        left, changed = xen.added(before)
        expect((sorted(left), changed),
               (sorted([front[:-2], f"{home}/backend", f"{home}/backend/xenvirt"]), []),
               "what a detach leaves")


def test_parents():
    """directories above that are made belong to domain 0, whatever is above them; others stay"""
    with RealXen() as xen:
        xen.store.domain(7)
        xen.store.domain(5, driver_domain=True)
        xen.store.make_node("/local/domain/5/backend", "n5", "r9")
        xen.store.make_node("/local/domain/7/device/xenvirt", "n0", "r7", "r9")
        before = xen.snapshot()
        xen.ctl.ok(f"xen attach 7 --backend 5 --mac {MAC}")
        new, changed = xen.added(before)
        expect(changed, [], "what was there")
        for path in ("/local/domain/5/backend/xenvirt", "/local/domain/5/backend/xenvirt/7"):
            expect(new[path], ("", ["n0", "r5"]), path)


def test_least():
    """without options there is no node for them; -j tells what was made"""
    with RealXen() as xen:
        xen.store.domain(7)
        expect(xen.ctl.json(f"xen attach 7 --mac {MAC}"),
               {"domain": 7, "handle": 0, "backend": 0}, "JSON")
        expect(sorted(xen.dom0.ls(back_dir(7))),
               ["frontend", "frontend-id", "handle", "instance", "mac", "online", "state"], "nodes")


def answer_nodes(queues):
    """What a front end writes for its queues. [proto/xenvirt.h]"""
    nodes = {"state": "3", "version": "1", "features": "1", "connection": "0123456789abcdef",
             "queues": queues, "control-ref": "8", "event-channel": "1", "pools": "2"}
    for i in range(queues):
        for ring in ("rx", "tx"):
            nodes[f"queue-{i}/{ring}-ring-size"] = "4096"
            nodes[f"queue-{i}/{ring}-ring-ref"] = ",".join(["4294967295"] * 28)
    for k in range(2):
        nodes[f"pool-{k}/pages"] = "65536"
        nodes[f"pool-{k}/access"] = "write"
        nodes[f"pool-{k}/directory-ref"] = ",".join(["4294967295"] * 64)
    return nodes


def test_rights():
    """each end writes its own directory, reads the other's, and nobody else either"""
    with RealXen() as xen:
        guest, driver = xen.store.domain(7), xen.store.domain(5, driver_domain=True)
        xen.ctl.ok(f"xen attach 7 --backend 5 --mac {MAC}")
        front, back, stranger = guest.client(), driver.client(), xen.store.domain(9).client()
        ours, theirs = front_dir(7), back_dir(7, 0, 5)
        expect(back.ls("backend/xenvirt"), ["7"], "what the back end finds")
        expect(back.ls("backend/xenvirt/7"), ["0"], "what it finds there")
        for key, value in {"version": "1", "features": "ff", "connection": "0123456789abcdef",
                           "max-queues": "16", "max-ring-size": "4096", "max-pages": "65536",
                           "error": "none", "state": "2"}.items():
            back.write(f"{theirs}/{key}", value)
            expect(front.read(f"{theirs}/{key}"), value, f"the back end's {key}, seen by the guest")
        t = front.begin()
        for key, value in answer_nodes(16).items():
            front.write(f"device/xenvirt/0/{key}", value, t)
        front.commit(t)
        for key, value in answer_nodes(16).items():
            expect(back.read(f"{ours}/{key}"), str(value), f"the guest's {key}")
        back.watch(f"{ours}/state")
        expect(back.event(), (f"{ours}/state", "token"), "watch when set")
        front.write("device/xenvirt/0/state", "4")
        expect(back.event(), (f"{ours}/state", "token"), "watch of the guest's state")
        for key in ("mac", "vlan", "rate", "mac-check", "queues", "mtu", "state", "online", "new"):
            denied("EACCES", front.write, f"{theirs}/{key}", "0")
        for path in (theirs, f"{theirs}/mac", theirs[:-2]):
            denied("EACCES", front.rm, path)
            denied("EACCES", front.chmod, path, "n7")
        for path in (f"{ours}/state", f"{ours}/new"):
            denied("EACCES", back.write, path, "6")
        denied("EACCES", back.rm, ours)
        denied("EACCES", front.write, "device/xenvirt/1/state", "1")
        denied("EACCES", back.write, "backend/xenvirt/9/0/mac", MAC)
        for path in (ours, theirs, f"{ours}/state", f"{theirs}/state", f"{theirs}/mac"):
            for call in (stranger.read, stranger.ls, stranger.rm):
                denied("EACCES", call, path)
            denied("EACCES", stranger.write, path, "1")


def test_quota():
    """a guest that has all nodes it may have gets its device, whose nodes are its own"""
    with RealXen() as xen:
        guest = xen.store.domain(7).client()
        try:
            for n in range(2000):
                guest.write(f"data/{n % 20}/{n}", "")
        except xenstore.StoreError as error:
            expect(error.name, "ENOSPC", "error")
        xen.ctl.ok(f"xen attach 7 --mac {MAC}")
        guest.write("device/xenvirt/0/state", "3")
        denied("ENOSPC", guest.write, "device/xenvirt/0/version", "1")
        xen.ctl.ok("xen detach 7")


REFUSALS = (
    ("xen attach 9 --mac {new}", "there is no domain '9': expected an id, a name or a UUID"),
    ("xen attach nobody --mac {new}", "there is no domain 'nobody'"),
    ("xen attach '' --mac {new}", "there is no domain ''"),
    ("xen attach 07 --mac {new}", "there is no domain '07'"),
    ("xen attach twin --mac {new}", "'twin' is the name of several domains, 3 and 4"),
    ("xen attach 7 --mac {new} --backend 9", "there is no domain '9'"),
    ("xen attach 7 --mac {new} --backend 7", "domain 7 cannot be its own back end"),
    ("xen attach 0 --mac {new}", "domain 0 cannot be its own back end"),
    ("xen attach 7 --mac 00:16:3e:00:00", "expected six pairs of hexadecimal digits"),
    ("xen attach 7 --mac 00-16-3e-00-00-07", "expected six pairs"),
    ("xen attach 7 --mac 00:16:3e:00:00:0", "expected six pairs"),
    ("xen attach 7 --mac 00:16:3e:00:00:0g", "expected six pairs"),
    ("xen attach 7 --mac 00:16:3e:00:00:077", "expected six pairs"),
    ("xen attach 7 --mac 0:016:3e:00:00:07", "expected six pairs"),
    ("xen attach 7 --mac ''", "expected six pairs"),
    ("xen attach 7 --mac 01:16:3e:00:00:07", "is a group address"),
    ("xen attach 7 --mac ff:ff:ff:ff:ff:ff", "is a group address"),
    ("xen attach 7 --mac 00:00:00:00:00:00", "is no address"),
    ("xen attach 7 --mac {used}", "is in use by device 0 of domain 7: choose another"),
    ("xen attach 3 --mac {used}", "is in use by device 0 of domain 7"),
    ("xen attach 7 --mac {vif}", "is in use by vif 2 of domain 3"),
    ("xen attach 7 --mac {new} --vlan 0", "vlan '0': expected a number in 1..4094"),
    ("xen attach 7 --mac {new} --vlan 4095", "vlan '4095': expected a number in 1..4094"),
    ("xen attach 7 --mac {new} --vlan 1x", "vlan '1x'"),
    ("xen attach 7 --mac {new} --vlan=-1", "vlan '-1'"),
    ("xen attach 7 --mac {new} --mtu 67", "mtu '67': expected a number in 68..9000"),
    ("xen attach 7 --mac {new} --mtu 9001", "mtu '9001'"),
    ("xen attach 7 --mac {new} --queues 0", "queues '0': expected a number in 1..16"),
    ("xen attach 7 --mac {new} --queues 17", "queues '17'"),
    ("xen attach 7 --mac {new} --rate fast", "rate 'fast': expected bits per second in 8..1000G"),
    ("xen attach 7 --mac {new} --rate 7", "rate '7'"),
    ("xen attach 7 --mac {new} --rate 1001G", "rate '1001G'"),
    ("xen attach 7 --mac {new} --rate 10Gb", "rate '10Gb'"),
    ("xen attach 7 --mac {new} --rate 1T", "rate '1T'"),
    ("xen attach 7 --mac {new} --rate 99999999999999999999", "rate '9999"),
    ("xen attach 7 --mac {new} --mac-check maybe", "mac-check 'maybe': expected on or off"),
    ("xen attach 7 --mac {new} --handle 0", "has a device 0 already: choose another --handle"),
    ("xen attach 7 --mac {new} --handle 65536", "handle '65536': expected a number in 0..65535"),
    ("xen detach 7 --handle 1", "domain 7 has no device 1"),
    ("xen detach 3", "domain 3 has no device"),
    ("xen detach 9", "there is no domain '9'"),
    ("xen detach 7 --timeout soon", "timeout 'soon'"),
    ("xen list 9", "there is no domain '9'"),
    ("xen set 7 --handle 1 --vlan 5", "domain 7 has no device 1"),
    ("xen set 7 --handle 0 --vlan 5000", "vlan '5000'"),
    ("xen set 9 --handle 0 --vlan 5", "there is no domain '9'"),
    ("xen apply /none", "/none: No such file"),
    ("xen watch /none", "/none: No such file"),
)


def test_refusals():
    """what is refused is explained, and leaves the store as it was"""
    with RealXen() as xen:
        for domid in (3, 4, 7):
            xen.store.domain(domid)
        for domid in (3, 4):
            xen.dom0.write(f"/local/domain/{domid}/name", "twin")
        xen.store.device("vif", 2, xen.store.domains[3], mac="00:16:3E:00:00:0A")
        xen.ctl.ok(f"xen attach 7 --mac {MAC}")
        before = xen.snapshot()
        for line, part in REFUSALS:
            line = line.format(new=OTHER, used=MAC, vif="00:16:3e:00:00:0a")
            xen.ctl.refused(line, part)
        xen.ctl.refused("xen set 7 --handle 0", "expected --mac-check, --rate or --vlan", 2)
        expect(xen.added(before), ({}, []), "what is new, and what changed")


def test_not_domain_0():
    """a guest's pvnctl is told that this is domain 0's business"""
    with RealXen() as xen:
        guest = Ctl([], xen.store.domain(7).environment())
        path = xen.file("")
        for line in (f"xen attach 7 --mac {MAC}", "xen detach 7", f"xen apply {path}",
                     f"xen watch {path}", "xen set 7 --handle 0 --vlan 5"):
            guest.refused(line, "this is domain 7, and only domain 0 may do that: run it there")
        guest.refused("xen list", "domain 7 may not list it")


def test_names():
    """a domain is known by id, name and UUID, and an id comes first"""
    with RealXen() as xen:
        for domid, name in ((3, "7"), (7, "web")):
            xen.store.domain(domid)
            xen.dom0.write(f"/local/domain/{domid}/name", name)
        xen.dom0.write("/local/domain/7/vm", f"/vm/{UUID}")
        for handle, name in enumerate(("7", "web", UUID, UUID.upper())):
            made = xen.ctl.json(f"xen attach {name} --mac 00:16:3e:00:01:{handle:02x}")
            expect((made["domain"], made["handle"]), (7, handle), f"domain {name}")
        expect(len(xen.ctl.json("xen list web")), 4, "devices of web")


def test_handles():
    """the lowest number that is free is taken, and may be chosen"""
    with RealXen() as xen:
        xen.store.domain(7)
        macs = (f"00:16:3e:00:00:{n:02x}" for n in range(100))

        def attach(options=""):
            return xen.ctl.json(f"xen attach 7 --mac {next(macs)} {options}")["handle"]

        expect([attach(), attach(), attach("--handle 3"), attach(), attach()], [0, 1, 3, 2, 4],
               "numbers")
        expect(attach("--handle 65535"), 65535, "the last number")
        xen.ctl.ok("xen detach 7 --handle 1")
        expect(attach(), 1, "a number that became free")


def test_macs():
    """an address may be used again behind another back end, and after a detach"""
    with RealXen() as xen:
        for domid in (3, 5, 7):
            xen.store.domain(domid)
        xen.ctl.ok(f"xen attach 7 --mac {MAC}")
        xen.ctl.ok(f"xen attach 3 --mac {MAC} --backend 5")
        xen.ctl.refused(f"xen attach 7 --mac {MAC} --backend 5", "in use by device 0 of domain 3")
        xen.ctl.ok("xen detach 7")
        xen.ctl.ok(f"xen attach 7 --mac {MAC}")


def test_at_once():
    """of several pvnctl that want the same number or address at once, one gets it"""
    with RealXen() as xen:
        xen.store.domain(7)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            same = list(pool.map(lambda n: xen.ctl.run(f"xen attach 7 --mac {MAC}"), range(8)))
            expect(sorted(done.returncode for done in same), [0] + [1] * 7, "exit codes")
            macs = [f"00:16:3e:00:01:{n:02x}" for n in range(8)]
            many = list(pool.map(lambda mac: xen.ctl.run(f"xen attach 7 --mac {mac}"), macs))
        expect([done.stderr for done in many], [""] * 8, "messages")
        expect([device["handle"] for device in xen.ctl.json("xen list")], list(range(9)),
               "numbers")


# ---- list ----

def test_list():
    """the table and the JSON show the same, also while a device is being made by nobody"""
    with RealXen() as xen:
        expect((xen.ctl.json("xen list"), xen.ctl.ok("xen list").count("\n")), ([], 1), "none")
        guest = xen.store.domain(7).client()
        xen.store.domain(10)
        driver = xen.store.domain(5, driver_domain=True).client()
        xen.ctl.ok(f"xen attach 10 --mac {OTHER}")
        xen.ctl.ok(f"xen attach 7 --mac {MAC} --backend 5 --vlan 10 --rate 1500M --queues 4")
        driver.write(f"{back_dir(7, 0, 5)}/state", "6")
        driver.write(f"{back_dir(7, 0, 5)}/error", "queue 1: a \"bad\" ring")
        guest.write("device/xenvirt/0/state", "4")
        first, second = xen.ctl.json("xen list")
        expect(first, {
            "domain": 7, "name": "domain7", "handle": 0, "backend": 5, "mac": MAC, "vlan": 10,
            "rate": 1500000000, "queues": 4, "mtu": None, "mac_check": True,
            "front_state": "Connected", "back_state": "Closed",
            "error": "queue 1: a \"bad\" ring"}, "first")
        expect((second["domain"], second["vlan"], second["error"]), (10, None, None), "second")
        lines = xen.ctl.ok("xen list").splitlines()
        expect(lines[0].split(), ["DOMAIN", "NAME", "HANDLE", "BACKEND", "MAC", "VLAN", "RATE",
                                  "QUEUES", "FRONT_STATE", "BACK_STATE", "ERROR"], "titles")
        expect(lines[1].split()[:10], ["7", "domain7", "0", "5", MAC, "10", "1500M", "4",
                                       "Connected", "Closed"], "first line")
        expect(lines[1].endswith("queue 1: a \"bad\" ring"), True, "error")
        expect(lines[2].split(), ["10", "domain10", "0", "0", OTHER, "-", "-", "-",
                                  "Initialising", "Initialising", "-"], "second line")
        expect({line.index(word) for line, word in zip(lines, ("MAC", MAC, OTHER))},
               {lines[0].index("MAC")}, "columns")
        expect([line.split() for line in xen.ctl.ok("xen list domain10").splitlines()],
               [lines[0].split(), lines[2].split()], "of one domain")


def test_list_hostile():
    """what a guest or a driver domain writes cannot break the output"""
    with RealXen() as xen:
        guest = xen.store.domain(7).client()
        driver = xen.store.domain(5, driver_domain=True).client()
        xen.ctl.ok(f"xen attach 7 --mac {MAC} --backend 5")
        theirs = back_dir(7, 0, 5)
        for text in (b"\x1b[2J", b"4\n", b"a\0b", b"\xff\xfe", b"x" * 1500, b"7", b"-1", b""):
            guest.write("device/xenvirt/0/state", text)
            guest.write("device/xenvirt/0/backend-id", text)
            for key in ("error", "mac", "rate", "vlan", "queues", "mtu", "state", "online"):
                driver.write(f"{theirs}/{key}", text)
            out = xen.ctl.ok("xen list")
            expect((out.count("\n"), out.isascii(), "\x1b" in out), (2, True, False),
                   f"table with {text[:20]}")
            device, = xen.ctl.json("xen list")
            expect((device["domain"], device["handle"], device["front_state"]), (7, 0, None),
                   f"device with {text[:20]}")
        guest.rm("device/xenvirt/0")
        driver.rm(f"{theirs}/mac")
        device, = xen.ctl.json("xen list")
        expect((device["mac"], device["front_state"]), (None, None), "what is gone")


# ---- set ----

def test_set():
    """settings change, belong to whom they did before, and the rest stays"""
    with RealXen() as xen:
        guest = xen.store.domain(7).client()
        xen.ctl.ok(f"xen attach 7 --mac {MAC} --vlan 5")
        before = xen.snapshot()
        out = xen.ctl.ok("xen set 7 --handle 0 --vlan 10 --rate 2G --mac-check off")
        expect("in force when the back end makes its port the next time" in out, True, out)
        theirs, perms = back_dir(7), ["n0", "r7"]
        expect(xen.added(before), ({f"{theirs}/rate": ("2000000000", perms),
                                    f"{theirs}/mac-check": ("0", perms)}, [f"{theirs}/vlan"]),
               "what is new and what changed")
        expect(guest.read(f"{theirs}/vlan"), "10", "vlan")
        denied("EACCES", guest.write, f"{theirs}/rate", "0")


if __name__ == "__main__":
    need_daemon()
    checks.main([case(test_nodes, back=0), case(test_nodes, back=5), test_parents, test_least,
                 test_rights, test_quota, test_refusals, test_not_domain_0, test_names, test_handles, test_macs,
                 test_at_once, test_list, test_list_hostile, test_set],
                timeout=60)
