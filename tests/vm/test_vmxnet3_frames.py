#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames of every size go through net_pvn_vmxnet3 in both directions and come out as they went in.

    test [a]--- VMXNET3 --- testpmd, io forwarding, our driver --- VMXNET3 ---[b] test

Frames are random, so a byte that is lost, doubled or swapped shows. 9018 bytes is what an MTU of 9000
makes with a VLAN tag; with 2 KiB buffers such a frame takes five of them, in both rings of the queue.
"""

import random
import time

import checks
from forwarder import IOMMU, OVERHEAD, forwarder, frame, vfio_arguments
from kit import FrameSocket, Nic, Vm, exchange

SIZES = range(60, 9019)
JUMBO = f"--max-pkt-len={9000 + OVERHEAD}"


def send_all(sizes, a, b):
    for source, sink in (a, b), (b, a):
        frames = [frame(size, random.Random(size)) for size in sizes]
        random.shuffle(frames)
        start = time.monotonic()
        checks.expect(exchange(source, sink, frames), frames, "frames")
        print(f"  {len(frames)} frames one way in {time.monotonic() - start:.1f} s")


def test_scattered(machine, step):
    """every size in 2 KiB buffers: frames over both rings, several descriptors to transmit"""
    options = [JUMBO, "--enable-scatter", "--mbuf-size=2176", "--total-num-mbufs=8192"]
    with forwarder(f"scatter-{machine}", machine, options) as (_vm, _pmd, a, b):
        send_all(SIZES[::step], a, b)


def test_single_buffer(machine, step):
    """every size in one buffer each"""
    options = [JUMBO, "--mbuf-size=9280", "--total-num-mbufs=4096"]
    with forwarder(f"single-{machine}", machine, options, mem_mb=1024, hugepages=160) as \
            (_vm, _pmd, a, b):
        send_all(SIZES[::step], a, b)


def test_vfio():
    """with vfio-pci and an IOMMU: addresses are virtual ones, and what is not mapped is not reached"""
    with FrameSocket() as a, FrameSocket() as b, \
            Vm("vfio", nics=[Nic(a), Nic(b)], **IOMMU) as vm:
        pmd = vm.testpmd(vfio_arguments(vm, 2),
                         ["--forward-mode=io", JUMBO, "--enable-scatter", "--mbuf-size=2176",
                          "--total-num-mbufs=8192"])
        pmd.cmd("start")
        send_all(SIZES[::7], a, b)
        faults = vm.run("dmesg | grep -c 'DMAR.*fault'")[1].strip()
        checks.expect(faults, "0", "DMA faults")


if __name__ == "__main__":
    checks.main([
        checks.case(test_scattered, machine="q35", step=1),
        checks.case(test_single_buffer, machine="q35", step=1),
        checks.case(test_scattered, machine="pc", step=7),
        test_vfio,
    ])
