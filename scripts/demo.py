#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The demo: this machine's own TCP goes through a guest, by our driver and two others in turn.

    namespace a --- tap === VMXNET3 [guest: forwarder] VMXNET3 === tap --- namespace b

demo_guard.py       nothing is left behind, whenever this is stopped
demo_traffic.py     the two ends, their counters, iperf3 and ping
demo_forwarders.py  testpmd on our driver and on DPDK's, and the Linux bridge
demo_screen.py      picture, line of counters, table
"""

import signal

if __name__ == "__main__":
    # From here on a signal waits for the guard. One that comes earlier finds nothing made yet.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))

import argparse  # noqa: E402
import glob  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/tests/vm")

import demo_guard  # noqa: E402
import demo_screen  # noqa: E402
import demo_traffic as traffic  # noqa: E402
import initramfs  # noqa: E402
from demo_forwarders import all_forwarders, renew_devices  # noqa: E402
from errors import KitError, Missing, VmDied, VmError  # noqa: E402
from kit import BUILD, Nic, Vm  # noqa: E402
from netends import ip  # noqa: E402

PROGRAMS = ("ip", "iperf3", "ping", "qemu-system-x86_64", "busybox", "dpdk-testpmd")
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
        return traffic.tcp(self.a, self.b, way, self.args.seconds,
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
        "settings": {"rounds": demo.args.rounds, "seconds": demo.args.seconds,
                     "pings": traffic.PINGS, "ring": traffic.RING, "tcp_window": traffic.WINDOW,
                     "congestion": congestion},
        "versions": {"dpdk": demo.forwarders[0].version, "guest": demo.vm.check("uname -r").strip(),
                     "qemu": f"{qemu['major']}.{qemu['minor']}.{qemu['micro']}",
                     "host": platform.release(), "iperf3": " ".join(iperf3.stdout.split()[:2])},
        "commands": {forwarder.name: forwarder.command for forwarder in demo.forwarders},
        "duration_s": time.monotonic() - begin,
        "slots": demo.slots,
    }


def work(args):
    """The demo itself, in the guard's child process; returns the exit code."""
    begin = time.monotonic()
    screen, forwarders = demo_screen.Screen(), all_forwarders()
    with traffic.Side("a") as a, traffic.Side("b") as b:
        screen.say(demo_screen.picture(a, b, forwarders, args))
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
    if args.json:
        write_json(args.json, figures)
    return verdict(demo)


def verdict(demo):
    """Exit code: our driver must not lose a frame."""
    ours = demo.forwarders[0].name
    lost = sum(slot["frames_lost"] for slot in demo.slots if slot["forwarder"] == ours)
    if lost:
        raise KitError(f"our driver lost {lost} frames, it should lose none: please report this")
    return 0


def write_json(path, figures):
    """Write all figures to a file that appears when it is complete, owned as its folder is."""
    part = f"{path}.{os.getpid()}"
    owner = os.stat(os.path.dirname(os.path.abspath(path)))
    with open(part, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1)
        file.write("\n")
    os.chown(part, owner.st_uid, owner.st_gid)
    os.replace(part, path)


def tidy(worker, json_path):
    """Remove what holds the worker's process id in its name; returns what could not be removed.

    Only something that was interrupted leaves anything: taps go with QEMU.
    """
    left = []
    for line in ip("netns", "list").splitlines():
        name = line.split()[0]
        if name.startswith(f"pvn{worker}-"):
            try:
                ip("netns", "delete", name)
            except KitError as error:
                if os.path.exists(f"/run/netns/{name}"):  # else another run of the kit was faster
                    left.append(f"the namespace {name}: {error}")
    for part in glob.glob(f"{glob.escape(BUILD)}/*.{worker}") + [f"{json_path}.{worker}"]:
        if os.path.exists(part):
            os.unlink(part)
    return left


def need_all():
    """Raise Missing, with one sentence, when the demo cannot work here."""
    if os.geteuid() != 0:
        raise Missing("network namespaces and taps need root: run sudo ./run demo")
    if not os.path.exists("/dev/net/tun"):
        raise Missing("there is no /dev/net/tun: load the kernel module tun (modprobe tun)")
    for name in PROGRAMS:
        if initramfs.find_program(name) is None:
            raise Missing(f"the program {name} is not installed: run sudo ./run setup")
    initramfs.Kernel()
    if not os.path.exists(OUR_DRIVER):
        raise Missing("our driver is not built: run sudo ./run build")


def arguments():
    parser = argparse.ArgumentParser(
        prog="./run demo", description="A QEMU guest forwards real TCP traffic between two VMXNET3 "
        "devices: with our driver, with DPDK's, with Linux'.")
    add = parser.add_argument
    add("--rounds", type=int, default=6, help="turns of each forwarder (default: 6)")
    add("--seconds", type=int, default=3, help="of each TCP stream (default: 3)")
    add("--quick", action="store_true", help="the same as --rounds 1 --seconds 2")
    add("--json", metavar="FILE", help="write all figures to FILE")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds = 1, 2
    if args.rounds < 1 or not 1 <= args.seconds <= 3600:
        parser.error("--rounds must be 1 or more, --seconds 1 to 3600")
    return args


def main():
    args = arguments()
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    try:
        need_all()
    except Missing as missing:
        sys.exit(f"demo: {missing}")
    sys.exit(demo_guard.run(lambda: work(args), lambda worker: tidy(worker, args.json)))


if __name__ == "__main__":
    main()
