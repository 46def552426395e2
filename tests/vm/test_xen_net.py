#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""net_xenvirt and net_xenback on real Xen.

    domain "one"                    dom0
    portpeer, net_xenvirt == grants == net_xenback, portpeer

The whole of it: pvnctl makes the device in the real XenStore, rings and pools are granted and mapped
by the hypervisor, and either end dies at times.
"""

import os
import re

import checks
from checks import expect
from initramfs import ROOT
from peerorders import PeerOrders, exchange, traffic
from xenkit import Shared

BUILD = f"{ROOT}/build"
XEN = Shared("xennet", files={"/usr/bin/portpeer": f"{BUILD}/tests/xen/portpeer"})
EAL = "--no-huge --no-pci --no-telemetry --log-level=5 --lcores=0@0,1@0 -m 64"
KILLS = 20 if os.environ.get("PVN_LONG") else 2


class DomainPeer(PeerOrders):
    """A portpeer in a domain."""

    def __init__(self, domain, driver, devargs, args=""):
        self.domain = domain
        self.program = domain.start(
            f"exec portpeer {EAL} --file-prefix={driver}{id(self)} -d /pmds/librte_net_{driver}.so "
            f"--vdev net_{driver}0,{devargs} -- --mbufs 1023 {args}")
        self.wait("ready .*")

    def order(self, line):
        self.program.send(f"{line}\n")

    def wait(self, pattern, timeout=30):
        found = self.program.match(rf"(?m)^{pattern}\r?\n", timeout)
        return [group and group.decode() for group in (found[0], *found.groups())]

    @property
    def log(self):
        return self.program.channel.text()

    def kill(self):
        self.program.kill()

    def quit(self):
        self.order("quit")
        expect(self.program.ended(), 0, f"exit code of {self}")

    def __str__(self):
        return f"portpeer in {getattr(self.domain, 'domid')}"


def attach(dom0, domain, handle=0, **options):
    words = " ".join(f"--{name.replace('_', '-')}={value}" for name, value in options.items())
    dom0.check(f"pvnctl xen attach {domain.domid} --handle={handle} "
               f"--mac=02:00:00:00:{domain.domid:02x}:{handle:02x} {words}")


def both_ends(dom0, domain, devargs="handle=0", args="", **options):
    attach(dom0, domain, **options)
    back = DomainPeer(dom0, "xenback", f"frontend={domain.domid},handle=0", args)
    front = DomainPeer(domain, "xenvirt", devargs, args)
    front.wait("link up")
    back.wait("link up")
    return front, back


def test_frames():
    """frames of every 7th size up to 9018 both ways, copying and zero-copy; then two queues"""
    with XEN as dom0:
        one = dom0.create("one")
        front, back = both_ends(dom0, one, args="--mtu 9000", mtu=9000)
        exchange(front, back, 9018 // 7, 60, 9018)
        exchange(back, front, 9018 // 7, 60, 9018)
        front.stop()
        front.quit()
        front = DomainPeer(one, "xenvirt", "handle=0,zero_copy=1", "--mtu 9000")
        front.wait("link up")
        exchange(front, back, 9018 // 7, 60, 9018)
        exchange(back, front, 9018 // 7, 60, 9018)
        front.stop()
        back.stop()
        front.quit()
        back.quit()


def test_kills():
    """either end killed under load: the other lives on, and traffic resumes"""
    with XEN as dom0:
        one = dom0.create("one")
        front, back = both_ends(dom0, one)
        for turn in range(KILLS):
            for victim in ("front", "back"):
                front.load(high=1514)
                back.load(high=1514)
                front.await_frames(100)
                if victim == "front":
                    front.kill()
                    back.wait("link down")
                    back.rest()
                    expect(back.mbufs_out(), 0, f"mbufs of dom0 that did not come back ({turn})")
                    front = DomainPeer(one, "xenvirt", f"handle=0,zero_copy={turn % 2}")
                else:
                    back.kill()
                    front.wait("link down")
                    front.rest()
                    expect(front.mbufs_out(), 0, f"mbufs of the guest ({turn})")
                    back = DomainPeer(dom0, "xenback", f"frontend={one.domid},handle=0")
                back.wait_for_link()
                front.wait_for_link()
        traffic(front, back)
        front.load(high=1514)
        back.load(high=1514)
        back.await_frames(100)
        one.destroy()
        back.wait("link down")
        back.rest()
        expect(back.mbufs_out(), 0, "mbufs of dom0 after the domain was destroyed")
        expect(re.search(r"\(null\)", dom0.check("xl list")), None, "domain that cannot die")


if __name__ == "__main__":
    checks.main([test_frames, test_kills], timeout=150)
