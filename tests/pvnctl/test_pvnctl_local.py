#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""pvnctl's command line, and what it does without Xen: pvnctl local ..., and devices there."""

import os
import signal
import subprocess

from ctl import Ctl, LocalXen, PVNCTL, ROOT

import checks
from checks import expect

USAGE = 2


def test_help():
    """help tells of every command, and of each option with what it is for"""
    ctl = Ctl()
    text = ctl.ok("help")
    expect(ctl.ok("--help"), text, "--help")
    ivshmem = ["add", "args", "list", "plug", "port", "qmp", "remove", "serve", "unplug", "xml"]
    commands = ["completion", "help", *[f"ivshmem {word}" for word in ivshmem], "local domain add", "local domain remove", "local serve",
                "xen apply", "xen attach", "xen detach", "xen list", "xen set", "xen watch"]
    for command in commands:
        expect(f"\n  {command} " in text, True, f"{command} in the help")
    for command in commands[2:]:
        detail = ctl.ok(f"help {command}")
        expect(detail.startswith(f"usage: pvnctl {command} "), True, f"help {command}")
        expect(ctl.ok(f"{command} --help"), detail, f"{command} --help")
    expect("--rate RATE " in ctl.ok("help xen attach"), True, "option in the help")
    expect(ctl.ok("help xen"), text, "help of a group")
    expect(ctl.ok("--version"), f"pvnctl {version()}\n", "version")


def version():
    with open(f"{ROOT}/meson.build", encoding="utf-8") as build:
        return next(line.split("'")[1] for line in build if "version:" in line)


def test_usage():
    """lines that make no sense end with 2, and with what would make some"""
    ctl = Ctl()
    for line, part in (
            ("", "a command is missing"),
            ("xen", "the command is not complete"),
            ("xen frob", "there is no command 'xen frob'"),
            ("help frob", "there is no command 'frob'"),
            ("xen attach", "expected DOMAIN"),
            ("xen attach 1", "--mac MAC is missing"),
            ("xen attach 1 2 --mac 02:00:00:00:00:01", "'2' is too much"),
            ("xen attach 1 --mac", "--mac needs a value"),
            ("xen attach 1 --mac a --mac b", "--mac is given twice"),
            ("xen attach 1 --mac a --force", "xen attach has no option --force"),
            ("xen attach 1 --frob", "there is no option '--frob'"),
            ("xen attach 1 -m a", "there is no option '-m'"),
            ("xen detach 1 --force=yes", "--force takes no value"),
            ("xen set 1 --handle 0", "expected --mac-check, --rate or --vlan"),
            ("local serve", "expected PATH"),
            (["x"] * 40, "too many words")):
        if part.startswith("expected --"):
            continue  # needs a XenStore: test_set
        ctl.refused(line, part, USAGE)
    done = ctl.run("xen attach")
    expect("usage: pvnctl xen attach DOMAIN --mac MAC [" in done.stderr, True, "usage of it")
    ctl.refused("completion zsh", "expected bash")


def test_no_xen():
    """without a XenStore, the message says what to do"""
    ctl = Ctl(environment={"XENSTORED_PATH": "/none"})
    ctl.refused("xen list", "XenStore cannot be opened")
    ctl.refused("--xen kvm xen list", "'kvm': expected xen or local:PATH:DOMID")
    ctl.refused("--xen local:/none:0 xen list", "start it with: pvnctl local serve /none")


def complete(line):
    """What bash offers for a line."""
    script = ('. <("$1" completion bash); COMP_LINE=$2; COMP_POINT=${#2}; read -ra COMP_WORDS '
              '<<<"$2"; [[ $2 == *" " ]] && COMP_WORDS+=(""); '
              'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _pvnctl; echo "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", PVNCTL, line], capture_output=True,
                          text=True, check=True)
    return sorted(set(done.stdout.split()))


def test_completion():
    """bash completes commands, their words, and their options"""
    expect(complete("pvnctl "), ["completion", "help", "ivshmem", "local", "switch", "top", "xen"],
           "first word")
    expect(complete("pvnctl local "), ["domain", "serve"], "second word")
    expect(complete("pvnctl --xen local:/x:0 local domain "), ["add", "remove"], "third word")
    expect(complete("pvnctl xen at"), ["attach"], "word")
    expect(complete("pvnctl xen attach web --m"), ["--mac", "--mac-check", "--mtu"], "options")
    expect(complete("pvnctl xen attach web --vlan "), [], "value of an option")
    expect(complete("pvnctl xen list --"), ["--help", "--json", "--xen"], "options of all")


def test_serve():
    """serves until told to stop, cleanly, for its user alone"""
    with LocalXen() as xen:
        expect(os.stat(xen.socket).st_mode & 0o777, 0o600, "mode of the socket")
        xen.ctl.refused(f"local serve {xen.socket}", f"a server is at {xen.socket} already")
        xen.ctl.refused("local serve /none/xen", "/none")
        for pages in ("0", "-1", "1k", ""):
            xen.ctl.refused(["local", "serve", xen.socket + "2", "--share-pages", pages],
                            f"share-pages '{pages}': expected a number in 1..")
        expect(xen.server.end(), (0, "", ""), "end by SIGTERM")
        expect(os.path.exists(xen.socket), False, "socket afterwards")
        again = xen.start(f"local serve --share-pages 100 {xen.socket}")
        again.line()
        expect(again.end(signal.SIGINT), (0, "", ""), "end by SIGINT")
        killed = xen.start(f"local serve {xen.socket}")
        killed.line()
        killed.end(signal.SIGKILL)
        again = xen.start(f"local serve {xen.socket}")
        expect(again.line(), f"serving {xen.socket}", "line after a server was killed")


def test_domains():
    """domains are made, named and ended"""
    with LocalXen() as xen:
        xen.add(7)
        xen.add(8, "--name", "web")
        for domid, part in ((7, "exists already"), (0, "expected a number in 1.."),
                            (32752, "expected a number in 1.."), ("x", "domain 'x'")):
            xen.ctl.refused(["local", "domain", "add", xen.socket, domid], part)
        xen.ctl.refused(["local", "domain", "remove", xen.socket, 9], "there is no domain 9")
        expect(xen.ctl.ok("xen list web").count("\n"), 1, "lines: only the titles")
        xen.remove(8)
        xen.ctl.refused("xen list web", "there is no domain 'web'")
        xen.ctl.refused("local domain add /none 7", "pvnctl local serve /none")


def test_devices():
    """devices come and go as on Xen"""
    with LocalXen() as xen:
        xen.add(7, "--name", "web")
        xen.ctl.ok("xen attach web --mac 00:16:3e:00:00:01 --vlan 10")
        device, = xen.ctl.json("xen list")
        expect((device["domain"], device["name"], device["handle"], device["vlan"]),
               (7, "web", 0, 10), "device")
        xen.ctl.refused("xen attach 7 --mac 00:16:3e:00:00:01", "is in use by device 0 of domain 7")
        guest = Ctl(["--xen", f"local:{xen.socket}:7"])
        guest.refused("xen detach 7", "this is domain 7, and only domain 0 may do that")
        xen.ctl.ok("xen detach 7")
        expect(xen.ctl.json("xen list"), [], "devices")
        xen.ctl.ok("xen attach web --mac 00:16:3e:00:00:01")
        xen.remove(7)
        expect([d["front_state"] for d in xen.ctl.json("xen list")], [None], "front end")
        xen.ctl.ok("xen detach 7")
        expect(xen.ctl.json("xen list"), [], "devices")


def test_watch():
    """a guest that starts gets its device, one that is gone leaves nothing"""
    with LocalXen() as xen:
        path = xen.file("[a]\ndomain = web\nmac = 00:16:3e:00:00:01\n")
        watch = xen.start(f"xen watch {path}")
        expect(watch.line(), "a: waits for domain 'web'", "first line")
        xen.add(7, "--name", "web")
        expect(watch.line(), "a: attached to domain 7 as device 0", "when it starts")
        xen.remove(7)
        expect(watch.news(),
               "domain 7: removed device 0, which was left when its front end was gone", "gone")
        xen.add(9, "--name", "web")
        expect(watch.news(), "a: attached to domain 9 as device 0", "when it starts again")
        expect(watch.end(), (0, "", ""), "end by SIGTERM")
        watch = xen.start(f"xen watch {path}")
        expect(watch.line(), "a: domain 9 has it as device 0", "first line of another")
        xen.server.end()
        code, _, message = watch.end(0)
        expect((code, message.startswith("pvnctl: ")), (1, True), "end with the server")


if __name__ == "__main__":
    checks.main([test_help, test_usage, test_no_xen, test_completion, test_serve, test_domains,
                 test_devices, test_watch], timeout=60)
