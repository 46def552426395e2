#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""What guests do to their ports on real Xen: they reboot, are saved and restored, and lie.

    domain "one"                       dom0
    portpeer or testpmd             == portpeer or testpmd; pvnctl xen watch
    domain "bad": a shell that
    writes what it likes            == the same testpmd
"""

import re
import time

import checks
from checks import expect
from errors import KitError
from peerorders import exchange, traffic
from xenkit import EAL, Shared
from xenpeer import BACK, FILES, FRONT, DomainPeer, attach, back_end, both_ends, load_both

XEN = Shared("xenguests", files=FILES)
POOL = "--total-num-mbufs=2048"
DEVICES = """\
[one]
domain = one
mac = 02:00:00:00:00:01
"""


# pvnctl xen watch


def watch_devices(dom0):
    """Start pvnctl xen watch with a device for domain "one"."""
    dom0.put("/run/devices", DEVICES.encode())
    return dom0.start("exec pvnctl xen watch /run/devices")


def wait_attached(watcher, domain):
    watcher.match(rf"one: attached to domain {domain.domid} as device 0\n")


def serve(dom0, domain):
    """A back end for the domain's device, and a front end: both with their link up."""
    back = back_end(dom0, domain)
    front = DomainPeer(domain, "xenvirt", "handle=0")
    front.wait("link up")
    back.wait("link up")
    return front, back


def test_reboot():
    """a domain that reboots under load gets its device again, by its name, and traffic goes on"""
    with XEN as dom0:
        watcher = watch_devices(dom0)
        one = dom0.create("one")
        wait_attached(watcher, one)
        front, back = serve(dom0, one)
        load_both(front, back)
        back.await_frames(100)
        before = one.domid
        one.reboot()
        back.wait("link down")
        back.rest()
        expect(back.mbufs_out(), 0, "mbufs of dom0")
        back.quit()
        watcher.match(rf"domain {before}: removed device 0, which was left")
        wait_attached(watcher, one)
        front, back = serve(dom0, one)
        traffic(front, back)
        expect("(null)" in dom0.check("xl list"), False, "a domain that cannot die")
        expect(watcher.kill(15), 0, "exit code of pvnctl xen watch after SIGTERM")


# Save and restore


def guest_testpmd(domain):
    return domain.testpmd([*EAL, "-d", FRONT, "--vdev=net_xenvirt0,handle=0"],
                          [POOL, "--port-topology=loop"])


def echo(back, count=300):
    """Frames that the guest's testpmd sends back. Their sender would be a lie, so it swaps MACs."""
    back.order("rx on")
    back.order("reset")
    back.order(f"expect {count}")
    back.ask(f"send {count} 60 1514", f"sent {count}")
    back.wait(f"received {count}")
    expect(back.stats()["bad"], 0, "frames that came back spoiled")


def test_save():
    """save and restore: the port is closed before, the same testpmd makes it anew afterwards"""
    with XEN as dom0:
        watcher = watch_devices(dom0)
        one = dom0.create("one", mem_mb=256)
        wait_attached(watcher, one)
        back = back_end(dom0, one)
        pmd = guest_testpmd(one)
        back.wait("link up")
        for line in ("set fwd macswap", "start"):
            pmd.cmd(line)
        echo(back)
        for line in ("stop", "port stop 0", "port close 0"):
            pmd.cmd(line)
        back.wait("link down")
        pmd.cmd("port detach net_xenvirt0")
        back.quit()
        one.save("/var/lib/xen/save/one")
        one.restore("/var/lib/xen/save/one")
        wait_attached(watcher, one)
        back = back_end(dom0, one)
        for line in ("port attach net_xenvirt0,handle=0", "port start 0"):
            pmd.cmd(line)
        back.wait("link up")
        pmd.cmd("start")
        echo(back)
        pmd.cmd("stop")
        expect(pmd.quit(), 0, "exit code of testpmd")
        expect(watcher.kill(15), 0, "exit code of pvnctl xen watch after SIGTERM")


def test_save_running():
    """saved with its port open: the port stays down afterwards, a new program's works"""
    with XEN as dom0:
        watcher = watch_devices(dom0)
        one = dom0.create("one", mem_mb=256)
        wait_attached(watcher, one)
        front, back = serve(dom0, one)
        traffic(front, back)
        one.save("/var/lib/xen/save/one")
        back.wait("link down")
        back.quit()
        one.restore("/var/lib/xen/save/one")
        wait_attached(watcher, one)
        front.wait("link down")
        front.rest()
        expect(front.mbufs_out(), 0, "mbufs of the guest")
        front.kill()
        front, back = serve(dom0, one)
        traffic(front, back)
        expect(watcher.kill(15), 0, "exit code of pvnctl xen watch after SIGTERM")


# A guest that lies


class Liar:
    """A front end whose nodes are written by the test.

    A portpeer connects as it should and is then stopped, so that its grants and its event channel
    stay. From then on a shell in the guest is the front end.
    """

    def __init__(self, domain):
        self.domain = domain
        self.peer = DomainPeer(domain, "xenvirt", "handle=0")
        self.peer.wait("link up")
        domain.check(f"kill -STOP {self.peer.program.pid}")
        self.front = f"/local/domain/{domain.domid}/device/xenvirt/0"
        self.back = domain.check(f"xenstore-read {self.front}/backend").strip()
        self.nodes = dict(re.findall(rf'(?m)^{self.front}/(\S+) = "(.*)"$',
                                     domain.check(f"xenstore-ls -f {self.front}")))
        for name in ("backend", "backend-id", "handle", "state", "connection"):
            del self.nodes[name]
        domain.put("/run/lie", LIE.encode())

    def refs(self, name):
        return self.nodes[name].split(",")

    def say(self, **changes):
        """Answer the back end's next offer, with these nodes changed, "_" in names standing for "/"
        and None for a node that is missing. Returns the state the back end goes to, and its error."""
        changes = {name.replace("__", "/").replace("_", "-"): value
                   for name, value in changes.items()}
        nodes = self.nodes | changes
        lost = [name for name, value in nodes.items() if value is None]
        words = [f"'{self.front}/{name}' '{value}'" for name, value in nodes.items()
                 if value is not None]
        removed = "".join(f"xenstore-rm {self.front}/{name};" for name in lost)
        out = self.domain.check(f"F={self.front} B={self.back} . /run/lie; {removed}"
                                f"answer {' '.join(words)}", timeout=60)
        state, _, error = out.partition("\n")
        return state, error.strip()
