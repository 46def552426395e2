#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Either end of an IVSHMEM net port is killed or stopped at any instant, under load both ways.

The other end must see it, take every buffer back, and carry on when there is somebody again, without
being restarted itself. The keeper lives through all of it. Kills happen at random times, some while
the victim starts, some while it is stopped; the seed is printed and can be given by PVN_SEED.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ivswire import LONG, MAC, Region  # noqa: E402 (adds tests/xen to the path)
import checks  # noqa: E402
from checks import case  # noqa: E402
from kills import kill_in_turns, kill_pairs, pause_in_turns  # noqa: E402

KILLS = 100 if LONG else 10
ARGS = ("--mtu", 9000)
HOST = f"mac={MAC},mtu=9000"


def test_kill_guest(zero_copy):
    """the guest is killed, again and again, at any instant"""
    with Region() as region:
        back = region.host(HOST, args=ARGS)
        kill_in_turns(lambda: region.guest(f"zero_copy={zero_copy}", args=ARGS, ready=False),
                      back, KILLS, "host")


def test_kill_host(zero_copy):
    """the host's application is killed, again and again, at any instant"""
    with Region() as region:
        first = region.host(HOST, args=ARGS)
        front = region.guest(f"zero_copy={zero_copy}", args=ARGS)
        front.wait("link up")
        first.kill()
        front.wait("link down")
        kill_in_turns(lambda: region.host(HOST, args=ARGS, ready=False), front, KILLS, "guest")


def test_pause():
    """an end that is stopped for a while is not gone: the link stays, traffic goes on afterwards"""
    with Region() as region:
        pause_in_turns(region.host(HOST, args=ARGS), region.guest(args=ARGS), KILLS)


def test_kill_both():
    """both ends killed at once; the next pair of processes finds nothing in its way"""
    with Region() as region:
        kill_pairs(lambda: (region.host(HOST, args=ARGS), region.guest(args=ARGS)),
                   max(KILLS // 4, 3))


if __name__ == "__main__":
    checks.main([case(test_kill_guest, zero_copy=0), case(test_kill_guest, zero_copy=1),
                 case(test_kill_host, zero_copy=0), case(test_kill_host, zero_copy=1),
                 test_pause, test_kill_both], timeout=120 + 3 * KILLS)
