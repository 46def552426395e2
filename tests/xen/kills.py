# SPDX-License-Identifier: BSD-3-Clause
"""Ends of a wire, any wire, that are killed and stopped at random instants under load.

An end is a portpeer (peerorders.py) as a program (wire.py). The seed can be given by PVN_SEED.
"""

import os
import random

from wire import CONT, STOP
from checks import expect
from peerorders import traffic

SEED = int(os.environ.get("PVN_SEED", random.SystemRandom().randrange(1 << 32)))


def account(peer, what):
    """With no connection and no load, every mbuf is in its pool."""
    peer.rest()
    expect(peer.mbufs_out(), 0, f"{what}: mbufs that did not come back")


def a_moment(peer, rng):
    """Let some frames pass, so that the kill meets the rings at any index."""
    peer.await_frames(rng.choice((1, 3, 50, 700, 5000)))


def kill_in_turns(start_victim, survivor, kills, what):
    """Kill the victim again and again; the survivor lives through all of it."""
    print(f"  PVN_SEED={SEED}, {kills} kills")
    rng = random.Random(SEED)
    for turn in range(kills):
        victim = start_victim()
        kind = rng.choice(("load", "load", "load", "starting", "stopped"))
        if kind == "starting":
            survivor.order("rx on")
            if rng.random() < 0.5:
                survivor.wait("link up")  # the earliest instant at which there is a connection
                victim.kill()
                survivor.wait("link down")
            else:
                victim.kill()
        else:
            victim.wait(r"ready .*")
            survivor.wait("link up")
            victim.load()
            survivor.load()
            a_moment(survivor, rng)
            if kind == "stopped":
                victim.signal(STOP)
                survivor.stats()  # it answers, whatever the other end does
            victim.kill()
            survivor.wait("link down")
            account(survivor, f"{what} survived kill {turn} ({kind})")
        victim.close()
    victim = start_victim()
    victim.wait(r"ready .*")
    survivor.wait_for_link()
    victim.wait_for_link()
    traffic(victim, survivor)
    survivor.stop()
    victim.stop()


def pause_in_turns(back, front, turns):
    """An end that stands still for a while is not gone: the link stays, and traffic goes on."""
    front.wait("link up")
    back.wait("link up")
    for turn in range(turns):
        paused, other = (front, back) if turn % 2 else (back, front)
        front.load()
        back.load()
        a_moment(other, random.Random(SEED + turn))
        paused.signal(STOP)
        other.stats()
        paused.signal(CONT)
        a_moment(other, random.Random(SEED + turn))
    traffic(front, back)
    expect("link down" in front.log + back.log, False, "the link went down")
    front.stop()
    back.stop()


def kill_pairs(start_both, pairs):
    """Both ends are killed at once; the next pair of processes finds nothing in its way."""
    for _ in range(pairs):
        back, front = start_both()
        front.wait("link up")
        front.load()
        back.load()
        a_moment(front, random.Random(SEED))
        back.kill()
        front.kill()
    back, front = start_both()
    front.wait("link up")
    traffic(front, back)
