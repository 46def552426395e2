#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Either end of an IVSHMEM net port is killed or stopped at any instant, under load both ways.

The other end must see it, take every buffer back, and carry on when there is somebody again, without
being restarted itself. The keeper lives through all of it; and when it is the one that is killed, both
ends come back to the next one. Kills happen at random times, some while
the victim starts, some while it is stopped; the seed is printed and can be given by PVN_SEED.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ivswire import LONG, MAC, Region  # noqa: E402 (adds tests/xen to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from kills import account, kill_in_turns, kill_pairs, pause_in_turns  # noqa: E402
from peerorders import traffic  # noqa: E402

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


def open_files(peer):
    return len(os.listdir(f"/proc/{peer.process.pid}/fd"))


def test_kill_keeper(zero_copy):
    """the keeper is killed under load, again and again; the next one finds both ends by itself"""
    with Region(vectors=2) as region:
        back = region.host(HOST, args=ARGS)
        front = region.guest(f"zero_copy={zero_copy}", args=ARGS)
        ends, files = (front, back), None
        for turn in range(max(KILLS // 2, 3)):
            for end in ends:
                end.wait_for_link()
            traffic(front, back)
            for end in ends:
                end.load()
            front.await_frames((1, 50, 700)[turn % 3])
            region.keeper.kill()
            for end in ends:
                end.wait("link down")
            for end in ends:
                account(end, f"keeper {turn} was killed")
            region.serve()
            for end in ends:
                end.wait("link up")
            files = files or [open_files(end) for end in ends]
        traffic(front, back)
        expect([open_files(end) for end in ends], files, "files that the ends have open")
        for end in ends:
            end.stop()
            end.quit()


def test_kill_keeper_sender(zero_copy):
    """an application that tries to send the same mbuf until it is taken gets on, too"""
    with Region() as region:
        back = region.host(HOST, args=ARGS)
        front = region.guest(f"zero_copy={zero_copy}", args=(*ARGS, "--tx-pool", "ivshmem_0"))
        front.wait("link up")
        back.wait("link up")
        back.order("rx on")
        for _ in range(max(KILLS // 2, 3)):
            front.order("flood 60 9018")
            back.await_frames(500)
            region.keeper.kill()
            for end in (front, back):
                end.wait("link down")
            region.serve()
            back.wait("link up")
            back.await_frames(500)
            front.wait("link up")
        expect(back.stats()["bad"], 0, "frames spoiled")
        front.stop()


if __name__ == "__main__":
    checks.main([case(test_kill_guest, zero_copy=0), case(test_kill_guest, zero_copy=1),
                 case(test_kill_host, zero_copy=0), case(test_kill_host, zero_copy=1),
                 test_pause, test_kill_both,
                 case(test_kill_keeper, zero_copy=0), case(test_kill_keeper, zero_copy=1),
                 case(test_kill_keeper_sender, zero_copy=1)], timeout=120 + 3 * KILLS)
