# SPDX-License-Identifier: BSD-3-Clause
"""pvswitch between processes of this machine, over `local`, with ports of the kernel's beside them.

    with Local() as xen, Namespace("a") as a:
        switch = Switch(xen, "--port", "up,mode=trunk,vlans=10-20,device=net_tap0,iface=pvt0")
        guest = guest_of(xen, 1, vlan=10)
        guest.wait("link up")
"""

import collections
import json
import os
import socket
import struct
import subprocess
import time

from wire import BUILD, PVNCTL, Program  # adds tests/vm to the path
from netends import ip
from errors import KitError

ETH_P_ALL = 3


class Switch(Program):
    """A pvswitch that ends with `xen`. WORKER is the rest of its --lcores: where its workers run.

    SPEC is its Xen, if that is not `xen`; WITHIN are words before the command line, of a program that starts it.
    """

    def __init__(self, xen, *options, worker="1@0", program=f"{BUILD}/bin/pvswitch", within=(),
                 spec=None, **how):
        self.xen = xen
        xen.count += 1
        self.control = f"{xen.folder}/control"
        super().__init__(
            [*within, program, "--no-huge", "-m", "256", "--no-pci", "--no-telemetry",
             f"--file-prefix={xen.prefix()}", "--lcores", f"0@0-1,{worker}", "--",
             "--xen", spec or f"local:{xen.socket}:0", "--control", self.control, "--mbufs", "8191",
             *options], env=xen.environment(), **how)
        xen.add(self)
        self.wait(r".*workers, control socket .*")

    def stop(self):
        """End it as an operator does; its exit code: not 0 if mbufs were lost."""
        self.signal(15)
        code = self.ended()
        self._read(0)
        return code

    def ctl(self, *words):
        """What pvnctl switch WORDS says, from its JSON."""
        done = subprocess.run([PVNCTL, "-j", "switch", *map(str, words), "--socket", self.control],
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise KitError(f"pvnctl switch {words}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def ports(self):
        """Its ports by name."""
        return {port["name"]: port for port in self.ctl("show", "ports")["ports"]}

    def drops(self):
        """Frames dropped by cause, all ports together."""
        total = collections.Counter()
        for port in self.ctl("show", "drops")["ports"]:
            total.update(port["drops"])
        return dict(total)

    def cpu_seconds(self, thread):
        """Processor time of a thread of its, by name."""
        tasks = f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/stat", encoding="ascii") as file:
                name, _, rest = file.read().partition("(")[2].partition(") ")
            if name == thread:
                return sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK")
        raise KitError(f"{self} has no thread {thread}")

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])


def worker(core, lcore=1):
    return f"{lcore}@{core}"


def guest_of(xen, domid, devargs="handle=0", args=(), **options):
    """A guest with a device, and a portpeer in it."""
    xen.domain(domid)
    xen.attach(domid, **options)
    return xen.front(domid, devargs, args)


def address(domid, handle=0):
    return f"02:00:00:00:{domid:02x}:{handle:02x}"


class Wire:
    """The kernel's side of a tap or veth device of this machine, as frames."""

    def __init__(self, device):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((device, ETH_P_ALL))
        # The kernel strips tags from what it shows; this has it say what they were.
        self.socket.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA

    def send(self, data):
        self.socket.send(data)

    def receive(self, wanted, timeout=30):
        """The next frame for which wanted(data) is true, its tag put back."""
        end = time.monotonic() + timeout
        while True:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            data, ancillary, _, where = self.socket.recvmsg(65536, 256)
            if where[2] == socket.PACKET_OUTGOING:
                continue
            data = with_tag(data, ancillary)
            if wanted(data):
                return data

    def close(self):
        self.socket.close()


def with_tag(data, ancillary):
    for level, kind, value in ancillary:
        if (level, kind) != (263, 8):
            continue
        status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
        if status & 0x10:  # TP_STATUS_VLAN_VALID
            return data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
    return data


def set_up(device):
    """Set a device of this machine up, on which the kernel says nothing by itself."""
    path = f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6"
    if os.path.exists(path):
        with open(path, "w", encoding="ascii") as file:
            file.write("1")
    ip("link", "set", device, "up")


def device_name(label):
    return f"pv{os.getpid() % 100000}{label}"
