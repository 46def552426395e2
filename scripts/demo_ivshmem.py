# SPDX-License-Identifier: BSD-3-Clause
"""The demo's third scene: frames in memory that this machine shares with a QEMU guest.

    trip: pool of buffers, link --- keeper --- QEMU: IVSHMEM device --- guest: ivshmem_guest

The frames of a pcap file, recorded at the start, go to the guest and back where they are. Then the
guest is killed, every buffer is there again, and another guest goes on. The same frames go over
net_ivshmem and over vhost-user, which copy.

demo_pcap.py            records the frames
demo_ivshmem_screen.py  picture, live line, table
tests/ivshmem/trip.c    the host;  examples/ivshmem_guest.c  the guest
"""

import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import demo_ivshmem_screen as show
import demo_pcap
import initramfs
from demo_switch import remove_stale, temporary
from errors import KitError, Missing
from kit import Vm

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/tests/ivshmem")
sys.path.insert(0, f"{ROOT}/tests/xen")

from keeper import Keeper  # noqa: E402  (found by the lines above)
from wire import Program  # noqa: E402

PROGRAMS = ("ip", "iperf3", "ping", "dumpcap", "tshark", "qemu-system-x86_64", "busybox",
            "dpdk-testpmd")
TRIP, GUEST = f"{ROOT}/build/tests/ivshmem/trip", f"{ROOT}/build/examples/ivshmem_guest"
OUR_DRIVER = f"{ROOT}/build/pmds/librte_net_ivshmem.so"
BUILT = (TRIP, GUEST, OUR_DRIVER, f"{ROOT}/build/bin/pvnctl")
SECONDS, QUICK_SECONDS = 4, 1
MEMORY_MB = 768
MAC = "02:00:00:00:00:01"
REGIONS = ("demo,size=16M", "net,size=16M")
VIRTIO = "/pmds-dpdk/librte_net_virtio.so"
MEMORY = ["-object", f"memory-backend-memfd,id=ram,size={MEMORY_MB}M,share=on",
          "-machine", "memory-backend=ram"]


class Trip:
    """The host's program."""
    count = 0

    def __init__(self, folder, pcap, words, eal=()):
        Trip.count += 1
        env = os.environ | {"LD_LIBRARY_PATH": f"{ROOT}/build/pmds", "RUNTIME_DIRECTORY": folder}
        self.program = Program(
            [TRIP, "--no-huge", "-m", "128", "--no-pci", "--no-telemetry", "--log-level=4",
             f"--file-prefix=trip{Trip.count}", "--lcores", "0@0-1", *eal, "--", pcap, *words],
            env=env)
        self.program.wait(r"has \d+ frames")

    def line(self, word, timeout=30):
        """Wait for the next line with this word after its time; its numbers by name, and "at"."""
        found = self.program.wait(rf"at (\d+) ({word} .*)", timeout)
        return {"at": int(found[1])} | {name: int(number) for name, number
                                        in re.findall(r"(\w+) (\d+)", found[2])}

    def end(self):
        """Have it end by itself, as an application does."""
        self.program.process.stdin.close()
        code = self.program.ended(10)
        if code != 0:
            raise KitError(f"{self.program} ended with {code}:\n{self.program.log[-2000:]}")

    def close(self):
        with contextlib.suppress(BrokenPipeError, ValueError):
            self.program.close()


class Scene:
    """Everything that runs, and what has been measured."""

    def __init__(self, args, screen, folder, stack):
        self.args, self.screen, self.folder, self.stack = args, screen, folder, stack
        self.seconds = args.seconds or (QUICK_SECONDS if args.quick else SECONDS)
        self.pcap = f"{folder}/frames.pcap"

    def trip(self, words, eal=()):
        trip = Trip(self.folder, self.pcap, words, eal)
        self.stack.callback(trip.close)
        return trip

    def guest(self, name, extra=()):
        """A guest with a device for each of these regions, and whatever else."""
        words = [word for region in ("demo", "net")
                 for word in self.keeper.ctl(f"args {region}").split()]
        files = {"/usr/bin/ivshmem_guest": GUEST, VIRTIO: initramfs.plugin_path("librte_net_virtio")}
        return Vm(name, mem_mb=MEMORY_MB, hugepages=64, files=files, extra=[*words, *extra])

    def run(self):
        """The whole scene; its figures."""
        self.screen.live("recording traffic between two namespaces ...")
        figures = {"pcap": demo_pcap.record(self.pcap), "seconds": self.seconds}
        self.screen.say(show.pcap_line(figures["pcap"]))
        self.keeper = self.stack.enter_context(Keeper(REGIONS, self.folder))
        link = self.trip(["link", f"socket:{self.folder}/demo.host"])
        figures["kill"] = self.first_guest(link)
        return figures | self.second_guest(link, None if self.args.quick else self.vhost_user())

    # Pointer mode

    def start_guest(self, vm, link):
        """The example in the guest; when frames move."""
        program = vm.program(f"ivshmem_guest --no-huge -m 32 --no-pci --no-telemetry --log-level=4 "
                             f"-l 0 -- pci:{vm.address('pvn-demo')}")
        try:
            link.line("came")
        except KitError as error:
            raise KitError(f"{error}\n{program.output()}") from error
        return program

    def first_guest(self, link):
        """Frames go round, until QEMU is killed with buffers lent."""
        self.screen.live("booting the guest ...")
        begin = time.monotonic()
        with self.guest("first") as vm:
            self.screen.say(f"the guest is up after {time.monotonic() - begin:.1f} s")
            program = self.start_guest(vm, link)
            rate = self.watch(link, "guest 1", vm)
            said = program.output().split("\n")
            killed = time.monotonic_ns()
            vm.process.send_signal(signal.SIGKILL)
            had, gone = link.line("had"), link.line("gone")
        kill = {"rate": rate, "had": had["had"], "reclaimed": gone["reclaimed"],
                "lent": gone["lent"], "home": gone["home"], "free": gone["free"],
                "buffers": gone["buffers"], "ms": (gone["at"] - killed) / 1e6,
                "bad": gone["bad"], "foreign": gone["foreign"], "guest": last_word(said)}
        self.screen.say(show.kill_line(kill))
        return kill

    def watch(self, trip, what, vm):
        """Let frames go for so long, and show them; the rates from the first to the last line."""
        first = trip.line("now")
        last, end = first, first["at"] + self.seconds * 10**9
        while last["at"] < end:
            before, last = last, trip.line("now")
            self.screen.live(show.live_line(what, between(before, last), last))
            vm.report()  # reads what the guest prints: it would wait
        return between(first, last) | {"bad": last["bad"], "lost": last.get("lost", 0)}

    # The other ways

    def vhost_user(self):
        """DPDK's vhost-user, which QEMU wants to find when it starts."""
        path = f"{self.folder}/vhost"
        return self.trip(["port"], ["-d", "librte_net_vhost.so", "--vdev",
                                    f"net_vhost0,iface={path},queues=1"])

    def net_port(self):
        return self.trip(["port"], ["-d", "librte_net_ivshmem.so", "--vdev",
                                    f"net_ivshmem0,host={self.folder}/net,mac={MAC},mac_check=0"])

    def second_guest(self, link, vhost):
        extra = [*MEMORY, "-chardev", f"socket,id=vhost,path={self.folder}/vhost", "-netdev",
                 "vhost-user,id=vhost,chardev=vhost", "-device",
                 f"virtio-net-pci,id=virtio,netdev=vhost,mac={MAC},romfile="] if vhost else []
        self.screen.live("booting the guest again ...")
        link.program.order("as many buffers under way as over a port")
        begin = time.monotonic()
        with self.guest("second", extra) as vm:
            qemu = vm.qmp("query-version")["qemu"]
            program = self.start_guest(vm, link)
            again = time.monotonic() - begin
            figures = {"again_s": again, "link": self.watch(link, "guest 2", vm)}
            self.screen.say(show.rate_line("guest 2, pointer mode", figures["link"]))
            link.end()
            program.wait("the host has left", 20)
            figures["guest"] = last_word(program.output().split("\n"))
            figures["net"] = self.forward(vm, self.net_port(), "net_ivshmem", [
                "--no-pci", "-d", "/pmds/librte_net_ivshmem.so",
                f"--vdev=net_ivshmem0,path=pci:{vm.address('pvn-net')}"])
            if vhost:
                vm.bind(vm.address("virtio"), "uio_pci_generic")
                figures["vhost"] = self.forward(vm, vhost, "vhost-user", [
                    "-d", VIRTIO, "-a", vm.address("virtio")])
            figures["versions"] = versions(vm, qemu)
        return figures

    def forward(self, vm, trip, what, eal):
        """testpmd in the guest swaps the addresses and sends back."""
        pmd = vm.testpmd(["-l", "0,1", "--iova-mode=pa", "--no-telemetry", *eal],
                         ["--forward-mode=macswap", "--port-topology=loop", "--no-flush-rx",
                          "--rxd=1024", "--txd=1024", "--total-num-mbufs=8192"])
        pmd.cmd("start")
        trip.program.order("begin")
        trip.line(r"now 1 up 1 frames [1-9]\d*")
        rate = self.watch(trip, what, vm)
        trip.end()
        pmd.kill()
        self.screen.say(show.rate_line(f"guest 2, {what}", rate))
        return rate


def between(first, last):
    """Rates between two lines of trip's."""
    seconds = (last["at"] - first["at"]) / 1e9
    return {"frames_s": (last["frames"] - first["frames"]) / seconds,
            "mbit_s": (last["bytes"] - first["bytes"]) * 8e-6 / seconds,
            "frames": last["frames"] - first["frames"], "seconds": seconds}


def last_word(lines):
    """What the guest counted: its last whole line."""
    counts = [re.search(r"(\d+) frames, (\d+) with a bad header", line) for line in lines]
    found = [count for count in counts if count]
    if not found:
        raise KitError(f"the guest says nothing of what it saw: {lines}")
    return {"frames": int(found[-1][1]), "bad": int(found[-1][2])}


def versions(vm, qemu):
    dpdk = subprocess.run(["pkg-config", "--modversion", "libdpdk"], stdout=subprocess.PIPE,
                          text=True, check=False)
    return {"qemu": f"{qemu['major']}.{qemu['minor']}.{qemu['micro']}", "dpdk": dpdk.stdout.strip(),
            "guest": vm.check("uname -r").strip(), "host": platform.release()}


def work(args, screen):
    """The scene, in the guard's child process; returns its figures."""
    begin = time.monotonic()
    folder = temporary(os.getpid())
    remove_stale()
    os.mkdir(folder, 0o700)
    tempfile.tempdir = folder
    screen.say(show.PICTURE)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        figures = Scene(args, screen, folder, stack).run()
        figures["duration_s"] = time.monotonic() - begin
    tempfile.tempdir = None
    screen.say("\n" + show.table(figures))
    screen.say(show.notes(figures))
    return figures


def verdict(figures):
    """Raise KitError if a buffer is lost or a frame came back changed."""
    kill = figures["kill"]
    if kill["lent"] or kill["home"] + kill["free"] != kill["buffers"]:
        raise KitError(f"of {kill['buffers']} buffers {kill['home'] + kill['free']} are there after "
                       "the guest was killed: please report this")
    for way in ("link", "net", "vhost"):
        if figures.get(way, {}).get("bad"):
            raise KitError(f"{figures[way]['bad']} frames came back changed: please report this")


def need_all():
    """Raise Missing, with one sentence, when the scene cannot work here."""
    for name in PROGRAMS:
        if initramfs.find_program(name) is None:
            raise Missing(f"the program {name} is not installed: run sudo ./run setup")
    initramfs.Kernel()
    for path in BUILT:
        if not os.path.exists(path):
            raise Missing(f"{os.path.relpath(path, ROOT)} is not built: run sudo ./run build")
