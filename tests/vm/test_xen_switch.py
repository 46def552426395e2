#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""pvswitch in dom0 of real Xen: guests of two VLANs, and an uplink out of the machine.

    domain "one", "two": VLAN 10     dom0
    domain "three":      VLAN 20  == pvswitch -- net_af_packet, eth0 -- this test, frames with tags

The test takes all that comes out of the uplink, all the time: net_af_packet waits for ever for a
device that takes nothing, and the worker with it.
"""

import contextlib
import queue
import threading
import time

import checks
from checks import expect
from initramfs import ROOT
from kit import Nic
from netends import FrameSocket
from peerorders import traffic
from tagged import frame, raw, tag_of
from xenkit import Shared
from xenpeer import FILES, DomainPeer, attach, mac_of

PROGRAM = {"/usr/bin/pvswitch": f"{ROOT}/build/bin/pvswitch"}
WIRE = FrameSocket()
XEN = Shared("xenswitch", files=FILES | PROGRAM, modules=("virtio_net",),
             nics=[Nic(WIRE, model="virtio-net-pci", slot=8)])
THERE = "02:00:00:00:99:00"
SWITCH = ("exec pvswitch --no-huge --no-pci --lcores=0@0,1@0 -m 96 --no-telemetry -- --mbufs 2047 "
          "--addresses 4096 --control /run/switch --sleep yes --xen xen "
          "--port up,mode=trunk,vlans=10-20,device=net_af_packet0,iface=eth0")


HEARD = queue.Queue()


def listen():
    """Take what comes out of the machine, for as long as there is one."""
    while True:
        try:
            HEARD.put(WIRE.recv(3600))
        except OSError:
            return


def start_switch(dom0):
    program = dom0.start(SWITCH)
    program.wait("control socket")
    return program


def hear_from(domain, peer):
    """What the uplink shows of a domain that sends to THERE; before, it sent to all."""
    mark = raw(THERE) + raw(mac_of(domain))
    peer.order(f"to {THERE}")
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:  # a switch may drop a frame
            peer.order("send 1 60 60")
            with contextlib.suppress(queue.Empty):
                while True:
                    heard = HEARD.get(timeout=3)
                    if heard.startswith(mark):
                        return heard
    finally:
        peer.order("to ff:ff:ff:ff:ff:ff")
    raise AssertionError(f"the uplink shows nothing of {domain.name}")


def check_uplink(guests):
    """Tagged with the guest's VLAN on the way out, and to it alone on the way in."""
    for domain, peer, vlan in guests:
        heard = hear_from(domain, peer)
        expect((tag_of(heard), len(heard)), ((vlan, 0), 64), f"tag and length, VLAN {vlan}")
    for domain, peer, vlan in guests:
        for _, other, _ in guests:
            other.order("rx on")
            other.order("reset")
            other.stats()
        before = {other: other.counters().get("rx_q0_packets", 0) for _, other, _ in guests}
        WIRE.send(frame(mac_of(domain), THERE, vlan=vlan, priority=3))
        peer.wait_sum(["rx_q0_packets"], before[peer] + 1, timeout=60)
        others = [other.counters().get("rx_q0_packets", 0) - before[other]
                  for _, other, _ in guests if other is not peer]
        expect(others, [0] * len(others), f"frames of VLAN {vlan} that others heard")


def test_switch():
    """guests by VLAN, an uplink with tags; the switch killed and started, a guest destroyed"""
    with XEN as dom0:
        dom0.check("modprobe virtio_net; until [ -e /sys/class/net/eth0 ]; do :; done; "
                   "echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip link set eth0 up")
        # Whoever polls slows down those that boot: they first.
        domains = [(dom0.create(name, mem_mb=256), vlan)
                   for name, vlan in (("one", 10), ("two", 10), ("three", 20))]
        for domain, vlan in domains:
            attach(dom0, domain, vlan=vlan)
        switch = start_switch(dom0)
        guests = [(domain, DomainPeer(domain, "xenvirt", "handle=0"), vlan)
                  for domain, vlan in domains]
        (one, first, _), (_, second, _), (_, third, _) = guests
        for _, peer, _ in guests:
            peer.wait("link up")
        traffic(first, second)
        expect(third.counters().get("rx_q0_packets", 0), 0, "frames that the other VLAN heard")
        check_uplink(guests)
        switch.kill()
        for _, peer, _ in guests:
            peer.wait("link down")
        switch = start_switch(dom0)
        for _, peer, _ in guests:
            peer.wait("link up")
        traffic(second, first)
        one.destroy()
        dom0.check(f"pvnctl xen detach {one.domid} --force")
        traffic_up = hear_from(guests[2][0], third)
        expect(tag_of(traffic_up), (20, 0), "tag after a guest was destroyed")
        shown = dom0.check("pvnctl switch show ports --socket /run/switch")
        expect((f"xen{one.domid}.0" in shown, f"xen{guests[1][0].domid}.0" in shown),
               (False, True), f"ports that are there: {shown}")
        expect(switch.kill(15), 0, "exit code of pvswitch after SIGTERM")


if __name__ == "__main__":
    threading.Thread(target=listen, daemon=True).start()
    checks.main([test_switch], timeout=300)
