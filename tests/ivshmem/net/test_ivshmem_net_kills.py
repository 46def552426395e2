#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Either end of an IVSHMEM net port is killed or stopped at any instant, under load both ways.

The other end must see it, take every buffer back, and carry on when there is somebody again, without
being restarted itself. The keeper lives through all of it. Kills happen at random times, some while
the victim starts, some while it is stopped; the seed is printed and can be given by PVN_SEED.
"""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ivswire import CONT, LONG, MAC, STOP, Region  # noqa: E402 (adds tests/xen to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from peerorders import traffic  # noqa: E402

KILLS = 100 if LONG else 10
SEED = int(os.environ.get("PVN_SEED", random.SystemRandom().randrange(1 << 32)))
ARGS = ("--mtu", 9000)
HOST = f"mac={MAC},mtu=9000"


def account(peer, what):
    """With no connection and no load, every mbuf is in its pool."""
    peer.rest()
    expect(peer.mbufs_out(), 0, f"{what}: mbufs that did not come back")


def a_moment(peer, rng):
    """Let some frames pass, so that the kill meets the rings at any index."""
    peer.await_frames(rng.choice((1, 3, 50, 700, 5000)))


def kill_in_turns(start_victim, survivor, rng, what):
    """Kill the victim again and again; the survivor lives through all of it."""
    for turn in range(KILLS):
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


def test_kill_guest(zero_copy):
    """the guest is killed, again and again, at any instant"""
    rng = random.Random(SEED)
    print(f"  PVN_SEED={SEED}, {KILLS} kills")
    with Region() as region:
        back = region.host(HOST, args=ARGS)
        kill_in_turns(lambda: region.guest(f"zero_copy={zero_copy}", args=ARGS, ready=False),
                      back, rng, "host")


def test_kill_host(zero_copy):
    """the host's application is killed, again and again, at any instant"""
    rng = random.Random(SEED)
    print(f"  PVN_SEED={SEED}, {KILLS} kills")
    with Region() as region:
        first = region.host(HOST, args=ARGS)
        front = region.guest(f"zero_copy={zero_copy}", args=ARGS)
        front.wait("link up")
        first.kill()
        front.wait("link down")
        kill_in_turns(lambda: region.host(HOST, args=ARGS, ready=False), front, rng, "guest")


def test_pause():
    """an end that is stopped for a while is not gone: the link stays, traffic goes on afterwards"""
    with Region() as region:
        back, front = region.host(HOST, args=ARGS), region.guest(args=ARGS)
        front.wait("link up")
        back.wait("link up")
        for turn in range(KILLS):
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


def test_kill_both():
    """both ends killed at once; the next pair of processes finds nothing in its way"""
    with Region() as region:
        for _ in range(max(KILLS // 4, 3)):
            back, front = region.host(HOST, args=ARGS), region.guest(args=ARGS)
            front.wait("link up")
            front.load()
            back.load()
            a_moment(front, random.Random(SEED))
            back.kill()
            front.kill()
        back, front = region.host(HOST, args=ARGS), region.guest(args=ARGS)
        front.wait("link up")
        traffic(front, back)


if __name__ == "__main__":
    checks.main([case(test_kill_guest, zero_copy=0), case(test_kill_guest, zero_copy=1),
                 case(test_kill_host, zero_copy=0), case(test_kill_host, zero_copy=1),
                 test_pause, test_kill_both], timeout=120 + 3 * KILLS)
