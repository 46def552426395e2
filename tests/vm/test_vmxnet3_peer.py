#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""net_pvn_vmxnet3 in one guest, the Linux kernel's vmxnet3 driver in another.

    guest "linux"                                        guest "pvn"
    netns one: eth, kernel's vmxnet3 --- cable --- VMXNET3, our driver \\
                                                                       testpmd, io forwarding
    netns two: eth, kernel's vmxnet3 --- cable --- VMXNET3, our driver /

The kernels check every byte: by the checksums of ICMP and TCP, made and verified in software.
"""

import json

import checks
from forwarder import OVERHEAD, eal_arguments
from kit import Nic, Vm, link

SIZES = range(0, 8973, 251)
ENOUGH = 2 * 1024 * 9000  # bytes each way: twice what the rings hold, so they must have been refilled
SETUP = """
set -e
modprobe vmxnet3
for n in one two; do ip netns add $n; done
ip link set {0} netns one
ip link set {1} netns two
for n in one two; do
    dev=$(ip -n $n -o link | sed -n 's/^[0-9]*: \\(e[^:]*\\):.*/\\1/p')
    ip -n $n link set $dev mtu 9000 up
    ip -n $n address add 10.9.0.$([ $n = one ] && echo 1 || echo 2)/24 dev $dev
done
"""


def start_forwarding(vm):
    pmd = vm.testpmd(eal_arguments(vm, 2),
                     ["--forward-mode=io", f"--max-pkt-len={9000 + OVERHEAD}", "--rxd=1024",
                      "--enable-scatter",
                      "--mbuf-size=2176", "--total-num-mbufs=16384"])
    pmd.cmd("start")
    return pmd


def interface(vm, number):
    """The kernel's name for a device."""
    return vm.check(f"ls /sys/bus/pci/devices/{vm.address(number)}/net").strip()


def check_pings(vm):
    """One ping of each size; busybox prints a summary for each."""
    sizes = " ".join(map(str, SIZES))
    vm.check("ip netns exec one ping -c 1 -w 20 10.9.0.2")  # neighbours known
    answers = vm.check(f"for size in {sizes}; do ip netns exec one "
                       "ping -q -c 1 -w 5 -s $size 10.9.0.2 | grep -c ' 0% packet loss'; done; true",
                       timeout=60)
    checks.expect(answers.split().count("1"), len(SIZES), "pings answered")


def check_tcp(vm):
    """A TCP stream each way; returns bytes moved."""
    vm.check("ip netns exec two iperf3 -s -D --pidfile /run/iperf3.pid")
    moved = []
    for direction in "", "-R":
        result = json.loads(vm.check("ip netns exec one iperf3 -J -c 10.9.0.2 -t 3 --connect-timeout "
                                     f"10000 {direction}", timeout=60))
        moved.append(result["end"]["sum_received"]["bytes"])
    vm.check("kill $(tr -d '\\0' </run/iperf3.pid)")
    return moved


def test_linux_peer():
    """pings of many sizes and TCP streams between two kernels, through our driver"""
    (one, one_peer), (two, two_peer) = link(), link()
    with Vm("pvn", nics=[Nic(one), Nic(two)]) as pvn, \
            Vm("linux", nics=[Nic(one_peer, mac="02:00:00:00:01:01"),
                              Nic(two_peer, mac="02:00:00:00:01:02")]) as linux:
        pmd = start_forwarding(pvn)
        linux.check("modprobe vmxnet3")
        linux.check(SETUP.format(interface(linux, 0), interface(linux, 1)))
        check_pings(linux)
        moved = check_tcp(linux)
        print(f"  {len(SIZES)} pings, {moved} bytes of TCP each way")
        if min(moved) < ENOUGH:
            raise AssertionError(f"TCP moved only {moved} bytes")
        checks.expect(pmd.quit(), 0, "exit code of testpmd")


if __name__ == "__main__":
    checks.main([test_linux_peer])
