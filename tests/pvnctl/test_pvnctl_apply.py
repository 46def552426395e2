#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""pvnctl xen apply and xen watch on a real xenstored: devices from a file, domains come and go."""

import json
import signal

from ctl import MAC, OTHER, ROOT, RealXen, back_dir, need_daemon

import checks
from checks import expect
from store import denied

DEVICE = f"[a]\ndomain = web\nmac = {MAC}\n"
LEFT = "domain 7: removed device 0, which was left when its front end was gone"
UNANSWERED = "; its back end in domain 0 did not answer"
WAITS = "waits for domain 'web'"


def begin(xen, domid, name, **options):
    """A domain of this name."""
    domain = xen.store.domain(domid, **options)
    xen.dom0.write(f"{domain.path}/name", name)
    return domain


def test_apply():
    """what is missing is attached, what is right is left alone"""
    with RealXen() as xen:
        begin(xen, 7, "web")
        begin(xen, 5, "net", driver_domain=True)
        path = xen.file(f"# devices\n\n{DEVICE}vlan = 10\n  [ b ]\n mac={OTHER.upper()}\n"
                        "domain=7\nhandle = 5\nbackend =net\nrate = 1G\r\nqueues = 2\n"
                        "mtu = 9000\nmac-check = off\n[c]\ndomain = later\nbackend = 0\n"
                        "mac = 00:16:3e:00:00:03\n")
        expect(xen.ctl.ok(f"xen apply {path}").splitlines(),
               ["a: attached to domain 7 as device 0", "b: attached to domain 7 as device 5",
                f"c: {WAITS.replace('web', 'later')}"], "lines")
        first, second = xen.ctl.json("xen list")
        expect((first["handle"], first["vlan"], first["backend"]), (0, 10, 0), "a")
        expect((second["handle"], second["mac"], second["backend"], second["rate"],
                second["queues"], second["mtu"], second["mac_check"]),
               (5, OTHER, 5, 1000000000, 2, 9000, False), "b")
        before = xen.snapshot()
        expect(xen.ctl.ok(f"xen apply {path}").splitlines()[:2],
               ["a: domain 7 has it as device 0", "b: domain 7 has it as device 5"], "again")
        expect(xen.added(before), ({}, []), "changes of the second time")
        lines = [json.loads(line) for line in xen.ctl.ok(f"-j xen apply {path}").splitlines()]
        expect([(line["about"], line["result"]) for line in lines],
               [("a", "right"), ("b", "right"), ("c", "waiting")], "JSON")


def test_defaults():
    """a setting that is what it is without being set makes no difference"""
    with RealXen() as xen:
        begin(xen, 7, "web")
        xen.ctl.ok(f"xen attach 7 --mac {MAC} --rate 0 --mac-check on --mtu 1500")
        expect(xen.ctl.ok(f"xen apply {xen.file(DEVICE)}"), "a: domain 7 has it as device 0\n",
               "output")


def test_differs():
    """what differs is said, and not touched"""
    with RealXen() as xen:
        begin(xen, 7, "web")
        begin(xen, 5, "net", driver_domain=True)
        xen.ctl.ok(f"xen attach 7 --mac {MAC} --vlan 5 --rate 1G")
        before = xen.snapshot()
        for more, part in (
                ("", "has rate 1G, the file says -"),
                ("vlan = 5\nrate = 500M\n", "has rate 1G, the file says 500M"),
                ("vlan = 6\nrate = 1G\n", "has vlan 5, the file says 6"),
                ("vlan = 5\nrate = 1G\nqueues = 4\n", "has queues -, the file says 4"),
                ("vlan = 5\nrate = 1G\nmac-check = off\n", "has mac-check -, the file says off"),
                ("vlan = 5\nrate = 1G\nbackend = net\n",
                 "has its back end in domain 0, the file says 5")):
            path = xen.file(DEVICE + more)
            out = xen.ctl.refused(f"xen apply {path}", f"1 of 1 devices are not as {path} says")
            expect((out.startswith("a: device 0 of domain 7 "), part in out,
                    out.endswith(": detach it, and apply again\n")), (True, True, True), out)
        other = f"[a]\ndomain = web\nhandle = 0\nmac = {OTHER}\nvlan = 5\nrate = 1G\n"
        out = xen.ctl.refused(f"xen apply {xen.file(other)}", "1 of 1")
        expect(f"has mac {MAC}, the file says {OTHER}" in out, True, out)
        expect(xen.added(before), ({}, []), "changes")


SECTIONS = (
    ("[x]\nmac = {mac}\n", "line 6: section x ends without domain = ..."),
    ("[x]\ndomain = web\n", "line 6: section x ends without mac = ..."),
    ("[x]\nfrob = 1\n", "line 5: there is no key 'frob': expected domain, backend, handle, mac"),
    ("[x]\nfrob\n", "line 5: 'frob': expected [NAME], KEY = VALUE or a comment after #"),
    ("[x\n", None),
    ("[x]\ndomain = web\ndomain = web\n", "line 6: domain is given twice"),
    ("[x]\nhandle = 1\nhandle = 1\n", "line 6: handle is given twice"),
    ("[x]\nvlan = 1\nvlan = 1\n", "line 6: vlan is given twice"),
    ("[x]\ndomain =\n", "line 5: domain '': expected 1..127 characters"),
    ("[x]\nbackend = " + "x" * 200 + "\n", "expected 1..127 characters"),
    ("[x]\nvlan = 4095\n", "line 5: vlan '4095': expected a number in 1..4094"),
    ("[x]\nmac = 00:16:3e\n", "line 5: mac '00:16:3e': expected six pairs"),
    ("[x]\nhandle = -1\n", "line 5: handle '-1': expected a number in 0..65535"),
    ("[x]\ndomain = web\nmac = {mac}\n", "is that of section a already"),
    ("[x]\ndomain = web\nhandle = 0\nmac = {other}\n", "is that of section a already"),
    ("[x]\ndomain = twin\nmac = {other}\n", "'twin' is the name of several domains, 3 and 4"),
    ("[x]\ndomain = twin\nmac = {mac}\nbackend = web\n", "several domains"),
    ("[x]\ndomain = 3\nmac = {mac}\n", "is in use by device 0 of domain 7"),
    ("[x]\ndomain = 3\nbackend = 3\nmac = {other}\n", "cannot be its own back end"),
    ("[a]\ndomain = 3\nmac = {other}\n", "line 4: there is a section a already"),
)


def test_bad_sections():
    """what is wrong in a section is said with its line, and stops no other"""
    with RealXen() as xen:
        begin(xen, 7, "web")
        for domid in (3, 4):
            begin(xen, domid, "twin")
        for text, part in SECTIONS:
            last = "[last]\ndomain = web\nmac = 00:16:3e:00:00:09\n"
            path = xen.file(DEVICE + text.format(mac=MAC, other=OTHER) + last)
            if part is None:
                part = "line 4: '[x': expected [NAME], KEY = VALUE or a comment after #"
            out = xen.ctl.refused(f"xen apply {path}", "1 of ").splitlines()
            bad = [line for line in out if part in line]
            expect(len(bad), 1, f"lines with '{part}' in {out}")
            expect(any(line.startswith("last: ") and " domain 7 " in line for line in out), True,
                   f"the last section is good in {out}")


def test_bad_files():
    """what is no file of sections is refused as a whole"""
    with RealXen() as xen:
        before = xen.snapshot()
        for text, part in (("domain = web\n" + DEVICE, "line 1: 'domain = web' is in no section"),
                           (DEVICE + "[]\n", "line 4: a section's name has 1..63 characters"),
                           (f"[{'x' * 64}]\n", "line 1: a section's name has 1..63 characters")):
            path = xen.file(text)
            for command in ("apply", "watch"):
                xen.ctl.refused(f"xen {command} {path}", f"{path}, {part}")
        xen.ctl.refused(f"xen apply {xen.folder}", "Is a directory")
        expect(xen.added(before), ({}, []), "changes")
        expect(xen.ctl.ok(f"xen apply {xen.file('')}"), "", "output for an empty file")


def test_sample():
    """the sample file is good as it is"""
    with RealXen() as xen:
        begin(xen, 7, "web")
        out = xen.ctl.ok(f"xen apply {ROOT}/app/pvnctl/xen.conf").splitlines()
        expect(out[0], "web: attached to domain 7 as device 0", "first line")
        expect(all(": waits for domain" in line for line in out[1:]), True, "others")


def test_left():
    """apply removes what is left of dead guests, and then has their addresses free"""
    with RealXen() as xen:
        old = begin(xen, 7, "web")
        path = xen.file(DEVICE)
        xen.ctl.ok(f"xen apply {path}")
        xen.destroy(old)
        begin(xen, 8, "web")
        expect(xen.ctl.ok(f"xen apply {path}").splitlines(),
               [LEFT, "a: attached to domain 8 as device 0"], "lines")


def test_left_killed():
    """a back end that was killed leaves its state: what is left goes when the time is over"""
    with RealXen() as xen:
        old = begin(xen, 7, "web")
        path = xen.file(DEVICE)
        xen.ctl.ok(f"xen apply {path}")
        xen.dom0.write(f"{back_dir(7)}/state", "4")
        xen.destroy(old)
        begin(xen, 8, "web")
        expect(xen.ctl.ok(f"xen apply {path} --timeout 0").splitlines(),
               [LEFT + UNANSWERED, "a: attached to domain 8 as device 0"], "lines")
        denied("ENOENT", xen.dom0.read, back_dir(7))
        watch = xen.start(f"-j xen watch {path} --timeout 1")
        expect(json.loads(watch.line())["result"], "right", "first line")
        xen.dom0.write(f"{back_dir(8)}/state", "4")
        xen.destroy(xen.store.domains[8])
        # In any order: the domain may go between the look for what is left and that for guests.
        said = {line["about"]: line for line in (json.loads(watch.line()) for _ in range(2))}
        expect({about: line["result"] for about, line in said.items()},
               {"domain 8": "removed", "a": "waiting"}, "when its domain is gone")
        text = said["domain 8"]["text"]
        expect(text.endswith(UNANSWERED), True, text)
        expect(watch.end(), (0, "", ""), "end by SIGTERM")


def test_watch():
    """a guest that is started again gets its device again, under its new number"""
    with RealXen() as xen:
        watch = xen.start(f"xen watch {xen.file(DEVICE)}")
        expect(watch.line(), f"a: {WAITS}", "first line")
        old = begin(xen, 7, "web")
        expect(watch.line(), "a: attached to domain 7 as device 0", "when it starts")
        host = xen.dom0
        host.write(f"{back_dir(7)}/state", "4")
        host.watch(f"{back_dir(7)}/online")
        xen.destroy(old)
        new = begin(xen, 8, "web")
        while host.read(f"{back_dir(7)}/online") != "0":
            expect(host.event() is None, False, "an event of online")
        host.write(f"{back_dir(7)}/state", "6")
        expect(watch.news(), LEFT, "what is left of it")
        expect(watch.news(), "a: attached to domain 8 as device 0", "when it starts again")
        denied("ENOENT", host.read, back_dir(7))
        new.client().rm("device/xenvirt/0")  # its own fault, and nobody else's
        begin(xen, 9, "other")
        expect([watch.news(), watch.news()],
               [LEFT.replace("7", "8"), "a: attached to domain 8 as device 0"], "made again")
        expect(watch.end(), (0, "", ""), "end by SIGTERM")


def test_watch_back_end():
    """a driver domain that is started again gets its guests' devices again"""
    with RealXen() as xen:
        begin(xen, 7, "web")
        watch = xen.start(f"xen watch {xen.file(DEVICE + 'backend = net')}")
        expect(watch.line(), f"a: {WAITS.replace('web', 'net')}", "first line")
        driver = begin(xen, 5, "net", driver_domain=True)
        expect(watch.line(), "a: attached to domain 7 as device 0", "when it starts")
        xen.destroy(driver)
        expect(watch.news(), LEFT.replace("front", "back"), "when it is gone")
        begin(xen, 6, "net", driver_domain=True)
        expect(watch.news(), "a: attached to domain 7 as device 0", "when it is back")
        expect(xen.ctl.json("xen list")[0]["backend"], 6, "back end")
        expect(watch.end(signal.SIGINT), (0, "", ""), "end by SIGINT")


def test_watch_reload():
    """SIGHUP reads the file again; one that is bad changes nothing"""
    with RealXen() as xen:
        begin(xen, 7, "web")
        path = xen.file(DEVICE)
        watch = xen.start(f"-j xen watch {path}")

        def line():
            said = json.loads(watch.line())
            return said["about"], said["result"]

        expect(line(), ("a", "attached"), "first line")
        xen.file("frob\n")
        watch.process.send_signal(signal.SIGHUP)
        expect(line(), (path, "failed"), "for a bad file")
        xen.file(DEVICE + f"[b]\ndomain = late\nmac = {OTHER}\n")
        watch.process.send_signal(signal.SIGHUP)
        expect([line(), line(), line()], [(path, "read"), ("a", "right"), ("b", "waiting")],
               "for a good file")
        begin(xen, 8, "early")
        xen.dom0.write("/local/domain/8/name", "late")
        expect(line(), ("b", "attached"), "when a domain is renamed")
        expect(watch.end(), (0, "", ""), "end by SIGTERM")


if __name__ == "__main__":
    need_daemon()
    checks.main([test_apply, test_defaults, test_differs, test_bad_sections, test_bad_files,
                 test_sample, test_left, test_left_killed, test_watch, test_watch_back_end, test_watch_reload],
                timeout=60)
