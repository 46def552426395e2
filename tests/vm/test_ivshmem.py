#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Regions in QEMU guests: what pvnctl ivshmem prints is run, and a small program in the guest that
knows nothing but lib/ivshmem's peers finds the memory and the doorbells.

    host: peer tool --- keeper (pvnctl ivshmem serve) --- QEMU: ivshmem device --- guest: peer tool
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, f"{os.path.dirname(os.path.abspath(__file__))}/../ivshmem")

from keeper import PVNCTL, TIMEOUT, TOOL, Keeper  # noqa: E402

import checks  # noqa: E402
from checks import expect  # noqa: E402
from hugepages import huge_pages  # noqa: E402
from kit import Vm  # noqa: E402

BASE = "200000000000"
GUEST_TOOL = "/usr/bin/ivshmem_peer_tool"
IOMMU = ["-device", "intel-iommu,intremap=on"]


def small(name, extra=(), **options):
    """A guest that has the peer tool."""
    extra = [word for words in extra for word in words.split()]
    return Vm(name, smp=1, mem_mb=384, hugepages=0, extra=extra, files={GUEST_TOOL: TOOL}, **options)


def guest(vm, region, *words, timeout=60):
    """Lines that the tool in the guest prints for these words about a region's device."""
    spec = f"pci:{vm.address(f'pvn-{region}')}"
    return vm.check(f"{GUEST_TOOL} {spec} {' '.join(words)}", timeout).splitlines()


def appears(vm, region):
    """Wait until the guest's kernel has found a device that was plugged in."""
    vm.wait(lambda: address_of(vm, region), 20, f"region {region} to appear")
    vm.check(f"until [ -e /sys/bus/pci/devices/{vm.address(f'pvn-{region}')}/resource2 ]; do :; done")


def address_of(vm, region):
    found = vm.address(f"pvn-{region}")
    return None if ":00:" in found else found  # no bus number yet


def send_qmp(vm, text):
    """QMP commands as they were printed; after device_del, wait for the guest to let go."""
    for line in text.splitlines():
        command = json.loads(line)
        vm.qmp(command["execute"], **command["arguments"])
        if command["execute"] == "device_del":
            vm.wait_event("DEVICE_DELETED", device=command["arguments"]["id"])


def check_shared(vm, host, region, size):
    """The same memory at the same address on both sides, from the first byte to the last. [H38]"""
    host.ask(f"write 100 to-{region}", f"to-{region}")
    host.ask(f"write {size - 10} end", "end")
    said = guest(vm, region, "info", f"map {BASE} read 100 read {size - 10} write 200 from-{region}")
    expect(said[0].startswith(f"size {size} "), True, f"size of {region}: {said[0]}")
    expect(said[1:], ["mapped", f"to-{region}", "end", f"from-{region}"], f"in {region}")
    host.ask("read 200", f"from-{region}")


def test_h37_h38_cold():
    """H37 H38: arguments as printed start QEMU; plain and doorbell, memfd and huge pages"""
    regions = {"a": "1M,vectors=4", "b": "4M,vectors=2,hugepages=2M", "c": "2M",
               "d": "4M,hugepages=2M"}
    with huge_pages(4), Keeper([f"{n},size={r}" for n, r in regions.items()]) as keeper:
        hosts = {name: keeper.host(name) for name in regions}
        extra = [keeper.ctl(f"args {name}") for name in "ab"]
        extra += [keeper.ctl(f"args {name} --plain") for name in "c"]
        extra += [keeper.ctl("args d --plain --read-only")]
        with small("cold", extra) as vm:
            for name, host in hosts.items():
                host.ask(f"map {BASE}", "mapped")
                if name != "d":
                    check_shared(vm, host, name, int(regions[name][0]) << 20)
            expect(guest(vm, "a", "info"), ["size 1048576 number 1 vectors 0"], "doorbell device")
            hosts["a"].ask("there 1", "there")
            guest(vm, "a", "ring 0 3")  # sysfs can ring, but cannot be rung
            hosts["a"].ask("wait 3", "rung 1")
            code, said = vm.run(f"{GUEST_TOOL} pci:{vm.address('pvn-c')} ring 0 0")
            expect((code, said), (1, "ring: Operation not supported\n"), "ring of a plain device")
            hosts["d"].ask("write 50 read-me", "read-me")
            expect(guest(vm, "d", "map 0", "read 50", "write 50 changed"),
                   ["mapped", "read-me", "read-me"], "a device that can only be read")
            vm.bind(vm.address("pvn-b"), "uio_pci_generic")
            check_shared(vm, hosts["b"], "b", 4 << 20)
            code, said = vm.run(f"{GUEST_TOOL} pci:0000:00:1f.0 info")
            expect((code, "1af4:1110" in said), (1, True), "a device of another kind")
            check_killed(vm, hosts["a"])


def check_killed(vm, host):
    """The host hears of a dead QEMU in milliseconds. [H51, the transport]"""
    host.send("gone 1")
    start = time.monotonic()
    vm.process.send_signal(signal.SIGKILL)
    expect(host.line(), "gone", "after SIGKILL")
    took = (time.monotonic() - start) * 1000
    print(f"  a killed QEMU was seen after {took:.1f} ms")
    expect(took < 1000, True, "soon enough")


def test_h56_two_guests():
    """H56: two guests with a region each; neither sees the other's memory, bells or coming"""
    with Keeper(["a,size=1M,vectors=2", "b,size=1M,vectors=2"]) as keeper:
        hosts = {name: keeper.host(name) for name in "ab"}
        for name, host in hosts.items():
            host.ask("map 0", "mapped")
            host.ask(f"write 0 {name}", name)
        with small("first", [keeper.ctl("args a")]) as first, \
                small("second", [keeper.ctl("args b")]) as second:
            guests = {"a": first, "b": second}
            for name, vm in guests.items():
                expect(vm.check("cat /sys/bus/pci/devices/*/device").split().count("0x1110"), 1,
                       "IVSHMEM devices")
                expect(guest(vm, name, "map 0 read 0", f"write 0 guest-{name}", "ring 0 1", "ring 1 0",
                             "ring 2 0"),
                       ["mapped", name, f"guest-{name}", "ringing", "ringing", "ringing"], name)
                hosts[name].ask("wait 1", "rung 1")
                hosts[name].ask("read 0", f"guest-{name}")
            expect([keeper.numbers(name) for name in "ab"], [[0, 1], [0, 1]], "who is connected")
            first.close()
            hosts["a"].ask("gone 1", "gone")
            expect(keeper.numbers("b"), [0, 1], "who is left")
            guest(second, "b", "ring 0 1")
            hosts["b"].ask("wait 1", "rung 1")


def doorbells(vm, host, number, vectors):
    """Each vector, both ways, with vfio-pci. [H55]"""
    address = vm.address("pvn-v")
    words = " ".join(f"wait {v} ring 0 {v}" for v in range(vectors))
    program = vm.program(f"{GUEST_TOOL} pci:{address} info map {BASE} {words} gone 0")
    program.wait(f"size 4194304 number {number} vectors {vectors}")
    program.wait("mapped")
    for vector in range(vectors):
        host.ask(f"ring {number} {vector}", "ringing")
        program.wait("rung 1")
        host.ask(f"wait {vector}", "rung 1")
    return program


def test_h39_h54_h55_hot():
    """H39 H54 H55: QMP as printed plugs; vfio-pci rings both ways; unplugged and plugged again"""
    with tempfile.TemporaryDirectory(prefix="pvn-qmp-") as folder, huge_pages(4), \
            Keeper(["v,size=4M,vectors=4,hugepages=2M", "p,size=4M"]) as keeper:
        monitor = f"{folder}/qmp"
        host, plain = keeper.host("v"), keeper.host("p")
        extra = [f"-qmp unix:{monitor},server=on,wait=off", *[keeper.ctl(f"port {n}") for n in "vp"]]
        with small("hot", IOMMU + extra, append="intel_iommu=on") as vm:
            host.ask(f"map {BASE}", "mapped")
            plain.ask(f"map {BASE}", "mapped")
            send_qmp(vm, keeper.ctl("qmp v"))
            send_qmp(vm, keeper.ctl("qmp p --plain"))
            appears(vm, "v"), appears(vm, "p")
            check_shared(vm, host, "v", 4 << 20)
            check_shared(vm, plain, "p", 4 << 20)
            host.ask("there 1", "there")
            vm.check("modprobe vfio_iommu_type1")
            vm.bind(vm.address("pvn-v"), "vfio-pci")
            program = doorbells(vm, host, 1, 4)
            watcher = vm.program(f"{GUEST_TOOL} pci:{vm.address('pvn-p')} map 0 gone 0")
            watcher.wait("mapped")
            keeper_unplugs(keeper, vm, monitor, "v")
            program.wait("gone")  # it was asked to let go, and did
            host.ask("gone 1", "gone")
            keeper_unplugs(keeper, vm, monitor, "p", "--plain")
            watcher.wait("gone")
            expect(keeper_says(keeper, "plug", "v", monitor), (0, "", ""), "plug v")
            expect(keeper_says(keeper, "plug", "p", monitor, "--plain"), (0, "", ""), "plug p")
            appears(vm, "v"), appears(vm, "p")
            host.ask("there 2", "there")
            # Nobody rings here: QEMU 7.2 without KVM goes on watching the eventfds of the device that
            # was unplugged, and dies when one of the new ones has the number of an old one.
            check_shared(vm, host, "v", 4 << 20)
            check_shared(vm, plain, "p", 4 << 20)
            refusals(keeper, vm, monitor)


def keeper_says(keeper, verb, region, monitor, *options):
    """pvnctl ivshmem plug or unplug; its code, output and message."""
    done = subprocess.run(
        [PVNCTL, "ivshmem", verb, region, "--qmp", monitor, "--folder", keeper.folder, *options],
        capture_output=True, text=True, timeout=TIMEOUT, check=False)
    return done.returncode, done.stdout, done.stderr


def keeper_unplugs(keeper, vm, monitor, region, *options):
    done = keeper_says(keeper, "unplug", region, monitor, *options)
    expect(done, (0, "", ""), f"unplug {region}")
    vm.wait_event("DEVICE_DELETED", device=f"pvn-{region}")


def refusals(keeper, vm, monitor):
    """What QEMU refuses is told, and leaves nothing behind; a guest that stands still is not waited
    for without end."""
    code, _, err = keeper_says(keeper, "plug", "v", monitor)
    expect((code, "QEMU: " in err), (1, True), f"plugged twice: {err}")
    keeper.ctl("add n,size=1M")
    for _ in range(2):  # the second time nothing of the first is in the way
        code, _, err = keeper_says(keeper, "plug", "n", monitor)
        expect((code, "pvnctl ivshmem port" in err), (1, True), f"no port: {err}")
    vm.qmp("stop")
    code, _, err = keeper_says(keeper, "unplug", "p", monitor, "--plain", "--timeout", "1")
    expect((code, "not let go" in err), (1, True), f"a stopped guest: {err}")


if __name__ == "__main__":
    checks.main([test_h37_h38_cold, test_h56_two_guests, test_h39_h54_h55_hot], timeout=150)
