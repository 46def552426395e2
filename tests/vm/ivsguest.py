# SPDX-License-Identifier: BSD-3-Clause
"""What tests of IVSHMEM with DPDK in QEMU guests share: guests, and programs in them.

    with Keeper(["a,size=16M,vectors=3"]) as keeper, Region(size=0) as here, \
            machine("m", [keeper.ctl("args a")]) as vm:
        host = here.host(f"mac={MAC}", path=f"{keeper.folder}/a")
        peer = GuestPeer(vm, [vm.address("pvn-a")])
        host.wait("link up")
"""

import glob
import os
import re
import subprocess
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../ivshmem")
sys.path.insert(0, f"{HERE}/../ivshmem/net")

from ivswire import BUILD, LONG, MAC, ROOT, Program, Region  # noqa: E402, F401
from keeper import Keeper  # noqa: E402, F401

from checks import expect  # noqa: E402
from kit import Search, Vm  # noqa: E402
from peerorders import PeerOrders  # noqa: E402

DRIVER = "/pmds/librte_net_ivshmem.so"
FILES = {
    "/usr/bin/ivshmem_peer_tool": f"{BUILD}/tests/ivshmem/ivshmem_peer_tool",
    "/usr/bin/portpeer": f"{BUILD}/tests/xen/portpeer",
    "/usr/bin/share_guest": f"{BUILD}/tests/ivshmem/share_guest",
    "/usr/bin/wake": f"{BUILD}/bench/wake",
}
IOMMU = {"extra": ["-device", "intel-iommu,intremap=on"], "append": "intel_iommu=on"}
OTHER = "/other/ld-linux-x86-64.so.2 --library-path /other /other/share_guest"
EAL = ["-l", "0,1", "-m", "96", "--no-telemetry", "-d", DRIVER]


def machine(name, extra, iommu=False, files=(), **options):
    """A guest with these devices: QEMU's arguments, as pvnctl prints them."""
    words = [word for text in extra for word in text.split()]
    append = IOMMU["append"] if iommu else ""
    return Vm(name, mem_mb=512, hugepages=112, files=FILES | dict(files), append=append,
              extra=(IOMMU["extra"] if iommu else []) + words, **options)


def other_dpdk(folder):
    """An archive of programs of another DPDK (tests/vm/other_dpdk.sh), with all libraries that they
    need, libc too; None when there is none. They begin with OTHER."""
    programs = [f"{BUILD}/tests/ivshmem/share_guest_{kind}" for kind in ("other", "stats")]
    trees = sorted(glob.glob(f"{ROOT}/deps/other-dpdk/*/usr/lib/x86_64-linux-gnu"))
    if not trees or not os.path.exists(programs[0]):
        return None
    loader = f"{trees[-1]}/ld-linux-x86-64.so.2"
    said = subprocess.run([loader, "--library-path", trees[-1], "--list", *programs[:1]],
                          capture_output=True, text=True, check=True).stdout
    path = f"{folder}/other-dpdk.tar"
    with tarfile.open(path, "w", dereference=True) as archive:
        for file in [loader, *programs, *re.findall(r" => (/\S+) \(", said)]:
            archive.add(file, f"other/{os.path.basename(file)}")
    return path


def unbind(vm, address):
    """Take the kernel's driver, if there is one, away from a device."""
    device = f"/sys/bus/pci/devices/{address}"
    vm.check(f"echo >{device}/driver_override; "
             f"[ ! -e {device}/driver ] || echo {address} >{device}/driver/unbind")


def appears(vm, region):
    """Wait until the guest's kernel has found a device that was plugged in; its address."""
    def found():
        address = vm.address(f"pvn-{region}")
        return None if ":00:" in address else address  # no bus number yet

    address = vm.wait(found, 20, f"region {region} to appear")
    vm.check(f"until [ -e /sys/bus/pci/devices/{address}/resource2 ]; do :; done")
    return address


class GuestProgram:
    """A program in the guest whose lines are waited for."""

    def __init__(self, vm, command):
        self.vm, self.command = vm, command
        self.program = vm.program(command)
        self.position = self.program.position

    def order(self, line):
        self.program.send(f"{line}\n")

    def wait(self, pattern, timeout=60):
        """Wait for a whole line, after those already waited for; the match."""
        search = Search(self.program.channel, rb"(?m)^%s\r?\n" % pattern.encode(), self.position, 4096)

        def said():
            match = search()
            if match is None and self.program.code() is not None:
                raise AssertionError(f"{self} ended without '{pattern}':\n{self.log[-3000:]}")
            return match

        match = self.vm.wait(said, timeout, f"waiting for '{pattern}' from {self}")
        self.position = match.end()
        return [group and group.decode() for group in (match[0], *match.groups())]

    @property
    def log(self):
        return self.program.output()

    def kill(self):
        self.program.kill()

    def __str__(self):
        return f"{self.command.split()[0]} in {self.vm.name}"


class GuestPeer(PeerOrders, GuestProgram):
    """A portpeer in a guest, on the ports of these devices."""

    def __init__(self, vm, devices, args="", ready=True):
        allowed = " ".join(f"-a {device}" for device in devices) or "--no-pci"
        super().__init__(vm, f"portpeer {' '.join(EAL)} --log-level=5 {allowed} -- --mbufs 2047 {args}")
        if ready:
            self.wait("ready .*")

    def quit(self):
        self.order("quit")
        expect(self.program.ended(), 0, f"exit code of {self}")


def testpmd(vm, address):
    """An unmodified testpmd that sends back what comes."""
    pmd = vm.testpmd([*EAL, "-a", address],
                     ["--forward-mode=io", "--port-topology=loop", "--total-num-mbufs=4096"])
    pmd.cmd("start")
    return pmd


def names_of(text):
    """{"ring": "0x..", ..} of "ring=0x.. pool=1 .." """
    return dict(re.findall(r"(\w+)=(\S+)", text))
