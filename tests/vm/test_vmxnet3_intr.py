#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Interrupts of net_pvn_vmxnet3, removal, and secondary processes, on QEMU's device.

    test [a]--- VMXNET3 --- guest: testpmd or vmx_sleeper, our driver --- VMXNET3 ---[b] test
"""

import re

import checks
from forwarder import IOMMU, eal_arguments, frame, link, port_stats, vfio_arguments
from kit import FrameSocket, Nic, Vm, exchange
from initramfs import ROOT

SLEEPER = {"/usr/bin/vmx_sleeper": f"{ROOT}/build/tests/vm/vmx_sleeper"}
FRAMES = 10


def follow_link(vm, pmd):
    """testpmd prints a line for each link event of its ports."""
    checks.expect(link(pmd, 0), ("up", "1 Gbps"), "link")
    for up in False, True, False, True:
        vm.qmp("set_link", name="nic0", up=up)
        pmd.wait("Port 0: link state change event")
        checks.expect(link(pmd, 0)[0], "up" if up else "down", "link after the event")
        checks.expect(link(pmd, 1), ("up", "1 Gbps"), "the other port's link")


def start_testpmd(vm, eal):
    pmd = vm.testpmd(eal, ["--forward-mode=io", "--total-num-mbufs=4096"])
    pmd.cmd("start")
    return pmd


def test_line():
    """uio_pci_generic: link events by the line, also after a restart; rx interrupts are refused"""
    with FrameSocket() as a, FrameSocket() as b, \
            Vm("line", nics=[Nic(a), Nic(b)], files=SLEEPER) as vm:
        eal = eal_arguments(vm, 2)
        code, said = vm.run(f"vmx_sleeper {' '.join(eal)} -- 1 1 1")
        checks.expect(code, 1, "exit code")
        if "rx queue interrupts need MSI-X: bind the device to vfio-pci" not in said:
            raise AssertionError(f"no advice in {said!r}")
        pmd = start_testpmd(vm, eal)
        follow_link(vm, pmd)
        for command in "stop", "port stop all", "port start all", "start":
            pmd.cmd(command)
        follow_link(vm, pmd)
        frames = [frame(100) for _ in range(20)]
        checks.expect(exchange(a, b, frames), frames, "frames after events")


def feed(program, end, mode):
    """Sends a frame when the last one was seen; returns how often the receiver was woken."""
    program.wait(f"ready {mode}")
    for _ in range(FRAMES):
        end.send(frame(200))
        program.wait("frame")
    program.wait("woken ")
    return int(program.wait("\n").strip())


def test_msix():
    """vfio-pci: link events; a receiver sleeps for each frame, with unequal numbers of queues, off and
    on again by configuring"""
    with FrameSocket() as a, FrameSocket() as b, \
            Vm("msix", nics=[Nic(a), Nic(b)], files=SLEEPER, **IOMMU) as vm:
        eal = vfio_arguments(vm, 2)
        pmd = start_testpmd(vm, eal)
        follow_link(vm, pmd)
        pmd.quit()
        for rx, tx in (3, 1), (1, 2), (4, 4):
            program = vm.program(f"vmx_sleeper {' '.join(eal)} -- {rx} {tx} {FRAMES}")
            for mode in "asleep", "polling", "asleep":
                woken = feed(program, a, mode)
                wanted = range(FRAMES, FRAMES + 3) if mode == "asleep" else [0]
                checks.expect(woken in wanted, True, f"{rx}/{tx} {mode}: woken {woken} times")
            checks.expect(program.ended(), 0, "exit code")


def test_hot_unplug():
    """asked for the device, the application gets RTE_ETH_EVENT_INTR_RMV, lets it go; plugged in again"""
    extra = [*IOMMU["extra"], "-device", "pcie-root-port,id=rp0,chassis=1,slot=1"]
    with FrameSocket() as a, Vm("unplug", nics=[Nic(a, bus="rp0", slot=0)],
                                **(IOMMU | {"extra": extra})) as vm:
        pmd = vm.testpmd(vfio_arguments(vm, 1), ["--forward-mode=rxonly", "--hot-plug",
                                                 "--total-num-mbufs=4096"])
        pmd.cmd("start")
        for _ in range(2):
            vm.qmp("device_del", id="nic0")
            pmd.wait("device removal event")
            vm.wait_event("DEVICE_DELETED", device="nic0", timeout=60)
            vm.qmp("device_add", driver="vmxnet3", id="nic0", bus="rp0", netdev="net0", romfile="",
                   mac="02:00:00:00:00:01")
            address = appears(vm)
            vm.bind(address, "vfio-pci")
            for command in "stop", f"port attach {address}", "port start 0", "start":
                pmd.cmd(command)  # it had gone on forwarding, with no port
            before = port_stats(pmd, 0)["RX-packets"]
            a.send(frame(100))
            while port_stats(pmd, 0)["RX-packets"] == before:
                pass
        checks.expect(pmd.quit(), 0, "exit code")


def appears(vm):
    """The address of the device that was plugged in, when the guest's kernel has found it."""
    def found():
        address = vm.address(0)
        return None if ":00:" in address else address  # no bus number yet

    address = vm.wait(found, 20, "the device to appear")
    vm.check(f"until [ -e /sys/bus/pci/devices/{address}/resource1 ]; do :; done")
    return address


def both_processes(vm, queues=2):
    """testpmd twice: the primary process has the second queues, the secondary the first ones."""
    eal = eal_arguments(vm, 2)
    args = ["--forward-mode=io", "--total-num-mbufs=8192", f"--rxq={queues}", f"--txq={queues}",
            "--num-procs=2"]
    # Each lcore has its own cache in the pool they share.
    primary = vm.testpmd(["--lcores=0@0,1@1", *eal[2:], "--proc-type=primary"],
                         [*args, "--proc-id=1"])
    secondary = vm.testpmd(["--lcores=2@0,3@1", *eal[2:], "--proc-type=secondary"],
                           [*args, "--proc-id=0"])
    return primary, secondary


def test_secondary():
    """a secondary process receives, sends, reads statistics, and tells the device its wishes"""
    with FrameSocket() as a, FrameSocket() as b, \
            Vm("secondary", nics=[Nic(a), Nic(b)], hugepages=160) as vm:
        primary, secondary = both_processes(vm)
        secondary.cmd("start")
        frames = [frame(200) for _ in range(200)]
        for source, sink in (a, b), (b, a):
            checks.expect(exchange(source, sink, frames), frames, "frames by the secondary")
        for program in primary, secondary:
            text = program.cmd("show port xstats 0")
            checks.expect(re.search(r"rx_q0_packets: (\d+)", text)[1], "200", "packets received")
            checks.expect(re.search(r"tx_q0_hw_broadcast_packets: (\d+)", text)[1], "200",
                          "packets sent, by the device")
        stranger = frame(100, to=bytes.fromhex("020000000055"))
        last = frame(100)
        secondary.cmd("set promisc 0 off")
        a.send(stranger)
        a.send(last)
        checks.expect(b.recv(), last, "what passes when the secondary ended promiscuous mode")
        primary.cmd("set promisc 0 on")
        a.send(stranger)
        checks.expect(b.recv(), stranger, "what passes when the primary began it again")
        secondary.cmd("stop")
        secondary.quit()
        primary.cmd("start")
        primary.cmd("stop")
        primary.cmd("port stop all")
        checks.expect(primary.quit(), 0, "exit code of the primary")


def test_secondary_killed():
    """a secondary that is killed while both ask the device without end takes nothing with it"""
    with FrameSocket() as a, FrameSocket() as b, \
            Vm("killed", nics=[Nic(a), Nic(b)], hugepages=160) as vm:
        primary, secondary = both_processes(vm)
        secondary.cmd("start")
        secondary.send("".join("show port stats all\n" for _ in range(200)))
        for _ in range(20):
            primary.cmd("show port stats all")
        secondary.kill()
        checks.expect(link(primary, 0)[0], "up", "link")
        for command in "port stop all", "port start all":
            primary.cmd(command)
        checks.expect(primary.quit(), 0, "exit code of the primary")


if __name__ == "__main__":
    checks.main([test_line, test_msix, test_hot_unplug, test_secondary, test_secondary_killed])
