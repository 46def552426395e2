# SPDX-License-Identifier: BSD-3-Clause
"""The three forwarders the demo compares, each between the same two devices of the same guest.

Each has start(), losses() and stop(), and says whether it merges frames. losses() gives the frames
lost by cause, the same causes for all:

    no_buffer   the device had a frame and found no free buffer in the receive ring
    receive     received broken, or without memory to put it
    forward     received, but the forwarder could not hand it to the other device
    send        the device refused or discarded it

Each turn begins with new devices (see renew_devices), so what one forwarder leaves behind in a
device does not slow the next one down.
"""

import json
import re

from demo_traffic import RING

ETH = "/sys/bus/pci/devices/{}/net"


class Testpmd:
    """An unmodified dpdk-testpmd in io forwarding, with one driver or the other."""
    unit, merges = "dpdk-testpmd", False

    def __init__(self, name, title, driver, path):
        self.name, self.title, self.driver, self.path = name, title, driver, path
        self.program = self.version = self.command = None

    def start(self, vm):
        devices = [vm.address(number) for number in range(len(vm.nics))]
        for device in devices:
            vm.bind(device, "uio_pci_generic")
        allow = [word for device in devices for word in ("-a", device)]
        self.program = vm.testpmd(
            ["-v", "-l", "0,1", "--iova-mode=pa", "-d", self.path, *allow],
            ["--forward-mode=io", f"--rxd={RING}", f"--txd={RING}", "--total-num-mbufs=16384"])
        self.command = self.program.command
        self.version = re.search(r"RTE Version: '(.*?)'", self.program.output())[1]
        self.program.cmd("start")

    def losses(self, _counts):
        """testpmd's counters; imissed (RX-missed) comes from the device."""
        ports = self.program.cmd("show port stats all")
        forwarding = self.program.cmd("stop").partition("Accumulated")[2]
        return {"no_buffer": total(ports, "RX-missed"),
                "receive": total(ports, "RX-errors") + total(ports, "RX-nombuf"),
                "forward": total(forwarding, "TX-dropped"),
                "send": total(ports, "TX-errors")}

    def stop(self):
        self.program.quit()


def total(text, name):
    """Sum of a counter over all ports in what testpmd printed."""
    values = re.findall(rf"{name}:\s+(\d+)", text)
    if not values:
        raise ValueError(f"testpmd shows no {name}: {text}")
    return sum(map(int, values))


class Bridge:
    """The guest kernel's own driver and a Linux bridge, all as it comes.

    It merges frames of one TCP stream that it receives together (GRO) and hands them to the other
    device as one large frame (TSO), so fewer frames come out than went in: what went in is compared
    with what its receiving devices counted.
    """
    name, title, driver, unit, merges = "bridge", "Linux", "vmxnet3", "bridge", True
    command = "ip link add br0 type bridge; ip link set ethN master br0 up; ip link set br0 up"
    version = None

    def __init__(self):
        self.vm = None

    def start(self, vm):
        self.vm = vm
        for number in range(len(vm.nics)):
            vm.bind(vm.address(number), "vmxnet3")
        devices = " ".join(ETH.format(vm.address(number)) + "/*" for number in range(len(vm.nics)))
        vm.check("set -e; modprobe bridge\n"
                 # Without IPv6 the guest sends nothing of its own.
                 "for c in default all; do echo 1 >/proc/sys/net/ipv6/conf/$c/disable_ipv6; done\n"
                 "ip link add br0 type bridge\n"
                 f"for d in {devices}; do ip link set ${{d##*/}} master br0 up; done\n"
                 "ip link set br0 up")

    def losses(self, counts):
        links = json.loads(self.vm.check("ip -s -s -j link show"))
        ports = [link["stats64"] for link in links if link.get("master") == "br0"]
        bridge = [link["stats64"] for link in links if link["ifname"] == "br0"]
        received = sum(port["rx"]["packets"] for port in ports)
        return {"no_buffer": counts.total("frames_in") - received,
                "receive": sum(port["rx"]["errors"] + port["rx"]["dropped"] for port in ports),
                "forward": sum(link[way]["dropped"] for link in bridge for way in ("rx", "tx")),
                "send": sum(port["tx"]["errors"] + port["tx"]["dropped"] for port in ports)}

    def stop(self):
        # Without the module nothing but the next forwarder takes the new devices.
        self.vm.check("ip link delete br0 && rmmod vmxnet3")


def renew_devices(vm):
    """Unplug the guest's devices and plug new ones in; the taps stay.

    QEMU's device keeps pending interrupts when it is reset. What the kernel's driver leaves is
    raised as INTx when DPDK's driver unmasks its vectors, and nobody lowers it: a later forwarder's
    processor takes 200 000 interrupts a second, and that one looks four times slower than it is.
    """
    names = [f"nic{number}" for number in range(len(vm.nics))]
    for name in names:
        # One after the other: a busy guest asked for two may eject each slot twice, and the second
        # time it would be the new device.
        vm.qmp("device_del", id=name)
        vm.wait_event("DEVICE_DELETED", device=name)
        vm.check("echo 1 >/sys/bus/pci/rescan")
    for number, nic in enumerate(vm.nics):
        driver, *options = nic.arguments(number)[-1].split(",")
        options = dict(option.split("=", 1) for option in options)
        vm.qmp("device_add", driver=driver, **options)
    # A rescan takes the lock that the guest's own hot-plug work holds: when it returns, that is done.
    vm.check("echo 1 >/sys/bus/pci/rescan")


def all_forwarders():
    return [Testpmd("paravane", "Paravane", "net_pvn_vmxnet3", "/pmds/librte_net_pvn_vmxnet3.so"),
            Testpmd("dpdk", "DPDK", "net_vmxnet3", "/pmds-dpdk/librte_net_vmxnet3.so"),
            Bridge()]
