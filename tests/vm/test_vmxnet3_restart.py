#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""net_pvn_vmxnet3 is stopped, started and unplugged while frames keep coming.

    test [a]--- VMXNET3 --- testpmd, io forwarding, our driver --- VMXNET3 ---[b] test
"""

import checks
from forwarder import DRIVER, Load, forwarder, frame, free_mbufs
from kit import FrameSocket, Nic, Vm, exchange

POOL = "--total-num-mbufs=4096"


def test_stop_start(cycles):
    """ports stopped and started under load: traffic resumes, no mbuf is lost"""
    with forwarder("restart", testpmd=[POOL]) as (_vm, pmd, a, b), Load(a, b) as load:
        load.moved(1000)
        for _ in range(cycles):
            for command in "stop", "port stop all", "port start all", "start":
                pmd.cmd(command)
            load.moved(100)
        pmd.cmd("stop")
        pmd.cmd("port stop all")
        checks.expect(free_mbufs(pmd), (4096, 4096), "mbufs free, in all")
        print(f"  {cycles} cycles, {load.received} frames forwarded under load")
        checks.expect(pmd.quit(), 0, "exit code of testpmd")


def test_close_reopen():
    """both devices detached and attached again in the same process: they forward, no mbuf is lost"""
    with forwarder("reopen", testpmd=[POOL]) as (vm, pmd, a, b):
        frames = [frame(100) for _ in range(200)]
        checks.expect(exchange(a, b, frames), frames, "frames before")
        for command in "stop", "port stop all":
            pmd.cmd(command)
        for number in 0, 1:
            pmd.cmd(f"device detach {vm.address(number)}")
        checks.expect(free_mbufs(pmd), (4096, 4096), "mbufs free, in all")
        for number in 0, 1:
            pmd.cmd(f"port attach {vm.address(number)}")
        pmd.cmd("port start all")
        pmd.cmd("start")
        checks.expect(exchange(b, a, frames), frames, "frames after")
        checks.expect(pmd.quit(), 0, "exit code of testpmd")


def hot_plug_arguments(machine):
    """Where a device can be unplugged: behind a root port on q35, anywhere on pc."""
    if machine == "pc":
        return {}, {}, "0000:00:03.0"
    port = "pcie-root-port,id=rp0,chassis=1,slot=1,addr=0x10"
    return {"extra": ["-device", port]}, {"bus": "rp0", "slot": 0}, "0000:01:00.0"


def test_unplug(machine):
    """a device is pulled out under load: no crash, the other port goes on"""
    vm_arguments, where, address = hot_plug_arguments(machine)
    with FrameSocket() as a, FrameSocket() as b, FrameSocket() as c, \
            Vm(f"unplug-{machine}", machine, nics=[Nic(a, **where), Nic(b, slot=4), Nic(c, slot=5)],
               **vm_arguments) as vm:
        vm.bind(address, "uio_pci_generic")
        eal = ["-l", "0,1", "--iova-mode=pa", "-d", DRIVER, "-a", address]
        for number in 1, 2:
            vm.bind(vm.address(number), "uio_pci_generic")
            eal += ["-a", vm.address(number)]
        # Ports in EAL's order: pc has them as listed, q35 the one behind the root port last.
        pmd = vm.testpmd(eal, ["--forward-mode=io", "--hot-plug", POOL])
        ends = (a, b, c) if machine == "pc" else (b, c, a)
        gone = ends.index(a)
        pmd.cmd("set portlist " + ("1,0,2" if machine == "pc" else "0,2,1"))
        pmd.cmd("start")
        with Load(a, b) as load:
            load.moved(500)
            vm.qmp("device_del", id="nic0")
            vm.wait_event("DEVICE_DELETED", 40, device="nic0")
            pmd.wait(f"Port {gone} is closed", 40)
        # testpmd then forwards between the ports that are left, by itself.
        pmd.wait("nb forwarding ports=2", 40)
        print(f"  {load.received} frames before; port {gone} is gone, the others forward")
        check_forwarding(b, c)
        checks.expect(pmd.quit(), 0, "exit code of testpmd")


def check_forwarding(b, c):
    """What the load left in the ring comes out first, up to a frame of ours."""
    marker = frame(64)
    b.send(marker)
    while c.recv() != marker:
        pass
    frames = [frame(200) for _ in range(200)]
    for source, sink in (b, c), (c, b):
        checks.expect(exchange(source, sink, frames), frames, "frames between the ports left")


if __name__ == "__main__":
    checks.main([
        checks.case(test_stop_start, cycles=50),
        test_close_reopen,
        checks.case(test_unplug, machine="pc"),
        checks.case(test_unplug, machine="q35"),
    ], timeout=110)
