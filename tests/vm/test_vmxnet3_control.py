#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The settings of net_pvn_vmxnet3, as QEMU's device understands them.

    test [a]--- VMXNET3 --- testpmd, io forwarding, our driver --- VMXNET3 ---[b] test
"""

import re

import checks
from forwarder import BROADCAST, LOCAL_EXPERIMENT, PEER, Load, forwarder, frame, port_stats
from kit import exchange

STRANGER = bytes.fromhex("020000000055")
MULTICAST = bytes.fromhex("01005e000001")
FIRST = bytes.fromhex("020000000001")  # what the kit gives the first device
NEW = bytes.fromhex("020000000077")
RESTART = ("stop", "port stop all", "port start all", "start")


def passes(a, b, to):
    """Does a frame to this address come through? One that always does shows when to stop waiting."""
    probe, last = frame(80, to=to), frame(80)
    a.send(probe)
    a.send(last)
    came = [b.recv()]
    while came[-1] != last:
        came.append(b.recv())
    return probe in came


def expect_filter(a, b, wanted, when):
    """WANTED: for each of these addresses, whether it passes."""
    for address, passing in wanted.items():
        checks.expect(passes(a, b, address), passing, f"{address.hex(':')} passes {when}")


def test_rx_mode():
    """promiscuous and all-multicast, live and over a restart"""
    with forwarder("rxmode") as (_vm, pmd, a, b):
        expect_filter(a, b, {STRANGER: True, MULTICAST: True, FIRST: True}, "promiscuous")
        pmd.cmd("set promisc 0 off")
        closed = {STRANGER: False, MULTICAST: False, FIRST: True, BROADCAST: True}
        expect_filter(a, b, closed, "not promiscuous")
        pmd.cmd("set allmulti 0 on")
        expect_filter(a, b, closed | {MULTICAST: True}, "all-multicast")
        for command in RESTART:
            pmd.cmd(command)
        expect_filter(a, b, closed | {MULTICAST: True}, "all-multicast, restarted")
        pmd.cmd("set allmulti 0 off")
        expect_filter(a, b, closed, "all-multicast off again")


def test_mac():
    """a new MAC address counts at once and after a restart, though QEMU forgets it then"""
    with forwarder("mac") as (_vm, pmd, a, b):
        pmd.cmd("set promisc 0 off")
        pmd.cmd("mac_addr set 0 02:00:00:00:00:77")
        expect_filter(a, b, {NEW: True, FIRST: False}, "with a new address")
        for command in RESTART:
            pmd.cmd(command)
        expect_filter(a, b, {NEW: True, FIRST: False}, "with a new address, restarted")


def test_vlan_off():
    """tagged frames of any VLAN pass untouched when nobody asked for VLAN filtering"""
    with forwarder("vlan") as (_vm, pmd, a, b):
        pmd.cmd("set promisc 0 off")
        tagged = [FIRST + PEER + bytes.fromhex("8100") + tci.to_bytes(2, "big") + LOCAL_EXPERIMENT
                  + bytes(60) for tci in (0, 1, 100, 0xA064, 4094, 4095)]
        tagged += [FIRST + PEER + bytes.fromhex("88a8006481000065") + LOCAL_EXPERIMENT + bytes(60)]
        checks.expect(exchange(a, b, tagged), tagged, "tagged frames")


def test_mtu():
    """a port without room for larger frames says so and goes on; stopped, with scatter, it has room"""
    with forwarder("mtu") as (_vm, pmd, a, b):
        refused = pmd.cmd("port config mtu 0 9000")
        if "its buffers hold frames up to MTU" not in refused:
            raise AssertionError(f"no advice in {refused!r}")
        small, large = [frame(1514)], [frame(9014)]
        checks.expect(exchange(a, b, small), small, "a frame after the refusal")
        for command in ("stop", "port stop all", "port config 0 rx_offload scatter on",
                        "port config 1 rx_offload scatter on", "port config mtu 0 9000",
                        "port config mtu 1 9000", *RESTART[2:]):
            pmd.cmd(command)
        checks.expect(exchange(a, b, large), large, "a jumbo frame")
        checks.expect(exchange(b, a, large), large, "a jumbo frame back")


def test_mtu_running():
    """with scatter the MTU changes while frames are forwarded: no restart, nothing else changes"""
    with forwarder("mtu-live", testpmd=["--enable-scatter"]) as (_vm, pmd, a, b):
        pmd.cmd("set promisc 0 off")
        pmd.cmd("mac_addr set 0 02:00:00:00:00:77")
        with Load(a, b) as load:
            load.moved(100)
            for mtu in 9000, 1500, 9000:
                for port in 0, 1:
                    said = pmd.cmd(f"port config mtu {port} {mtu}")
                    checks.expect("rror" in said or "ailed" in said, False, f"complaint: {said}")
                load.moved(100)
        for source, sink in (a, b), (b, a):
            for _ in range(20):
                large = frame(9014)
                source.send(large)
                while sink.recv() != large:  # what is left of the load comes before
                    pass
        expect_filter(a, b, {NEW: True, FIRST: False, STRANGER: False}, "with a new MTU")


def multicast_list(pmd, a, b):
    other = bytes.fromhex("333300000005")
    pmd.cmd("mcast_addr add 0 01:00:5E:00:00:01")
    expect_filter(a, b, {MULTICAST: True, other: False, FIRST: True}, "with a list of one")
    for command in RESTART:
        pmd.cmd(command)
    expect_filter(a, b, {MULTICAST: True, other: False}, "with a list of one, restarted")
    pmd.cmd("mcast_addr add 0 33:33:00:00:00:05")
    expect_filter(a, b, {MULTICAST: True, other: True}, "with a list of two")
    pmd.cmd("mcast_addr remove 0 01:00:5E:00:00:01")
    pmd.cmd("mcast_addr remove 0 33:33:00:00:00:05")
    expect_filter(a, b, {MULTICAST: False, other: False}, "with an empty list")


def tagged(vlan):
    return FIRST + PEER + bytes.fromhex("8100") + vlan.to_bytes(2, "big") + LOCAL_EXPERIMENT + bytes(60)


def passing_vlans(a, b, vlans):
    frames = [tagged(vlan) for vlan in vlans] + [frame(80)]
    for data in frames:
        a.send(data)
    came = [b.recv()]
    while came[-1] != frames[-1]:
        came.append(b.recv())
    return [vlan for vlan, data in zip(vlans, frames) if data in came]


def test_lists():
    """a multicast list, then a VLAN filter: what they name passes, no more; kept over restarts"""
    vlans = [1, 100, 101, 4094]
    with forwarder("lists") as (_vm, pmd, a, b):
        pmd.cmd("set promisc 0 off")
        multicast_list(pmd, a, b)
        pmd.cmd("vlan set filter on 0")
        pmd.cmd("rx_vlan add 100 0")
        checks.expect(passing_vlans(a, b, vlans), [100], "VLANs passed")
        for command in RESTART:
            pmd.cmd(command)
        checks.expect(passing_vlans(a, b, vlans), [100], "VLANs passed, restarted")
        pmd.cmd("vlan set filter off 0")
        checks.expect(passing_vlans(a, b, vlans), vlans, "VLANs passed without a filter")


def test_stats():
    """counters are right, continue over restarts, count what was missed, and can be reset"""
    with forwarder("stats", testpmd=["--rxd=64"]) as (_vm, pmd, a, b):
        frames = [frame(size) for size in range(60, 160)]
        total = sum(map(len, frames))
        exchange(a, b, frames, window=32)
        stats = port_stats(pmd, 0)
        checks.expect((stats["RX-packets"], stats["RX-bytes"]), (100, total), "received")
        stats = port_stats(pmd, 1)
        checks.expect((stats["TX-packets"], stats["TX-bytes"]), (100, total), "sent")
        pmd.cmd("stop")
        for data in frames:  # nobody fetches them: those that find no buffer are missed
            a.send(data)
        missed = wait_for_missed(pmd)
        for command in "port stop all", "port start all", "start":
            pmd.cmd(command)
        exchange(a, b, frames, window=32)
        stats = port_stats(pmd, 0)
        checks.expect((stats["RX-packets"], stats["RX-missed"], stats["RX-errors"]), (200, missed, 0),
                      "received, missed, errors after a restart")
        pmd.cmd("clear port stats 0")
        checks.expect(set(port_stats(pmd, 0).values()), {0}, "counters after a reset")
        exchange(a, b, frames, window=32)
        checks.expect(port_stats(pmd, 0)["RX-packets"], 100, "received after a reset")


def wait_for_missed(pmd):
    """Of 100 frames for a ring of 64: 63 buffers are posted at most, and at least 48, since the
    driver refills by quarters of a small ring. Asks until all frames have arrived."""
    missed = asked = 0
    while asked < 3:  # the last frame is in when the count stands still
        before, missed = missed, port_stats(pmd, 0)["RX-missed"]
        asked = asked + 1 if missed and missed == before else 0
    if not 37 <= missed <= 52:
        raise AssertionError(f"{missed} of 100 frames missed")
    return missed


def waiting(pmd):
    """Frames in the first rx queue of port 0 that nobody fetched."""
    return int(re.findall(r"\d+", pmd.cmd("show port 0 rxq 0 desc used count"))[-1])


def ring_states(pmd, a):
    """Of a port that nobody polls: frames wait in the first descriptors, behind them are posted ones."""
    end = waiting(pmd) + 10
    for _ in range(10):
        a.send(frame(100))
    while waiting(pmd) < end:
        pass
    states = {0: "DONE", end - 1: "DONE", end: "AVAILABLE", 127: "UNAVAILABLE"}
    for descriptor, state in states.items():
        said = pmd.cmd(f"show port 0 rxq 0 desc {descriptor} status")
        if f" {state}\n" not in said:
            raise AssertionError(f"descriptor {descriptor} is not {state}: {said}")
    for kind, size in ("rxq", 128), ("txq", 512):
        said = pmd.cmd(f"show {kind} info 0 0")
        if f"Number of {kind[0].upper()}XDs: {size}\n" not in said or "Burst mode: " not in said:
            raise AssertionError(f"{kind}: {said}")


def test_queues():
    """several queues: the first receives (QEMU uses no other), all transmit"""
    options = ["--rxq=4", "--txq=4", "--rxd=128", "--total-num-mbufs=16384", "--nb-cores=1"]
    with forwarder("queues", testpmd=options) as (_vm, pmd, a, b):
        frames = [frame(200) for _ in range(1000)]
        for source, sink in (a, b), (b, a):
            checks.expect(exchange(source, sink, frames), frames, "frames")
        with Load(a, b) as load:
            load.moved(1000)
        pmd.cmd("stop")
        pmd.cmd("set fwd txonly")
        pmd.cmd("start")
        b.recv()
        pmd.cmd("stop")
        text = pmd.cmd("show port xstats 1")
        ring_states(pmd, a)
        idle = [n for n in range(4) if f"tx_q{n}_packets: 0\n" in text or f"tx_q{n}_" not in text]
        checks.expect(idle, [], "tx queues that sent nothing")


if __name__ == "__main__":
    checks.main([test_rx_mode, test_mac, test_vlan_off, test_mtu, test_mtu_running,
                 test_lists, test_stats, test_queues])
