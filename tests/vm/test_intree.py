#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The thinnest real thing: DPDK's own net_vmxnet3 forwards frames in a guest.

    this test [a]--- VMXNET3 --- testpmd, io forwarding --- VMXNET3 ---[b] this test

It says that the kit, QEMU's device and DPDK work together here; when this fails, look no further.
The same for our driver: test_intree.py DRIVER=/pmds/librte_net_pvn_vmxnet3.so.
"""

import os
import random
import sys

import checks
from kit import FrameSocket, Nic, Vm, exchange

DRIVER = "/pmds-dpdk/librte_net_vmxnet3.so"
COUNT = 1000
DEVICE = b"\xff" * 6 + bytes.fromhex("020000000099")  # io forwarding does not look at addresses
LOCAL_EXPERIMENT = bytes.fromhex("88b5")  # QEMU drops broken IP packets, but not this EtherType


def random_frames(count, seed):
    """Frames of 60 to 1514 bytes, all different."""
    source = random.Random(seed)
    return [DEVICE + LOCAL_EXPERIMENT + source.randbytes(source.randint(46, 1500))
            for _ in range(count)]


def forwarding_guest(vm, driver):
    """Bind both devices and start forwarding; returns testpmd."""
    devices = [vm.address(0), vm.address(1)]
    for device in devices:
        vm.bind(device, "uio_pci_generic")
    allow = [word for device in devices for word in ("-a", device)]
    pmd = vm.testpmd(["-l", "0,1", "--iova-mode=pa", "-d", driver, *allow],
                     ["--forward-mode=io", "--total-num-mbufs=4096"])
    pmd.cmd("start")
    return pmd


def test_forward(machine, driver):
    """1000 random frames go through testpmd in each direction, unchanged and in order"""
    with FrameSocket() as a, FrameSocket() as b, \
            Vm(f"forward-{machine}", machine=machine, nics=[Nic(a), Nic(b)]) as vm:
        pmd = forwarding_guest(vm, driver)
        for source, sink in (a, b), (b, a):
            frames = random_frames(COUNT, os.urandom(8))
            checks.expect(exchange(source, sink, frames), frames, "frames")
        print(f"  {COUNT} frames each way with {os.path.basename(driver)} on {machine}")
        pmd.cmd("stop")
        checks.expect(pmd.quit(), 0, "exit code of testpmd")


if __name__ == "__main__":
    for word in sys.argv[1:]:
        if word.startswith("DRIVER="):
            DRIVER = word.removeprefix("DRIVER=")
            sys.argv.remove(word)
    checks.main([checks.case(test_forward, machine=machine, driver=DRIVER)
                 for machine in ("q35", "pc")])
