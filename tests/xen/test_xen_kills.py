#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Either end of a wire is killed or stopped at any instant, under load in both directions.

The other end must see it, take every buffer back, and carry on when there is somebody again, without
being restarted itself. Kills happen at random times, some while the victim starts, some while it is
stopped; the seed is printed and can be given by PVN_SEED.
"""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import LONG, Local  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from kills import SEED, a_moment, account, kill_in_turns, kill_pairs, pause_in_turns  # noqa: E402
from peerorders import traffic  # noqa: E402

KILLS = 200 if LONG else 20


def wire(xen):
    xen.domain(1)
    xen.attach(1, mtu=9000)


ARGS = ("--mtu", 9000)


def test_kill_front(zero_copy):
    """the guest is killed, again and again, at any instant"""
    with Local() as xen:
        wire(xen)
        back = xen.back(1, args=ARGS)
        kill_in_turns(lambda: xen.front(1, f"handle=0,zero_copy={zero_copy}", args=ARGS,
                                        ready=False), back, KILLS, "back end")


def test_kill_back(zero_copy):
    """the back end is killed, again and again, at any instant"""
    with Local() as xen:
        wire(xen)
        front = xen.front(1, f"handle=0,zero_copy={zero_copy}", args=ARGS)
        kill_in_turns(lambda: xen.back(1, args=ARGS, ready=False), front, KILLS, "front end")


def test_pause():
    """an end that is stopped for a while is not gone: the link stays, traffic goes on afterwards"""
    with Local() as xen:
        wire(xen)
        pause_in_turns(xen.back(1, args=ARGS), xen.front(1, args=ARGS), KILLS)


def test_kill_both():
    """both ends killed at once; the next pair of processes finds nothing in its way"""
    with Local() as xen:
        wire(xen)
        kill_pairs(lambda: (xen.back(1, args=ARGS), xen.front(1, args=ARGS)), max(KILLS // 4, 5))


def test_domain_destroyed():
    """the toolstack destroys the domain: the back end lets go; a new domain gets its own device"""
    with Local() as xen:
        wire(xen)
        back, front = xen.back(1, args=ARGS), xen.front(1, args=ARGS)
        back.wait("link up")
        front.load()
        back.load()
        a_moment(back, random.Random(SEED))
        xen.pvnctl("local", "domain", "remove", xen.socket, 1)
        back.wait("link down")
        account(back, "back end")
        front.kill()
        xen.pvnctl("xen", "detach", 1, "--handle=0", "--force")
        wire(xen)
        front = xen.front(1, args=ARGS)
        again = xen.back(1, args=ARGS)
        front.wait("link up")
        traffic(front, again)


def test_gone_for_good():
    """a killed back end's device goes with its domain; a back end that is there lets go first"""
    with Local() as xen:
        for domid in (1, 2):
            xen.domain(domid)
            xen.attach(domid)
        killed, there = (xen.back(domid, args=ARGS) for domid in (1, 2))
        for domid in (1, 2):
            xen.front(domid, args=ARGS).wait("link up")
        killed.kill()
        devices = f"{xen.folder}/devices"
        with open(devices, "w", encoding="ascii"):
            pass  # no section: all that apply does is to remove what is left
        expect(xen.pvnctl("xen", "apply", devices), "", "output while both domains are there")
        for domid in (1, 2):
            xen.pvnctl("local", "domain", "remove", xen.socket, domid)
        said = xen.pvnctl("xen", "apply", devices, "--timeout=2").splitlines()
        left = "domain {}: removed device 0, which was left when its front end was gone"
        expect(sorted(said), [left.format(1) + "; its back end in domain 0 did not answer",
                              left.format(2)], "output of apply")
        there.wait("link down")
        account(there, "back end")
        expect(xen.pvnctl("-j", "xen", "list").strip(), "[]", "devices")


if __name__ == "__main__":
    checks.main([case(test_kill_front, zero_copy=0), case(test_kill_front, zero_copy=1),
                 case(test_kill_back, zero_copy=0), case(test_kill_back, zero_copy=1),
                 test_pause, test_kill_both, test_domain_destroyed, test_gone_for_good],
                timeout=120 + 3 * KILLS)
