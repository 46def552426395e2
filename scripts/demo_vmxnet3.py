# SPDX-License-Identifier: BSD-3-Clause
"""The demo's first scene: this machine's TCP goes through a guest, by our driver and two others.

    namespace a --- tap === VMXNET3 [guest: forwarder] VMXNET3 === tap --- namespace b

demo_traffic.py     the two ends, their counters, iperf3 and ping
demo_forwarders.py  testpmd on our driver and on DPDK's, and the Linux bridge
demo_screen.py      picture, line of counters, table
"""

import os
import platform
import subprocess
import time

import demo_screen
import demo_traffic as traffic
import initramfs
from demo_forwarders import all_forwarders, renew_devices
from errors import KitError, Missing, VmDied, VmError
from kit import Nic, Vm

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = ("ip", "iperf3", "ping", "qemu-system-x86_64", "busybox", "dpdk-testpmd")
SECONDS, QUICK_SECONDS = 3, 2  # of each TCP stream
OUR_DRIVER = f"{ROOT}/build/pmds/librte_net_pvn_vmxnet3.so"


class Demo:
    """The guest between the two ends, and what has been measured."""

    def __init__(self, args, screen, forwarders, ends):
        self.args, self.screen, self.forwarders = args, screen, forwarders
        self.a, self.b = ends
        self.vm, self.slots = None, []

    def run(self, vm):
        """All rounds."""
        self.vm = vm
        total = self.args.rounds * len(self.forwarders)
        for number in range(self.args.rounds):
            for forwarder in order(self.forwarders, number):
                label = f"[{len(self.slots) + 1}/{total}] {forwarder.title:8}"
                self.screen.live(f"{label} starting: {forwarder.unit} on {forwarder.driver}")
                try:
                    slot = self.slot(forwarder, label)
                except KitError as error:
                    raise self.explain(error) from error
                self.slots.append({"round": number + 1, "forwarder": forwarder.name} | slot)
                self.screen.say(demo_screen.slot_line(label, slot))

    def explain(self, error):
        """An error that shows the guest's side too, where the cause is when traffic stops."""
        if isinstance(error, VmError):
            return error
        try:
            code = self.vm.process.wait(1)  # its tap may be gone a moment before it
        except subprocess.TimeoutExpired:
            return self.vm.error(VmError, str(error))
        return self.vm.error(VmDied, f"QEMU has ended with {code}")

    def slot(self, forwarder, label):
        """One forwarder's turn."""
        before = traffic.settled(self.a, self.b)
        renew_devices(self.vm)
        forwarder.start(self.vm)
        traffic.reach(self.a, self.b)
        tcp = {way: self.stream(way, label, before) for way in traffic.WAYS}
        ping = traffic.round_trips(self.a, self.b, self.ticker("ping", label, before))
        counts = traffic.settled(self.a, self.b).since(before)
        losses = forwarder.losses(counts)
        forwarder.stop()
        lost = sum(losses.values())
        if not forwarder.merges:
            lost = max(lost, counts.total("frames_in") - counts.total("frames_out"))
        return {"tcp": tcp, "ping": ping, "losses": losses, "frames_lost": lost,
                "retransmits": sum(stream["retransmits"] for stream in tcp.values()),
                **{name: counts.total(name) for name in counts.FIELDS}, "ways": counts.ways}

    def stream(self, way, label, before):
        return traffic.tcp(self.a, self.b, way, seconds_of(self.args),
                           self.ticker(f"TCP {way}", label, before, way))

    def ticker(self, what, label, before, way=None):
        """A function that shows what was forwarded since BEFORE, and the rate from now on."""
        start, begin = time.monotonic(), traffic.Counts.read(self.a, self.b)

        def tick():
            now = traffic.Counts.read(self.a, self.b)
            megabits = now.since(begin).ways[way]["bytes_out"] * 8e-6 if way else 0
            rate = megabits / (time.monotonic() - start)
            self.screen.live(demo_screen.counters(f"{label} {what}", now.since(before), rate))

        return tick


def seconds_of(args):
    return args.seconds or (QUICK_SECONDS if args.quick else SECONDS)


def order(forwarders, number):
    """Each round another one is first; after all have been, each has another one before it."""
    count = len(forwarders)
    first = number % count
    turned = forwarders[first:] + forwarders[:first]
    return turned[::-1] if number // count % 2 else turned


def result(demo, begin):
    """All figures, for the notes and for --json."""
    qemu = demo.vm.qmp("query-version")["qemu"]
    congestion = demo.a.namespace.check("cat /proc/sys/net/ipv4/tcp_congestion_control").strip()
    iperf3 = subprocess.run(["iperf3", "--version"], stdout=subprocess.PIPE, text=True, check=True)
    return {
        "settings": {"rounds": demo.args.rounds, "seconds": seconds_of(demo.args),
                     "pings": traffic.PINGS, "ring": traffic.RING, "tcp_window": traffic.WINDOW,
                     "congestion": congestion},
        "versions": {"dpdk": demo.forwarders[0].version, "guest": demo.vm.check("uname -r").strip(),
                     "qemu": f"{qemu['major']}.{qemu['minor']}.{qemu['micro']}",
                     "host": platform.release(), "iperf3": " ".join(iperf3.stdout.split()[:2])},
        "commands": {forwarder.name: forwarder.command for forwarder in demo.forwarders},
        "duration_s": time.monotonic() - begin,
        "slots": demo.slots,
    }


def work(args, screen):
    """The scene, in the guard's child process; returns its figures."""
    begin, forwarders = time.monotonic(), all_forwarders()
    with traffic.Side("a") as a, traffic.Side("b") as b:
        screen.say(demo_screen.picture(a, b, forwarders, args.rounds,
                                       seconds_of(args)))
        screen.live("booting the guest ...")
        # Unlike q35, this machine lets devices on its root bus be unplugged.
        with Vm("demo", machine="pc", nics=[Nic(a.tap), Nic(b.tap)]) as vm:
            a.connect()
            b.connect()
            screen.say(f"the guest is up after {time.monotonic() - begin:.0f} s")
            demo = Demo(args, screen, forwarders, (a, b))
            demo.run(vm)
            figures = result(demo, begin)
    screen.say("\n" + demo_screen.table(forwarders, demo.slots))
    screen.say(demo_screen.notes(figures, forwarders))
    return figures


def verdict(figures):
    """Raise KitError when our driver has lost a frame."""
    lost = sum(slot["frames_lost"] for slot in figures["slots"] if slot["forwarder"] == "paravane")
    if lost:
        raise KitError(f"our driver lost {lost} frames, it should lose none: please report this")


def need_all():
    """Raise Missing, with one sentence, when the scene cannot work here."""
    for name in PROGRAMS:
        if initramfs.find_program(name) is None:
            raise Missing(f"the program {name} is not installed: run sudo ./run setup")
    initramfs.Kernel()
    if not os.path.exists(OUR_DRIVER):
        raise Missing("our driver is not built: run sudo ./run build")
