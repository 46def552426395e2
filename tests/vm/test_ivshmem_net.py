#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""net_ivshmem in a QEMU guest: the device is found whatever it is bound to, frames go both ways, and
host and guest survive each other.

    portpeer, net_ivshmem --- keeper --- QEMU: ivshmem-doorbell --- testpmd, net_ivshmem
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../ivshmem")
sys.path.insert(0, f"{HERE}/../ivshmem/net")

from ivswire import MAC, Region  # noqa: E402
from keeper import Keeper  # noqa: E402
from peerorders import echo  # noqa: E402

import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from kit import Vm  # noqa: E402

DRIVER = "/pmds/librte_net_ivshmem.so"


def forwards(vm, devargs="", bound=None):
    """A testpmd in the guest that sends back what comes. EAL sees no device that is not bound."""
    address = vm.address("pvn-a")
    device = ["-a", f"{address}{devargs}"] if bound else \
        ["--no-pci", f"--vdev=net_ivshmem0,path=pci:{address}{devargs}"]
    if bound:
        vm.bind(address, bound)
    pmd = vm.testpmd(["-l", "0,1", "--iova-mode=pa", "-d", DRIVER, *device],
                     ["--forward-mode=io", "--port-topology=loop", "--total-num-mbufs=4096"])
    pmd.cmd("start")
    return pmd


def test_guest(bound, devargs):
    """frames there and back; the host's port restarted; testpmd killed and started again"""
    with Keeper(["a,size=16M,vectors=2"]) as keeper, Region(size=0) as region:
        path = f"{keeper.folder}/a"
        host = region.host(f"mac={MAC},mac_check=0", path=path)
        with Vm("net", extra=keeper.ctl("args a").split()) as vm:
            pmd = forwards(vm, devargs, bound)
            host.wait("link up")
            expect(MAC in pmd.cmd("show port info 0").lower(), True, "the MAC is the host's")
            echo(host)
            host.stop()
            host.ask("start", "started")
            host.wait_for_link()
            echo(host)
            pmd.kill()
            pmd = forwards(vm, devargs, bound)
            host.wait_for_link()
            echo(host)
            pmd.quit()
            host.stop()


def test_foreign():
    """a device that holds no region of ours is passed over without a word"""
    with Keeper(["a,size=1M"]) as keeper:
        with Vm("foreign", extra=keeper.ctl("args a").split()) as vm:
            address = vm.address("pvn-a")
            vm.bind(address, "uio_pci_generic")
            _, said = vm.run(f"dpdk-testpmd -l 0,1 -d {DRIVER} -a {address} -- --version", 60)
            expect(f"net_ivshmem {address}" in said, False, f"a line about it: {said}")


if __name__ == "__main__":
    checks.main([case(test_guest, bound=None, devargs=""),
                 case(test_guest, bound="uio_pci_generic", devargs=",zero_copy=1"), test_foreign],
                timeout=200)
