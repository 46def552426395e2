# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of net_pvn_vmxnet3 share: a guest whose testpmd forwards between two VMXNET3 devices.

    test [a]--- VMXNET3 --- testpmd, io forwarding, our driver --- VMXNET3 ---[b] test
"""

import os
import random
import re
import select
import threading
import time
from contextlib import contextmanager

from kit import FrameSocket, Nic, Vm

DRIVER = "/pmds/librte_net_pvn_vmxnet3.so"
LONG = bool(os.environ.get("PVN_LONG"))
BROADCAST = b"\xff" * 6
PEER = bytes.fromhex("020000000099")
LOCAL_EXPERIMENT = bytes.fromhex("88b5")  # QEMU drops broken IP packets, but not this EtherType
OVERHEAD = 22  # what the driver adds to the MTU: Ethernet header and two tags


def frame(size, source=random, to=BROADCAST):
    """A frame of SIZE bytes, random but for its header."""
    return to + PEER + LOCAL_EXPERIMENT + source.randbytes(size - 14)


def eal_arguments(vm, count, driver=DRIVER):
    """Binds the first COUNT devices to uio_pci_generic; returns testpmd's EAL arguments for them."""
    arguments = ["-l", "0,1", "--iova-mode=pa", "-d", driver]
    for number in range(count):
        vm.bind(vm.address(number), "uio_pci_generic")
        arguments += ["-a", vm.address(number)]
    return arguments


@contextmanager
def forwarder(name, machine="q35", testpmd=(), eal=(), **vm_arguments):
    """The guest above, forwarding; gives (vm, testpmd, a, b)."""
    with FrameSocket() as a, FrameSocket() as b, \
            Vm(name, machine=machine, nics=[Nic(a), Nic(b)], **vm_arguments) as vm:
        if not any(word.startswith("--total-num-mbufs") for word in testpmd):
            testpmd = [*testpmd, "--total-num-mbufs=4096"]
        pmd = vm.testpmd([*eal_arguments(vm, 2), *eal], ["--forward-mode=io", *testpmd])
        pmd.cmd("start")
        yield vm, pmd, a, b


# A guest with an IOMMU, for vfio-pci.
IOMMU = {"machine": "q35", "extra": ["-device", "intel-iommu"], "append": "intel_iommu=on"}


def vfio_arguments(vm, count):
    """As eal_arguments(), with vfio-pci."""
    vm.check("modprobe vfio_iommu_type1")
    arguments = ["-l", "0,1", "-d", DRIVER]
    for number in range(count):
        vm.bind(vm.address(number), "vfio-pci")
        arguments += ["-a", vm.address(number)]
    return arguments


def port_stats(pmd, port):
    """The counters of `show port stats`, by the names testpmd prints."""
    text = pmd.cmd(f"show port stats {port}")
    return {name: int(value) for name, value in re.findall(r"([RT]X-\w+): *(\d+)", text)}


def link(pmd, port):
    """(status, speed) as `show port info` has them."""
    text = pmd.cmd(f"show port info {port}")
    return (re.search(r"Link status: (\w+)", text)[1],
            re.search(r"Link speed: (.*)", text)[1].strip())


def free_mbufs(pmd):
    """(free, in all) of testpmd's pool, counting what its cores' caches hold as free."""
    text = pmd.cmd("dump_mempool mb_pool_0")
    size = int(re.search(r"\bsize=(\d+)", text)[1])
    in_ring = int(re.search(r"common_pool_count=(\d+)", text)[1])
    cached = sum(map(int, re.findall(r"cache_count\[\d+\]=(\d+)", text)))
    return in_ring + cached, size


class Load:
    """Frames sent into both ends, and taken out of them, as fast as it goes, beside the test.

    All are the same, so that whatever comes out can be checked, however many were dropped.
    """

    def __init__(self, a, b, size=300):
        self.ends, self.size = (a, b), size
        self.sent = self.received = self.damaged = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exc):
        self.stopping.set()
        self.thread.join()
        if self.damaged:
            raise AssertionError(f"{self.damaged} of {self.received} frames came out changed")

    def _run(self):
        data = frame(self.size)
        while not self.stopping.is_set():
            readable, writable, _ = select.select(self.ends, self.ends, [], 0.1)
            for end in readable:
                frames = end.drain()
                self.received += len(frames)
                self.damaged += len(frames) - frames.count(data)
            for end in writable:
                end.send(data)
                self.sent += 1

    def moved(self, count, timeout=20):
        """Waits until COUNT more frames came through."""
        goal = self.received + count
        deadline = time.monotonic() + timeout
        while self.received < goal:
            if time.monotonic() > deadline or not self.thread.is_alive():
                raise AssertionError(f"{goal - self.received} of {count} frames did not come through")
            time.sleep(0.001)  # another thread counts; there is no event but the count
