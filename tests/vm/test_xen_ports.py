#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Ports on real Xen as they are used: by kernels of guests, with hot plug, in a driver domain.

    domain "one"                          dom0                        domain "two"
    kernel -- net_tap, testpmd,           net_xenback, testpmd,       net_xenvirt, testpmd,
              net_xenvirt ===== grants == net_xenback == grants ===== net_tap -- kernel

All three testpmd are the distribution's, with our drivers as plug-ins.
"""

import re

import checks
from checks import expect
from peerorders import echo, exchange, traffic
from xenkit import EAL, Shared
from xenpeer import (BACK, FILES, FRONT, DomainPeer, attach, back_end, both_ends, load_both, mac_of)

XEN = Shared("xenports", files=FILES)
POOL = "--total-num-mbufs=2048"
TCP_BYTES = 3_000_000  # a ring of 256 descriptors holds 390 kB


# The kernels of two guests


def kernel_guest(domain, address):
    """Forward between the domain's port and a tap with the same MAC; returns the testpmd."""
    domain.check("modprobe tun")
    pmd = domain.testpmd([*EAL, "-d", FRONT, "--vdev=net_xenvirt0,handle=0",
                          f"--vdev=net_tap0,iface=dtap0,mac={mac_of(domain)}"],
                         [POOL, "--forward-mode=io"])
    pmd.cmd("start")
    domain.check(f"ip addr add {address}/24 dev dtap0 && ip link set dtap0 up")
    return pmd


def host_forwarder(dom0, *domains):
    """testpmd in dom0 between the ports of the domains."""
    ports = [f"--vdev=net_xenback{number},frontend={domain.domid},handle=0"
             for number, domain in enumerate(domains)]
    pmd = dom0.testpmd([*EAL, "-d", BACK, *ports], [POOL, "--forward-mode=io"])
    pmd.cmd("start")
    return pmd


def send_file(sender, receiver, address):
    """Random bytes by TCP from one guest's kernel to the other's."""
    server = receiver.start("busybox nc -l -p 5000 >/tmp/got; wc -c </tmp/got; md5sum </tmp/got")
    receiver.check("until grep -q ':1388 .* 0A ' /proc/net/tcp /proc/net/tcp6; do :; done")
    sent = sender.check(f"head -c {TCP_BYTES} /dev/urandom >/tmp/sent && md5sum </tmp/sent && "
                        f"busybox nc {address} 5000 </tmp/sent", timeout=60)
    expect(server.ended(timeout=60), 0, "exit code of the receiver")
    expect(server.channel.text(), f"{TCP_BYTES}\n{sent}", "size and checksum of what was received")


def test_kernels():
    """two guests' kernels: ping of several sizes, and TCP both ways"""
    with XEN as dom0:
        one, two = dom0.create("one"), dom0.create("two")
        for domain in (one, two):
            attach(dom0, domain)
        forwarders = [host_forwarder(dom0, one, two), kernel_guest(one, "10.9.0.1"),
                      kernel_guest(two, "10.9.0.2")]
        one.check("busybox ping -c 1 -W 20 10.9.0.2")
        for size in (1, 100, 1000, 1472):
            out = one.check(f"busybox ping -c 5 -i 0.05 -W 5 -s {size} 10.9.0.2")
            expect(" 0% packet loss" in out, True, f"all pings of {size} bytes came back")
        send_file(one, two, "10.9.0.2")
        send_file(two, one, "10.9.0.1")
        for pmd in forwarders:
            pmd.cmd("stop")
            expect(pmd.quit(), 0, "exit code of testpmd")


def test_queues():
    """two queue pairs of a PVH guest: frames of each come whole, copying and zero-copy"""
    with XEN as dom0:
        one = dom0.create("one", kind="pvh")
        expect(one.check("cat /sys/hypervisor/guest_type"), "PVH\n", "kind of domain")
        front, back = both_ends(dom0, one, args="--queues 2", queues=2)
        for devargs in ("handle=0,zero_copy=1", None):
            exchange(front, back, 300, 60, 1514, queues=2)
            exchange(back, front, 300, 60, 1514, queues=2)
            names = [f"rx_q{queue}_packets" for queue in (0, 1)]
            expect([back.counters()[name] >= 300 for name in names], [True, True], "frames a queue")
            front.stop()
            front.quit()
            if devargs:
                front = DomainPeer(one, "xenvirt", devargs, "--queues 2")
                front.wait("link up")
        back.stop()
        back.quit()


# Hot plug


def plugged(dom0, pmd, domain, number):
    """Attach a device and have testpmd use the port that appears. It sets new ports up when it is
    told to attach one itself, whichever: hence net_null."""
    attach(dom0, domain)
    pmd.wait(": device probed event")
    port, name = None, f"net_xenback_{domain.domid}_0"
    while port is None:  # the event is told before the port counts as attached
        info = pmd.cmd("show port info all")
        ports = re.findall(r"port (\d+) +\*+[^*]*?Device name: (\S+)", info)
        port = {name: port for port, name in ports}.get(name)
    for line in ("stop", f"port attach net_null{number}", "port start all", f"set portlist {port}",
                 "start"):
        pmd.cmd(line)


def test_watch():
    """net_xenback,watch=1 in testpmd: ports come with attach and go with detach, also under load"""
    with XEN as dom0:
        one = dom0.create("one")
        pmd = dom0.testpmd([*EAL, "-d", BACK, "--vdev=net_xenback0,watch=1"],
                           [POOL, "--port-topology=loop", "--print-event=all"])
        for turn in range(2):
            plugged(dom0, pmd, one, turn)
            front = DomainPeer(one, "xenvirt", "handle=0")
            front.wait("link up")
            echo(front)
            front.load(high=1514)
            front.await_frames(200)
            if turn == 0:
                dom0.check(f"pvnctl xen detach {one.domid} --handle 0")
                front.wait("link down")
                front.rest()
                expect(front.mbufs_out(), 0, "mbufs of the guest")
                front.quit()
            else:
                one.destroy()
                expect("(gone)" in dom0.check("pvnctl xen list"), True, "what is left is listed")
                dom0.check(f"pvnctl xen detach {front.domain.domid}")
            pmd.wait(": device released event")
            pmd.wait("Now total ports is")  # another thread of testpmd's prints that, and more:
            for text in (f"port {turn + 1}: ", "TX RS bit threshold=0"):
                pmd.wait(text)  # the last net_null's port; a prompt would be torn by it
            expect("net_xenback_" in pmd.cmd("show device info all"), False, "the device is there")
        expect(pmd.quit(), 0, "exit code of testpmd")


# A driver domain


def test_driver_domain():
    """a PVH domain that is not dom0 serves another one: frames both ways, and its own death"""
    with XEN as dom0:
        one = dom0.create("one")
        driver = dom0.create("driver", kind="pvh", extra=["driver_domain = 1"])
        attach(dom0, one, backend="driver")
        back = back_end(driver, one)
        front = DomainPeer(one, "xenvirt", "handle=0")
        front.wait("link up")
        back.wait("link up")
        exchange(front, back, 500, 60, 1514)
        exchange(back, front, 500, 60, 1514)
        load_both(front, back)
        front.await_frames(100)
        driver.destroy()
        front.wait("link down")
        front.rest()
        expect(front.mbufs_out(), 0, "mbufs of the guest after its driver domain died")
        front.quit()


def test_pause():
    """a domain paused under load: its link stays up, and traffic goes on afterwards"""
    with XEN as dom0:
        one = dom0.create("one")
        front, back = both_ends(dom0, one)
        for _ in range(2):
            load_both(front, back)
            back.await_frames(200)
            one.pause()
            back.order("reset")
            back.ask("pool", r"pool (\d+)")
            one.unpause()
            back.await_frames(200)
            front.await_frames(200)
            traffic(front, back)
        expect("link down" in back.log + front.log, False, "a link went down")


if __name__ == "__main__":
    checks.main([test_watch, test_kernels, test_queues, test_driver_domain, test_pause],
                timeout=150)
