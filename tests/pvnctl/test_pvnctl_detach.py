#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""pvnctl on a real xenstored: how devices go, with and without the help of their two ends."""

import json
import threading

from ctl import MAC, OTHER, RealXen, back_dir, front_dir, need_daemon

import checks
from checks import case, expect
from store import denied


def connect(xen, front, back=0):
    """Clients of both ends, which are connected."""
    ours, theirs = front_dir(front), back_dir(front, 0, back)
    guest = xen.store.domains[front].client()
    host = xen.store.domains[back].client()
    host.write(f"{theirs}/state", "4")
    guest.write(f"{ours}/state", "4")
    return guest, host


def wait_for(client, path, value):
    """Until a node has this value; the watch is set already."""
    while client.read(path) != value:
        if client.event() is None:
            raise AssertionError(f"{path} did not become {value}")


def check_gone(xen, front, back=0):
    denied("ENOENT", xen.dom0.read, front_dir(front))
    denied("ENOENT", xen.dom0.read, back_dir(front, 0, back))


def test_detach(back):
    """a detach asks the back end, waits for both ends, and removes both directories"""
    with RealXen() as xen:
        xen.store.domain(7)
        if back:
            xen.store.domain(back, driver_domain=True)
        xen.ctl.ok(f"xen attach 7 --backend {back} --mac {MAC}")
        guest, host = connect(xen, 7, back)
        ours, theirs = front_dir(7), back_dir(7, 0, back)
        host.watch(f"{theirs}/online")
        detach = xen.start("-j xen detach domain7")
        wait_for(host, f"{theirs}/online", "0")
        wait_for(host, f"{theirs}/state", "5")
        guest.write(f"{ours}/state", "6")
        expect(detach.process.poll(), None, "detach with one end closed")
        host.write(f"{theirs}/state", "6")
        code, out, err = detach.end(0)
        expect((code, json.loads(out), err), (0, {"domain": 7, "handle": 0}, ""), "detach")
        check_gone(xen, 7, back)


def test_detach_front_late():
    """a front end that does not close in time keeps nothing from going"""
    with RealXen() as xen:
        xen.store.domain(7)
        xen.ctl.ok(f"xen attach 7 --mac {MAC}")
        _, host = connect(xen, 7)
        host.watch(f"{back_dir(7)}/online")
        detach = xen.start("xen detach 7 --timeout 1")
        wait_for(host, f"{back_dir(7)}/online", "0")
        host.write(f"{back_dir(7)}/state", "6")
        expect(detach.end(0), (0, "domain 7 has no device 0 any more\n", ""), "detach")
        check_gone(xen, 7)


def test_detach_refused():
    """a back end that does not let go is named, keeps its device, and goes by --force"""
    with RealXen() as xen:
        xen.store.domain(7)
        xen.ctl.ok(f"xen attach 7 --mac {MAC}")
        connect(xen, 7)
        xen.ctl.refused("xen detach 7 --timeout 0", "the back end in domain 0 does not let go of "
                        "device 0 of domain 7, it is Closing: if it has died, or will be ended "
                        "now, use --force")
        expect(xen.dom0.read(f"{back_dir(7)}/mac"), MAC, "mac")
        xen.ctl.refused("xen detach 7 --timeout 0", "it is Closing")
        xen.ctl.ok("xen detach 7 --force")
        check_gone(xen, 7)


def test_detach_one_of():
    """with several devices, one must be named; the others stay"""
    with RealXen() as xen:
        xen.store.domain(7)
        for mac in (MAC, OTHER):
            xen.ctl.ok(f"xen attach 7 --mac {mac}")
        xen.ctl.refused("xen detach 7", "has several devices, 0 and 1: say which with --handle")
        xen.ctl.ok("xen detach 7 --handle 0")
        expect([device["mac"] for device in xen.ctl.json("xen list")], [OTHER], "what is left")


class Hammer:
    """A program that changes a node without end, each time as soon as the last was done.

    It is one of domain 0, since the kit's guests are slower than those on Xen; so it does not write
    the node, which would make it again, but sets its permissions to what they are.
    """

    LINES = 200

    def __init__(self, xen, path, *perms):
        self.process = xen.store.domains[0].client().process
        self.line = f"chmod 0 {path} {' '.join(perms)}\n".encode()
        self.count = 0
        self.begun = threading.Event()
        self.stop = False
        self.threads = [threading.Thread(target=run) for run in (self.write, self.read)]

    def write(self):
        while not self.stop:
            self.process.stdin.write(self.line * self.LINES)
        self.process.stdin.close()

    def read(self):
        """Each change has an answer; after the node has gone, that is an error."""
        for _ in self.process.stdout:
            self.count += 1
            self.begun.set()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.begun.wait()
        return self

    def __exit__(self, *_exc):
        self.stop = True
        for thread in self.threads:
            thread.join()


def test_hostile_writer():
    """a guest that writes without end keeps no other from a device, nor its own from going"""
    with RealXen() as xen:
        for domid in (7, 8):
            xen.store.domain(domid)
        xen.ctl.ok(f"xen attach 7 --mac {MAC}")
        with Hammer(xen, f"{front_dir(7)}/state", "n7", "r0") as hammer:
            for _ in range(5):
                xen.ctl.ok(f"xen attach 8 --mac {OTHER}")
                xen.ctl.ok("xen detach 8")
            print(f"  {hammer.count} changes meanwhile")
            xen.ctl.ok("xen detach 7")
        check_gone(xen, 7)


def test_left():
    """what a dead guest leaves is shown, stands in the way with a reason, and can be removed"""
    with RealXen() as xen:
        old = xen.store.domain(7)
        xen.store.domain(8)
        xen.ctl.ok(f"xen attach 7 --mac {MAC}")
        xen.destroy(old)
        device, = xen.ctl.json("xen list")
        expect((device["domain"], device["mac"], device["front_state"]), (7, MAC, None), "device")
        expect(" (gone) " in xen.ctl.ok("xen list"), True, "the table says so")
        xen.ctl.refused(f"xen attach 8 --mac {MAC}", f"mac {MAC} was that of device 0 of domain 7,"
                        " which is gone: remove what is left with: pvnctl xen detach 7 --handle 0")
        xen.store.domain(7)
        xen.ctl.refused(f"xen attach 7 --mac {OTHER} --handle 0", "of an earlier domain 7 was left")
        expect(xen.ctl.json(f"xen attach 7 --mac {OTHER}")["handle"], 1, "lowest number")
        xen.ctl.ok("xen detach 7 --handle 0")
        xen.ctl.ok(f"xen attach 8 --mac {MAC}")
        xen.destroy(xen.store.domains[8])
        xen.ctl.ok("xen detach 8")
        expect([device["domain"] for device in xen.ctl.json("xen list")], [7], "what is left")


def test_left_killed():
    """a back end that was killed leaves its state: only a guest that is there keeps its device"""
    with RealXen() as xen:
        xen.store.domain(7)
        xen.ctl.ok(f"xen attach 7 --mac {MAC}")
        xen.dom0.write(f"{back_dir(7)}/state", "4")
        xen.ctl.refused("xen detach 7 --timeout 0", "does not let go of device 0 of domain 7")
        xen.destroy(xen.store.domains[7])
        expect(xen.ctl.ok("xen detach 7 --timeout 0"), "domain 7 has no device 0 any more; its "
               "back end in domain 0 did not answer\n", "detach")
        check_gone(xen, 7)


def test_left_front():
    """what a dead back end leaves can be removed, and leads to no other directory"""
    with RealXen() as xen:
        guest = xen.store.domain(7).client()
        driver = xen.store.domain(5, driver_domain=True)
        xen.store.domain(3)
        xen.ctl.ok(f"xen attach 7 --mac {MAC} --backend 5")
        xen.ctl.ok(f"xen attach 3 --mac {OTHER}")
        xen.destroy(driver)
        guest.write("device/xenvirt/0/backend-id", "0")
        guest.write("device/xenvirt/0/backend", back_dir(3))
        expect([(d["domain"], d["mac"]) for d in xen.ctl.json("xen list")],
               [(3, OTHER), (7, None)], "devices")
        xen.ctl.ok("xen detach 7")
        expect([d["domain"] for d in xen.ctl.json("xen list")], [3], "what is left")


if __name__ == "__main__":
    need_daemon()
    checks.main([case(test_detach, back=0), case(test_detach, back=5), test_detach_front_late,
                 test_detach_refused, test_detach_one_of, test_hostile_writer, test_left,
                 test_left_killed, test_left_front],
                timeout=60)
