#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""net_ivshmem and pointer mode in QEMU guests: what the driver finds by itself, however its device is
bound or plugged, and that host and guest survive each other.

    portpeer, net_ivshmem --- keeper --- QEMU: ivshmem device --- portpeer or testpmd, net_ivshmem
    share_host            --- keeper --- QEMU: ivshmem device --- share_guest

A guest boots in some 6 s, so one serves many cases.
"""

import contextlib
import json
import os
import re
import signal
import time

from ivsguest import (BUILD, EAL, LONG, MAC, OTHER, GuestPeer, GuestProgram, Keeper, Program, Region,
                      appears, machine, names_of, other_dpdk, testpmd, unbind)

import checks
from checks import expect
from errors import Missing
from hugepages import huge_pages
from peerorders import echo, exchange, traffic

JUMBO = ("--mtu", 9000)
HOST = f"mac={MAC},mtu=9000"
SIZES = ((60, 130), (1500, 1530), (4000, 4030), (8990, 9018))  # the others natively
KILLS = 10 if LONG else 2
HEAP_BASE = "0x300000000000"


def frames(one, other, queues=1, sizes=SIZES):
    """Frames of all these sizes, both ways."""
    for low, high in sizes:
        exchange(one, other, high - low + 1, low, high, queues)
        exchange(other, one, high - low + 1, low, high, queues)


def both_up(guest, host):
    guest.wait_for_link()
    host.wait_for_link()


def rests(peer):
    """Without a connection and without load every mbuf is in its pool."""
    peer.rest()
    expect(peer.mbufs_out(), 0, f"{peer}: mbufs that did not come back")


@contextlib.contextmanager
def guest_on(vm, host, address, devargs="", queues=1):
    """A portpeer in the guest; at the end all its mbufs must be back, and it must end well."""
    peer = GuestPeer(vm, [f"{address}{devargs}"], f"--mtu 9000 --queues {queues}")
    both_up(peer, host)
    yield peer
    peer.rest()
    host.rest()
    peer.stop()
    peer.quit()
    host.wait("link down")
    rests(host)


# Every way to a device


def ways_of_doorbell(vm, host, address):
    """Bound to nothing, to uio_pci_generic and to vfio-pci; copying and zero-copy; two queues."""
    with guest_on(vm, host, address, queues=2) as peer:
        frames(peer, host, queues=2)
    vm.bind(address, "uio_pci_generic")
    with guest_on(vm, host, address, ",zero_copy=1", queues=2) as peer:
        frames(peer, host, queues=2)
    pmd = testpmd(vm, address)
    host.wait_for_link()
    echo(host)
    expect(pmd.quit(), 0, "exit code of testpmd")
    vm.check("modprobe vfio_iommu_type1")
    vm.bind(address, "vfio-pci")
    with guest_on(vm, host, address, ",zero_copy=1", queues=2) as peer:
        frames(peer, host, queues=2)


def wakes(vm, here, path, address):
    """A receiver in the guest sleeps for each frame, woken by vfio-pci's interrupt. [H55]"""
    count = 500 if LONG else 100
    sleeper = GuestProgram(vm, f"wake {' '.join(EAL)} --log-level=5 -a {address} -- sleep")
    ping = here.add(Program([
        f"{BUILD}/bench/wake", "--no-huge", "-m", "64", "--no-pci", "--no-telemetry", "--log-level=4",
        f"--file-prefix=wake{os.getpid()}", "--lcores", "0@0-1", "-d", "librte_net_ivshmem.so",
        "--vdev", f"net_ivshmem0,host={path},{HOST},mac_check=0", "--", "ping", str(count), "2000"],
        env=here.environment()))
    said = ping.wait(r"(rtt|lost) .*", timeout=60)[0]
    print(f"  woken by a doorbell through vfio-pci: {said} ns (p50, p99, max)")
    expect(said.split()[0], "rtt", "frames that came back in time")
    expect(ping.ended(), 0, "exit code of the host's end")
    sleeper.program.send("\x04\n")
    slept = int(sleeper.wait(r"slept (\d+)")[1])
    expect(slept >= count // 2, True, f"woken {slept} times by {count} frames")


def only_ours(vm, address):
    """Of four devices two have ports: nothing is said of a foreign one, and why a broken one is refused."""
    peer = GuestPeer(vm, address.values(), ready=False)
    peer.wait("ports 2")
    lines = {name: [line for line in peer.log.splitlines() if f"net_ivshmem {at}" in line]
             for name, at in address.items()}
    expect(lines["f"], [], "lines about a device without a region")
    expect(["checksum" in line for line in lines["x"]], [True], f"why it is refused: {lines['x']}")
    peer.kill()


def test_h43_h44_ways():
    """H43 H44: however the device is bound; doorbell, plain (huge pages), foreign and broken ones"""
    regions = ["a,size=16M,vectors=3", "p,size=16M,hugepages=2M", "f,size=1M", "x,size=16M"]
    with huge_pages(8), Keeper(regions) as keeper, Region(size=0) as here:
        at = {name: f"{keeper.folder}/{name}" for name in "apfx"}
        broken = here.host(path=at["x"])
        broken.kill()
        writer = keeper.host("x")
        writer.ask("map 0", "mapped")
        writer.ask("write 41 broken", "broken")  # in the header, behind magic and size
        devices = [keeper.ctl("args a"), keeper.ctl("args p --plain"), keeper.ctl("args f"),
                   keeper.ctl("args x")]
        with machine("ways", devices, iommu=True) as vm:
            address = {name: vm.address(f"pvn-{name}") for name in "apfx"}
            host = here.host(f"{HOST},mac_check=0", ("--queues", 2, *JUMBO), path=at["a"])
            plain = here.host(HOST, JUMBO, path=at["p"])
            only_ours(vm, address)
            with guest_on(vm, plain, address["p"]) as peer:
                frames(peer, plain)
            ways_of_doorbell(vm, host, address["a"])
            host.quit()
            wakes(vm, here, at["a"], address["a"])


# Plugged and unplugged


def plug(keeper, monitor, region, *options):
    keeper.ctl(f"plug {region}", "--qmp", monitor, *options)


def orders(keeper, region, *options):
    """QMP commands as they are printed: for QEMU's back end, and for its device."""
    lines = keeper.ctl(f"qmp {region}", *options).splitlines()
    return [(order["execute"], order["arguments"]) for order in map(json.loads, lines)]


@contextlib.contextmanager
def unplugging(keeper, vm, region, *options):
    """Ask for the device; at the end of what is done meanwhile the guest must have let go of it."""
    (ask, device), (remove, backend) = orders(keeper, region, "--unplug", *options)
    vm.qmp(ask, **device)
    yield
    vm.wait_event("DEVICE_DELETED", device=f"pvn-{region}")
    vm.qmp(remove, **backend)


def unplug_under_load(keeper, vm, peer, region, *options):
    """Ask for the device: the port's link goes down, its program is told, every mbuf is back, and
    with vfio-pci the guest keeps the device until the program has let go."""
    with unplugging(keeper, vm, region, *options):
        peer.wait("link down")
        peer.wait("removed")
        rests(peer)
        peer.stop()
        peer.quit()


def first_packets(keeper, vm, host, address):
    """How long it takes from device_add to a packet of a program that waits for the device: until
    the guest's kernel has it, and until the packet is here. Plain, as it can be done again."""
    seconds = []
    for _ in range(9 if LONG else 3):
        peer = GuestPeer(vm, [], f"--plug {address} --flood", ready=False)
        peer.wait("waiting")
        host.expect_frames(1)
        (make, backend), (add, device) = orders(keeper, "p", "--plain")
        vm.qmp(make, **backend)
        start = time.monotonic()
        vm.qmp(add, **device)
        peer.wait("plugged")
        there = time.monotonic() - start
        host.wait("received 1")
        seconds.append((time.monotonic() - start, there))
        unplug_under_load(keeper, vm, peer, "p", "--plain")
        host.wait("link down")
        host.order("rx off")
    whole, kernel = sorted(seconds)[len(seconds) // 2]
    print(f"  device_add to first packet: {whole * 1000:.0f} ms, the guest's kernel {kernel * 1000:.0f} ms "
          f"of it (median of {len(seconds)}, {min(seconds)[0]:.3f} to {max(seconds)[0]:.3f} s)")


def let_go(keeper, vm, host, address):
    """An unmodified testpmd closes its port by itself when vfio-pci is asked for the device."""
    vm.bind(address, "vfio-pci")
    pmd = testpmd(vm, address)
    host.wait_for_link()
    echo(host)
    with unplugging(keeper, vm, "p", "--plain"):
        pmd.wait("device removal")
    expect(pmd.quit(), 0, "exit code of testpmd")
    host.wait("link down")
    rests(host)


def test_h54_plugged():
    """H54: plugged, unplugged under load, plugged again; doorbell (huge pages) and plain"""
    with huge_pages(8), Keeper(["v,size=16M,vectors=2,hugepages=2M", "p,size=16M"]) as keeper, \
            Region(size=0) as here:
        monitor = f"{here.folder}/qmp"
        extra = [f"-qmp unix:{monitor},server=on,wait=off", *[keeper.ctl(f"port {n}") for n in "vp"]]
        with machine("plugged", extra, iommu=True) as vm:
            hosts = {n: here.host(f"{HOST},mac_check=0", JUMBO, path=f"{keeper.folder}/{n}")
                     for n in "vp"}
            plug(keeper, monitor, "v")
            plug(keeper, monitor, "p", "--plain")
            for name, driver in (("v", "vfio-pci"), ("p", None)):
                address, host = appears(vm, name), hosts[name]
                if driver:
                    vm.check("modprobe vfio_iommu_type1")
                    vm.bind(address, driver)
                peer = GuestPeer(vm, [address], "--mtu 9000")
                both_up(peer, host)
                frames(peer, host)
                for end in (peer, host):
                    end.load()
                host.await_frames(200)
                unplug_under_load(keeper, vm, peer, name, *(() if driver else ("--plain",)))
                host.wait("link down")
                rests(host)
            # QEMU 7.2 without KVM may die when a second doorbell device is rung (ivshmem.md 1).
            first_packets(keeper, vm, hosts["p"], address)
            plug(keeper, monitor, "p", "--plain")
            let_go(keeper, vm, hosts["p"], appears(vm, "p"))


# Killed


def killed_under_load(vm, host, stopped):
    """QEMU is killed; the host sees it at once and has every mbuf back."""
    peer = GuestPeer(vm, [vm.address("pvn-a")], "--mtu 9000")
    host.wait_for_link()
    peer.load()
    host.load()
    host.await_frames(300)
    if stopped:
        vm.process.send_signal(signal.SIGSTOP)
        host.stats()  # it answers, whatever the guest does
    start = time.monotonic()
    vm.process.send_signal(signal.SIGKILL)
    host.wait("link down", 10)
    took = time.monotonic() - start
    expect(took < 1, True, f"{took:.3f} s until the link was down")
    rests(host)
    return took * 1000


def paused(vm, host, peer):
    """QEMU stands still for a moment under load: nothing is lost, the link stays."""
    both_up(peer, host)
    before = host.log.count("link down")
    peer.load()
    host.load()
    host.await_frames(300)
    vm.process.send_signal(signal.SIGSTOP)
    host.stats()
    vm.process.send_signal(signal.SIGCONT)
    host.await_frames(300)
    peer.await_frames(300)
    expect(host.log.count("link down"), before, "link down for a guest that was paused")
    expect([end.stats()["bad"] for end in (host, peer)], [0, 0], "frames spoiled")


def host_killed(here, path, host, peer):
    """The host's application is killed under load; the guest carries on with the next one."""
    for _ in range(10 if LONG else 2):
        host.load()
        peer.load()
        peer.await_frames(300)
        host.kill()
        peer.wait("link down")
        rests(peer)
        host = here.host(HOST, JUMBO, path=path)
        both_up(peer, host)
        traffic(peer, host)
    return host


def guest_program_killed(vm, host, peer):
    """The application in the guest dies, the guest lives: known when the next one attaches."""
    peer.load()
    host.load()
    host.await_frames(300)
    peer.kill()
    host.rest()
    peer = GuestPeer(vm, [vm.address("pvn-a")], "--mtu 9000")
    both_up(peer, host)
    traffic(peer, host)
    return peer


def test_h51_h56_killed():
    """H51 H56: QEMU killed under load, again and again; its neighbour notices nothing"""
    with Keeper(["a,size=16M,vectors=2", "b,size=16M,vectors=2"]) as keeper, Region(size=0) as here:
        path = {name: f"{keeper.folder}/{name}" for name in "ab"}
        host = here.host(HOST, JUMBO, path=path["a"])
        beside = here.host("mac=02:00:00:00:00:0b", path=path["b"])
        with machine("neighbour", [keeper.ctl("args b")]) as neighbour:
            other = GuestPeer(neighbour, [neighbour.address("pvn-b")])
            both_up(other, beside)
            beside.order("rx on")
            took = []
            for turn in range(KILLS):
                with machine("victim", [keeper.ctl("args a")]) as vm:
                    took.append(killed_under_load(vm, host, turn % 2 == 1))
            print(f"  {KILLS} guests killed, seen after at most {max(took):.0f} ms")
            expect(beside.stats()["good"], 0, "frames that reached the neighbour's host")
            traffic(other, beside)
            expect("link down" in beside.log + other.log, False, "the neighbour's link went down")
            neighbour.close()
            beside.wait("link down")
            rests(beside)
        with machine("last", [keeper.ctl("args a")]) as vm:
            peer = GuestPeer(vm, [vm.address("pvn-a")], "--mtu 9000")
            paused(vm, host, peer)
            peer = guest_program_killed(vm, host, peer)
            host = host_killed(here, path["a"], host, peer)
            peer.stop()
            host.stop()


# Pointer mode


def share_host(here, where, *eal):
    host = here.add(Program([
        f"{BUILD}/tests/ivshmem/share_host", *(eal or ["--no-huge"]), "-m", "64", "--no-pci",
        "--no-telemetry", "--log-level=4", f"--file-prefix=share{os.getpid()}", "--lcores", "0@0-1",
        "--", where], env=here.environment()))
    return host, host.wait("ready (0x.*)")[1]


def share_guest(vm, devices, args=""):
    allowed = " ".join(f"-a {device}" for device in devices)
    guest = GuestProgram(vm, f"share_guest {' '.join(EAL)} {allowed} {args}")
    return guest, names_of(guest.wait("found (.*)")[1])


def passed_and_lent(host, guest):
    """Mbufs by pointer, and on the link: lent, kept, given back."""
    host.ask("guest", "guest here")
    for _ in range(3):
        host.ask("pass 100", "passed 100")
    host.ask("lend 100", "lent 100")
    host.ask("out", "out 100")
    end = time.monotonic() + 20
    while kept(guest) < 100:  # it has them when it has looked
        expect(time.monotonic() < end, True, "100 lent mbufs arrive in time")
    guest.order("give 60")
    guest.wait("gave 60")
    host.ask("take 60", "took 60")
    host.ask("out", "out 40")


def kept(guest):
    guest.order("kept")
    return int(guest.wait(r"kept (\d+)")[1])


def whole_heap(vm, host, ring):
    """Objects of the host's own heap, which is another device, found when EAL starts."""
    region, heap = vm.address("pvn-shared"), vm.address("pvn-shared-heap")
    guest, names = share_guest(vm, [region, heap])
    expect(names, {"ring": ring, "pool": "1", "zone": "from-the-host", "link": "0"},
           "what is found in the host's heap")
    expect(ring >= HEAP_BASE, True, f"the ring {ring} is in it")
    host.ask("guest", "guest here")
    for _ in range(3):
        host.ask("pass 100", "passed 100")
    guest.kill()


def other_version(vm, host, ring, address):
    """A guest with another DPDK, built with other layouts: refused, and nothing of the host's memory
    has changed. With the same layouts: taken."""
    vm.check("tar -C / -xf /other-dpdk.tar")
    eal = "--no-huge -m 64 --no-pci --no-telemetry --log-level=4 --file-prefix=other -l 0,1"
    before = host.ask("sum", r"sum (\d+)")[1]
    guest = GuestProgram(vm, f"{OTHER}_stats {eal} -- attach pci:{address}")
    why = guest.wait("refused (.*)")[1]
    expect(guest.program.ended(), 5, "exit code of the guest that was refused")
    print(f"  {why}")
    here, there = re.search(r"host's DPDK (\S+) and this one, (\S+),", why).groups()
    expect((here != there, "mempool_size" in why, "Build both ends" in why), (True, True, True),
           f"both versions, what differs and what to do in: {why}")
    expect(host.ask("sum", r"sum (\d+)")[1], before, "the host's memory after the guest was refused")
    guest = GuestProgram(vm, f"{OTHER}_other {eal} -- attach pci:{address}")
    names = names_of(guest.wait("found (.*)")[1])
    expect({name: names[name] for name in ("ring", "zone", "link")},
           {"ring": ring, "zone": "from-the-host", "link": "1"}, "what another DPDK finds")
    expect(f"made with DPDK {here}" in guest.log, True, f"the host's version is told: {guest.log}")
    passed_and_lent(host, guest)
    guest.kill()


def test_h45_h46_h48_h49_h51_pointers():
    """H45 H46 H48 H49 H51: found by name when EAL starts, a whole heap too, by another DPDK too"""
    with huge_pages(32), Keeper(["s,size=16M,vectors=2"]) as keeper, Region(size=0) as here:
        whole, in_heap = share_host(here, "heap", "--in-memory", "--single-file-segments",
                                    f"--base-virtaddr={HEAP_BASE}")
        other = other_dpdk(here.folder)
        files = {"/other-dpdk.tar": other} if other else {}
        devices = [keeper.ctl("args s"), whole.ask("args", "args (.*)")[1]]
        with machine("pointers", devices, iommu=True, files=files) as vm:
            address = vm.address("pvn-s")
            guest, names = share_guest(vm, [address])
            expect(names["pool"], "0", "pool found though there is no host yet")
            host, ring = share_host(here, f"socket:{keeper.folder}/s.host")
            found = {"ring": ring, "pool": "1", "zone": "from-the-host", "link": "1"}
            guest.order(f"again {address}")
            expect(names_of(guest.wait("found (.*)")[1]), found, "what is found when EAL looks again")
            passed_and_lent(host, guest)
            guest.kill()
            guest, names = share_guest(vm, [address], "-- occupy")
            expect(names["pool"], "0", "pool found though the host's address is taken")
            expect("0x200000000000" in guest.log, True, "the address that is taken is told")
            guest.kill()
            for driver in ("", "uio_pci_generic", "vfio-pci"):
                if driver:
                    vm.check("modprobe vfio_iommu_type1")
                    vm.bind(address, driver)
                # Once as one who knows only ports: an ethdev of the two rings.
                guest, names = share_guest(vm, [address],
                                           "-- port" if driver == "uio_pci_generic" else "")
                expect(names, found, f"what is found in a device bound to '{driver}'")
                passed_and_lent(host, guest)
                guest.kill()
                if driver != "vfio-pci":  # the guest lives: known when the next one attaches
                    host.ask("out", "out 40")
            unbind(vm, address)
            whole_heap(vm, whole, in_heap)
            if other:
                other_version(vm, host, ring, address)
            guest, names = share_guest(vm, [address])
            passed_and_lent(host, guest)
            start = time.monotonic()
            vm.process.send_signal(signal.SIGKILL)
            host.ask("whole", "whole 255")
            print(f"  every mbuf was back {(time.monotonic() - start) * 1000:.0f} ms after the kill")
        if not other:
            raise Missing("all passed, but there is no other DPDK for the guest: run ./run setup")


if __name__ == "__main__":
    checks.main([test_h43_h44_ways, test_h54_plugged, test_h51_h56_killed,
                 test_h45_h46_h48_h49_h51_pointers], timeout=600 if LONG else 150)
