#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""net_xenvirt and net_xenback on real Xen.

    domain "one"                    dom0
    portpeer, net_xenvirt == grants == net_xenback, portpeer

The whole of it: pvnctl makes the device in the real XenStore, rings and pools are granted and
mapped by the hypervisor, and either end dies at times.
"""

import os
import re

import checks
from checks import expect
from peerorders import exchange, traffic
from xenkit import Shared
from xenpeer import FILES, DomainPeer, back_end, both_ends, load_both

XEN = Shared("xennet", files=FILES)
LONG = bool(os.environ.get("PVN_LONG"))
KILLS = 20 if LONG else 2


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


def pause(peer, other):
    """One end stands still under load and goes on: no link goes down, and traffic resumes."""
    before = peer.log.count("link down") + other.log.count("link down")
    peer.domain.check(f"kill -STOP {peer.program.pid}")
    other.ask("pool", r"pool (\d+)")  # it lives
    peer.domain.check(f"kill -CONT {peer.program.pid}")
    peer.await_frames(100)
    expect(peer.log.count("link down") + other.log.count("link down"), before, "links down")


def test_kills():
    """either end stopped, or killed, under load: the other lives on, and traffic resumes"""
    with XEN as dom0:
        one = dom0.create("one")
        front, back = both_ends(dom0, one)
        for turn in range(KILLS):
            load_both(front, back)
            pause(front, back)
            pause(back, front)
            for victim in ("front", "back"):
                load_both(front, back)
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
                    back = back_end(dom0, one)
                back.wait_for_link()
                front.wait_for_link()
        traffic(front, back)
        load_both(front, back)
        back.await_frames(100)
        one.destroy()
        back.wait("link down")
        back.rest()
        expect(back.mbufs_out(), 0, "mbufs of dom0 after the domain was destroyed")
        expect(re.search(r"\(null\)", dom0.check("xl list")), None, "domain that cannot die")


if __name__ == "__main__":
    checks.main([test_frames, test_kills], timeout=900 if LONG else 150)
