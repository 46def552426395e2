# SPDX-License-Identifier: BSD-3-Clause
"""The demo's second scene: pvswitch between four guests on two VLANs and an uplink.

    namespace 1 -- tap [guest 1] ==+          +== [guest 3] tap -- namespace 3
    VLAN 10                        | pvswitch |                        VLAN 20
    namespace 2 -- tap [guest 2] ==+    |     +== [guest 4] tap -- namespace 4
                                        | tap, 802.1Q
                                  namespace "up": an interface in each VLAN

`pvnctl local serve` plays Xen. When all is measured, the same namespaces are connected by Linux
bridges and measured again.
"""

import contextlib
import ctypes
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import demo_switch_screen as show
import demo_traffic as traffic
import initramfs
from children import LIBC
from errors import KitError, Missing

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/tests/xen")

import demo_switch_net as net  # noqa: E402  (found by the line above)
from switchkit import Switch  # noqa: E402
from wire import PVNCTL, Local, Program  # noqa: E402

PROGRAMS = ("ip", "tc", "iperf3", "ping", "clang", "dpdk-testpmd")
BUILT = ("build/bin/pvswitch", "build/bin/pvnctl", "build/pmds/librte_net_xenvirt.so",
         "build/tests/xen/portpeer")
SECONDS, QUICK_SECONDS = 2, 1  # of each TCP stream
BOTH_CORES = "1@0-1"


class Live:
    """The table that goes on while something else is done: `pvnctl top`, once a second."""

    def __init__(self, xen, switch, screen):
        self.switch, self.screen = switch, screen
        self.top = xen.add(Program([PVNCTL, "-j", "top", "-n", "1000000",
                                    "--socket", switch.control]))
        
    def tick(self, what):
        """Take the samples that have come, and show the last one."""
        self.switch.check_alive()
        self.top.check_alive()
        lines = self.top.log[self.top.seen:].rpartition("\n")[0].splitlines()
        if not lines:
            return
        self.top.seen = self.top.log.rindex("\n") + 1
        self.screen.live(what + show.live_table(json.loads(lines[-1])))


class Scene:
    """Everything that runs, and what has been measured."""

    def __init__(self, args, screen, spaces, uplink):
        self.args, self.screen, self.spaces, self.uplink = args, screen, spaces, uplink
        self.live = lambda what: None

    # The switch

    def run_switch(self, stack):
        """pvswitch and its guests, measured; returns the figures."""
        begin = time.monotonic()
        xen = stack.enter_context(Local())
        self.switch = Switch(xen, "--sleep", "yes", "--port", "uplink,mode=trunk,vlans=10,20,"
                             f"device=net_tap0,iface={self.uplink.tap}", worker=BOTH_CORES,
                             within=self.uplink.space.inside())
        self.uplink.connect(xen.folder)
        guests = [net.Guest(xen, self.spaces[number], number, vlan)
                  for vlan, numbers in net.VLANS.items() for number in numbers]
        for guest in guests:
            guest.start()
        net.wait_for(lambda: self.up(*guests), "all ports of the guests are up")
        self.screen.say(f"pvswitch and four guests are up after {time.monotonic() - begin:.1f} s")
        self.live = Live(xen, self.switch, self.screen).tick
        before = self.switch.ports()
        figures = {"guests": self.measure(guests), "refused": self.across(guests)}
        figures["kill"] = self.kill(guests)
        figures["commands"] = {"pvswitch": " ".join(self.switch.args[4:]),
                               "guest": " ".join(guests[0].program.args[4:])}
        self.count(figures, guests, before)
        figures["exit"] = self.switch.stop()
        for guest in guests:
            guest.kill()
        return figures

    def up(self, *guests):
        ports = self.switch.ports()
        return all(ports.get(guest.port, {}).get("up") for guest in guests)

    def count(self, figures, guests, before):
        """What the switch counted for each guest, and for all."""
        ports = self.switch.ports()
        drops = {port["name"]: port["drops"] for port in self.switch.ctl("show", "drops")["ports"]}
        for guest in guests:
            figures["guests"][guest.number]["frames"] = counted(ports[guest.port])
            figures["guests"][guest.number]["drops"] = drops.get(guest.port, {})
        figures["uplink"] = {"frames": counted(ports["uplink"]), "drops": drops.get("uplink", {})}
        figures["frames"] = sum(port["counts"]["frames"] for port in ports.values()) - sum(
            port["counts"]["frames"] for port in before.values())

    # Traffic

    def measure(self, guests, title="pvswitch"):
        """Each guest in turn: TCP to its neighbour and to the uplink, and round trips."""
        figures = {}
        for guest in guests:
            neighbour = self.spaces[guest.neighbour]
            label = f"{title}: guest {guest.number}"
            self.screen.live(label)
            figure = {
                "neighbour": self.tcp(guest, neighbour, f"{net.SUBNET}.{guest.neighbour}",
                                      f"{label} to guest {guest.neighbour}, TCP"),
                "uplink": self.tcp(guest, self.uplink.space, guest.uplink,
                                   f"{label} to the uplink, TCP"),
                "ping": traffic.round_trips(
                    End(guest.space), End(None, f"{net.SUBNET}.{guest.neighbour}"),
                    lambda what=f"{label} to guest {guest.neighbour}, ping": self.live(what)),
            }
            figures[guest.number] = figure
            self.screen.say(show.guest_line(label, guest, figure))
        return figures

    def tcp(self, guest, space, address, what):
        return traffic.tcp(End(guest.space), End(space, address), "a>b", seconds_of(self.args),
                           lambda: self.live(what))

    def across(self, guests):
        """How many pings between the VLANs were answered: none must be."""
        pings = [guest.space.start(f"ping -n -c 1 -W 1 {other.address}")
                 for guest in guests for other in guests if other.vlan != guest.vlan]
        answered = sum(traffic.finish(ping, 10, lambda: None)[0] == 0 for ping in pings)
        self.screen.say(f"across VLANs: {len(pings)} pings, {answered} answered")
        return {"sent": len(pings), "answered": answered}

    # One guest killed

    def kill(self, guests):
        """Guest 2 is killed and started again, while guest 1 pings it and guest 3 sends to 4."""
        one, two, three, four = guests
        before = self.others_drops((three, four))
        stream, server = self.stream(three, four)
        ping = Pings(one, two)
        self.watch("guest 1 to 2, ping; guest 3 to 4, TCP")
        ping.read()
        killed = time.time()
        two.kill()
        net.wait_for(lambda: not self.up(two), "the link of guest 2 is down")
        down = time.time()
        self.screen.say(f"guest 2 killed (SIGKILL): its link is down after "
                        f"{1000 * (down - killed):.0f} ms; {show.ports_line(self.switch.ports())}")
        self.watch("guest 2 is dead; guest 3 to 4, TCP")
        started = time.time()
        two.start()
        ready = time.time()
        back = ping.first_after(started)
        self.screen.say(f"guest 2 started again: answers {1000 * (back - started):.0f} ms later; "
                        f"{show.ports_line(self.switch.ports())}")
        self.watch("guest 2 is back; guest 3 to 4, TCP")
        moved = bytes_moved(stream, server)
        self.screen.say(f"guest 3 to 4 meanwhile: TCP {moved['mbit_s']:.0f} Mbit/s, the slowest "
                        f"second {moved['slowest']:.0f}")
        ping.end()
        return {"link_down_ms": 1000 * (down - killed), "start_ms": 1000 * (ready - started),
                "back_ms": 1000 * (back - started), "others": moved,
                "others_drops": self.others_drops((three, four)) - before}

    def others_drops(self, guests):
        """Frames dropped at these ports but for full queues, which TCP makes by itself."""
        return sum(count for port in self.switch.ctl("show", "drops")["ports"]
                   if port["name"] in [guest.port for guest in guests]
                   for cause, count in port["drops"].items() if cause != "tx_full")

    def stream(self, source, sink):
        server = sink.space.start("iperf3 -s -1 --forceflush")
        while "listening" not in (line := server.stdout.readline()):
            if not line:
                raise KitError("iperf3 -s ended before it listened")
        return source.space.start(f"iperf3 -c {sink.address} -t 3600"), server

    def watch(self, what):
        """Let traffic flow for as long as a stream, and show it."""
        end = time.monotonic() + seconds_of(self.args)
        while time.monotonic() < end:
            self.live(what)
            time.sleep(0.1)  # it is the time that passes

    # Linux' bridges

    def run_bridges(self):
        """The same namespaces and addresses: a bridge for each VLAN."""
        guests = [Bridged(self.spaces[number], number, vlan)
                  for vlan, numbers in net.VLANS.items() for number in numbers]
        self.uplink.space.ip("link", "delete", "in10")
        self.uplink.space.ip("link", "delete", "in20")
        for vlan, numbers in net.VLANS.items():
            self.uplink.space.ip("link", "add", f"bridge{vlan}", "type", "bridge")
            self.uplink.address(vlan, f"bridge{vlan}")
            for number in numbers:
                self.uplink.space.ip("link", "add", f"guest{number}", "master", f"bridge{vlan}",
                                     "up", "type", "veth", "peer", "name", "eth0",
                                     "netns", self.spaces[number].name)
        for guest in guests:
            guest.space.ip("address", "add", f"{guest.address}/24", "dev", "eth0")
            guest.space.ip("link", "set", "eth0", "up")
        self.live = self.screen.live
        return {"guests": self.measure(guests, "bridge"), "refused": self.across(guests)}


class End:
    """What demo_traffic calls a side."""

    def __init__(self, namespace, address=None):
        self.namespace, self.address = namespace, address


class Bridged:
    """A guest's namespace without a guest."""

    def __init__(self, space, number, vlan):
        self.space, self.number, self.vlan = space, number, vlan
        self.neighbour = next(other for other in net.VLANS[vlan] if other != number)
        self.address, self.uplink = f"{net.SUBNET}.{number}", f"{net.SUBNET}.{100 + vlan}"


class Pings:
    """A ping that goes on, and when its answers came."""

    def __init__(self, source, sink):
        self.process = source.space.start(f"ping -D -n -i 0.01 {sink.address}")
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = b""

    def read(self):
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.process.stdout.fileno(), 65536):
                self.text += data
        return [float(at) for at in re.findall(rb"^\[([\d.]+)\] \d+ bytes from", self.text, re.M)]

    def first_after(self, moment):
        """When the first answer came after that moment, in seconds of the clock."""
        return net.wait_for(lambda: next((at for at in self.read() if at > moment), None),
                            "pings are answered again")

    def end(self):
        self.process.kill()
        self.process.wait()


def bytes_moved(client, server):
    """End a stream; what its receiver says of each second."""
    for process in (server, client):
        process.kill()
    output = server.communicate()[0]
    lines = re.findall(r"^\[ *\d+\] .* sec .* ([\d.]+) ([KMG]?)bits/sec *$", output, re.M)
    units = {"": 1e-6, "K": 1e-3, "M": 1, "G": 1e3}
    rates = [float(rate) * units[unit] for rate, unit in lines[:-1]]  # the last is no whole second
    if not rates:
        raise KitError(f"iperf3 says nothing of its stream: {output}")
    return {"mbit_s": sum(rates) / len(rates), "slowest": min(rates), "seconds": len(rates)}


def seconds_of(args):
    return args.seconds or (QUICK_SECONDS if args.quick else SECONDS)


def counted(port):
    counts = port["counts"]
    return {"in": counts["frames"], "out": counts["tx_frames"]}


def short_turns():
    """Ask the scheduler for short turns, of this process and those it will start.

    Programs that poll use up their turns, and each frame waits for several of them. Linux before
    6.12 does not know this, and goes on as it was.
    """
    attributes = struct.pack("=IIQiIQQQ", 48, 0, 0, 0, 0, show.TURN_US * 1000, 0, 0)
    if os.uname().machine == "x86_64":
        LIBC.syscall(314, 0, ctypes.create_string_buffer(attributes), 0)  # sched_setattr


def work(args, screen):
    """The scene, in the guard's child process; returns its figures."""
    begin = time.monotonic()
    folder = temporary(os.getpid())
    remove_stale()
    os.mkdir(folder, 0o700)
    tempfile.tempdir = folder
    short_turns()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        spaces = {number: stack.enter_context(net.Space(f"g{number}"))
                  for numbers in net.VLANS.values() for number in numbers}
        uplink = net.Uplink(stack.enter_context(net.Space("up")))
        screen.say(show.picture(spaces, uplink.space))
        scene = Scene(args, screen, spaces, uplink)
        with contextlib.ExitStack() as programs:
            figures = {"pvswitch": scene.run_switch(programs)}
        if not args.quick:
            figures["bridge"] = scene.run_bridges()
        figures |= {"seconds": seconds_of(args), "versions": versions(),
                    "duration_s": time.monotonic() - begin}
    tempfile.tempdir = None
    screen.say("\n" + show.table(figures))
    screen.say(show.notes(figures))
    return figures


def versions():
    iperf3 = subprocess.run(["iperf3", "--version"], stdout=subprocess.PIPE, text=True, check=True)
    dpdk = subprocess.run(["pkg-config", "--modversion", "libdpdk"], stdout=subprocess.PIPE,
                          text=True, check=False)
    return {"iperf3": " ".join(iperf3.stdout.split()[:2]),
            "dpdk": dpdk.stdout.strip(), "host": os.uname().release}


def verdict(figures):
    """Raise KitError if the switch did what it must not."""
    ours = figures["pvswitch"]
    if ours["refused"]["answered"]:
        raise KitError("pvswitch let frames across VLANs: please report this")
    if ours["exit"] != 0:
        raise KitError(f"pvswitch ended with {ours['exit']}: please report this")


def temporary(worker):
    return f"{tempfile.gettempdir()}/pvn-demo.{worker}"


def remove_stale():
    """Remove folders of runs that were ended by SIGKILL, guard and all."""
    for path in glob.glob(temporary("*")):
        worker = path.rpartition(".")[2]
        if worker.isdigit() and not os.path.exists(f"/proc/{worker}"):
            shutil.rmtree(path, ignore_errors=True)


def tidy(worker):
    """Remove the folder of a worker that was interrupted; namespaces are removed by demo.py."""
    shutil.rmtree(temporary(worker), ignore_errors=True)
    return []


def need_all():
    """Raise Missing, with one sentence, when the scene cannot work here."""
    for name in PROGRAMS:
        if initramfs.find_program(name) is None:
            raise Missing(f"the program {name} is not installed: run sudo ./run setup")
    for path in BUILT:
        if not os.path.exists(f"{ROOT}/{path}"):
            raise Missing(f"{path} is not built: run sudo ./run build")
