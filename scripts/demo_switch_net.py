# SPDX-License-Identifier: BSD-3-Clause
"""What is around the demo's switch: guests, each with a namespace of its own, and the uplink's end.

A guest is an unmodified dpdk-testpmd that forwards between its Xen device and a tap; the tap is the
network interface of its namespace, so that this machine's TCP stands for the guest's. The tap goes
with the guest.

All have addresses of one subnet, whatever their VLAN: only the switch stands between them.
"""

import glob
import json
import subprocess
import time

import demo_traffic as traffic
import initramfs
from errors import KitError
from netends import Namespace, ip
from wire import ROOT, Program

VLANS = {10: (1, 2), 20: (3, 4)}
SUBNET = "10.77.0"
MBUFS = 16384
# The receiver's window, as in the first scene, is less than a ring, so that none need overrun. Reno
# is in each kernel, and sends all that the window lets it as long as nothing is lost.
SETTINGS = traffic.SETTINGS | {
    "net/ipv4/tcp_congestion_control": "reno",
    "net/ipv4/conf/all/arp_ignore": "1",  # the uplink has two interfaces in the subnet
}


def mac(number):
    return f"02:00:00:00:{number:02x}:00"


def wait_for(condition, what, limit=20):
    """Ask again and again until it is so; what it was at last."""
    end = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > end:
            raise KitError(f"not in {limit} s: {what}")
        time.sleep(0.005)
    return value


class Space(Namespace):
    """A namespace in which nothing speaks by itself."""

    def __enter__(self):
        super().__enter__()
        for name, value in SETTINGS.items():
            path = f"/proc/sys/{name}"
            self.check(f"sh -c '[ ! -e {path} ] || echo {value} >{path}'")
        self.ip("link", "set", "lo", "up")
        return self

    def inside(self, *command):
        """A command line that runs here."""
        return ["ip", "netns", "exec", self.name, *command]

    def ip(self, *words):
        return ip("-n", self.name, *words)

    def is_up(self, name):
        """Whether an interface is there, and somebody has set it up."""
        return any("UP" in link["flags"] for link in json.loads(self.ip("-j", "link", "show"))
                   if link["ifname"] == name)


class Guest:
    """One guest, started any number of times."""
    tap = "eth0"

    def __init__(self, xen, space, number, vlan):
        self.xen, self.space, self.number, self.vlan = xen, space, number, vlan
        self.neighbour = next(other for other in VLANS[vlan] if other != number)
        self.address, self.port = f"{SUBNET}.{number}", f"xen{number}.0"
        self.uplink = f"{SUBNET}.{100 + vlan}"
        self.zero_copy = int(number % 2 == 0)
        self.program = None
        xen.domain(number)
        xen.attach(number, mac=mac(number), vlan=vlan)

    def start(self):
        """Start testpmd; returns when its namespace has an interface."""
        self.xen.count += 1
        self.program = Program(self.space.inside(
            initramfs.need_program("dpdk-testpmd"), "--no-huge", "-m", "128", "--no-pci",
            "--no-telemetry", "--log-level=5",
            f"--file-prefix={self.xen.prefix()}", "--lcores", "0@0-1,1@0-1",
            "-d", "librte_net_xenvirt.so", "--vdev",
            f"net_xenvirt0,zero_copy={self.zero_copy},pool_size=8192,"
            f"xen=local:{self.xen.socket}:{self.number}",
            "--vdev", f"net_tap0,iface={self.tap},mac={mac(self.number)}",
            "--", "--forward-mode=io", f"--rxd={traffic.RING}", f"--txd={traffic.RING}",
            f"--total-num-mbufs={MBUFS}", "--disable-link-check", "--no-mlockall"),
            env=self.xen.environment())
        self.xen.add(self.program)
        wait_for(self._started, f"testpmd of guest {self.number} starts its tap")
        self.space.ip("address", "add", f"{self.address}/24", "dev", self.tap)

    def _started(self):
        self.program.check_alive()
        return self.space.is_up(self.tap)

    def kill(self):
        self.program.kill()


class Uplink:
    """pvswitch's own namespace, and an interface in each VLAN, tagged on the way to the switch."""
    tap = "trunk"

    def __init__(self, space):
        self.space = space

    def connect(self, folder):
        """Make the interfaces, once pvswitch has made the trunk."""
        self.space.ip("link", "set", self.tap, "up")
        program = f"{folder}/trunk.o"
        trunk = json.loads(self.space.ip("-j", "link", "show", self.tap))[0]
        build_trunk(program, trunk["ifindex"])
        for vlan in VLANS:
            self.space.ip("link", "add", f"in{vlan}", "index", str(vlan), "type", "veth",
                          "peer", "name", f"vlan{vlan}")
            self.space.ip("link", "set", f"in{vlan}", "up")
            self.address(vlan, f"vlan{vlan}")
        for inner in (self.tap, *(f"in{vlan}" for vlan in VLANS)):
            self.space.check(f"tc qdisc add dev {inner} clsact")
            self.space.check(f"tc filter add dev {inner} ingress bpf direct-action "
                             f"object-file {program} section trunk")

    def address(self, vlan, name):
        """Give an interface the uplink's address in a VLAN, and the way to its guests."""
        self.space.ip("link", "set", name, "up")
        self.space.ip("address", "add", f"{SUBNET}.{100 + vlan}/32", "dev", name)
        for guest in VLANS[vlan]:
            self.space.ip("route", "add", f"{SUBNET}.{guest}/32", "dev", name,
                          "src", f"{SUBNET}.{100 + vlan}")


def build_trunk(path, trunk):
    source = f"{ROOT}/scripts/demo_trunk.bpf.c"
    includes = glob.glob("/usr/include/*-linux-gnu")
    done = subprocess.run(["clang", "-O2", "-target", "bpf", f"-DTRUNK={trunk}", "-c", source,
                           *(f"-I{folder}" for folder in includes), "-o", path],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise KitError(f"clang cannot make the uplink's end: {done.stderr}")
