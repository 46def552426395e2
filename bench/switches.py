# SPDX-License-Identifier: BSD-3-Clause
"""The switches that are compared: how each is started with guests' ports, and what it costs.

Each has one core, CPU 0, for moving frames; whatever else it does floats. All have 4 KiB pages, the
same rings, and the guests of swload on CPU 1.
"""

import contextlib
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import time

from ports import BUILD, RING, ROOT  # adds the tests' folders to the path

from errors import KitError
from wire import Local, Program

LEARN = 16384  # addresses that a port, and a table, may learn: more than any case has
# vhost tells so much of each port that a pipe which nobody reads meanwhile would stop it.
QUIET = ["--log-level=lib.vhost.*:error"]
CORES = ["-m", "512", "--lcores", "0@0-1,1@0"]
MEMORY = ["--no-huge", "--no-pci", "--no-telemetry"]
VHOST_GUEST = "queues=1,packed_vq=0,in_order=1,mrg_rxbuf=0"


def environment(folder):
    """Of EAL's programs: where our drivers are, and where its sockets and files are to be."""
    return os.environ | {"LD_LIBRARY_PATH": f"{BUILD}/pmds", "RUNTIME_DIRECTORY": folder}


class Switch:
    """A switch that runs: `cost()` is what moved since `clear()`."""

    name = ""
    most_guests = 28  # as an ethdev each, beside what the program has of its own
    pairs_only = False  # it sends what comes from guest n to guest n^1, whatever the address
    includes = ""  # what is in its number
    pool = None  # what swload allocates from, if not from a pool of its own

    def __init__(self, folder, guests):
        self.folder = folder
        self.guests = guests
        self.commands = []
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.stack.close)
            self.start()
            on_failure.pop_all()
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def run(self, command, env=None):
        """A program that ends with this."""
        self.commands.append(" ".join(command))
        program = Program(command, env=env or environment(self.folder))
        self.stack.callback(program.close)
        return program

    def start(self):
        """Start it; it is ready for its guests then."""
        raise NotImplementedError

    def guest(self, number):
        """Devargs of a guest's port."""
        raise NotImplementedError

    def clear(self):
        """Count from now on."""
        raise NotImplementedError

    def cost(self):
        """{"cycles": busy ones, "frames": ..., "burst": frames in a burst, if known}"""
        raise NotImplementedError


class VhostGuests(Switch):
    """Ports of kind vhost-user, whose guests have net_virtio_user."""

    def path(self, number):
        return f"{self.folder}/vhost{number}"

    def guest(self, number):
        return f"net_virtio_user{number},path={self.path(number)},queue_size={RING},{VHOST_GUEST}"


class Pvswitch(Switch):
    """Ours: one worker, asked over its control socket."""

    includes = ("TSC cycles of bursts that held frames: receive, decision, learning, copies, "
                "transmit, giving buffers back; without polls that found nothing")

    def start(self):
        self.control = f"{self.folder}/control"
        worker = self.run([f"{BUILD}/bin/pvswitch", *MEMORY, *QUIET, *CORES,
                           f"--file-prefix=sw{os.getpid()}", "--", "--control", self.control,
                           *self.options()])
        worker.wait(r".*workers, control socket .*")
        self.client = socket.socket(socket.AF_UNIX)
        self.stack.callback(self.client.close)
        self.client.settimeout(10)
        self.client.connect(self.control)
        self.answers = self.client.makefile("r")
        self.stack.callback(self.answers.close)

    def options(self):
        raise NotImplementedError

    def _worker(self):
        self.client.sendall(b'["show", "workers"]\n')
        answer = json.loads(self.answers.readline())
        if "error" in answer:
            raise KitError(f"pvswitch: {answer['error']}")
        return answer["workers"][0]

    def clear(self):
        self.before = self._worker()

    def cost(self):
        after = self._worker()
        cycles, frames, bursts = (after[key] - self.before[key]
                                  for key in ("busy_cycles", "frames", "bursts"))
        return {"cycles": cycles, "frames": frames, "burst": frames / max(bursts, 1)}


class PvswitchXen(Pvswitch):
    """Over its own guest ports."""

    most_guests = 64
    zero_copy = 0

    def start(self):
        self.local = Local()
        self.stack.enter_context(self.local)
        for number in range(self.guests):
            self.local.domain(number + 1)
            self.local.attach(number + 1, mac_check="off")
        super().start()

    def options(self):
        return ["--xen", f"local:{self.local.socket}:0", "--guests", f"macs=any,learn={LEARN}"]

    def guest(self, number):
        return (f"net_xenvirt{number},handle=0,zero_copy={self.zero_copy},pool_size=2048,"
                f"xen=local:{self.local.socket}:{number + 1}")


class PvswitchXenCopying(PvswitchXen):
    name = "pvswitch, xen, copying guests"


class PvswitchXenZeroCopy(PvswitchXen):
    name = "pvswitch, xen, zero-copy guests"
    zero_copy = 1
    pool = "xenvirt_0_"


class PvswitchVhost(Pvswitch, VhostGuests):
    name = "pvswitch, vhost-user"

    def options(self):
        words = []
        for number in range(self.guests):
            words += ["--port", f"v{number},learn={LEARN},"
                                f"device=net_vhost{number},iface={self.path(number)},queues=1"]
        return words


class OpenVswitch(VhostGuests):
    """Open vSwitch with DPDK, action normal. In a network namespace of its own, because it makes
    interfaces of the kernel for its bridges.
    """

    name = "Open vSwitch, vhost-user"
    most_guests = 64  # no ethdevs
    includes = ("avg processing cycles per packet of pmd-stats-show: TSC cycles of turns over all "
                "ports in which any had frames: receive, look-up, actions, copies, transmit")

    def start(self):
        subprocess.run([f"{ROOT}/bench/ovs_packages.sh"], check=True)
        self.tree = sorted(glob.glob(f"{ROOT}/deps/ovs/*"))[-1]
        self.env = environment(self.folder) | {
            "OVS_RUNDIR": self.folder, "OVS_LOGDIR": self.folder, "OVS_DBDIR": self.folder,
            "OVS_SYSCONFDIR": self.folder,
            "LD_LIBRARY_PATH": ":".join(glob.glob(f"{self.tree}/usr/lib/*-linux-gnu") +
                                        glob.glob(f"{self.tree}/lib/*-linux-gnu"))}
        self._tool("ovsdb-tool", "create", f"{self.folder}/conf.db",
                   f"{self.tree}/usr/share/openvswitch/vswitch.ovsschema")
        database = f"unix:{self.folder}/db.sock"
        self.run([f"{self.tree}/usr/sbin/ovsdb-server", f"{self.folder}/conf.db",
                  f"--remote=p{database}", f"--unixctl={self.folder}/db.ctl"], self.env)
        self._wait_for(f"{self.folder}/db.sock")
        self.vsctl = ["ovs-vsctl", f"--db={database}", "--timeout=20"]
        self._tool(*self.vsctl, "--no-wait", "init")
        # It makes 262144 mbufs for its ports, however few they are.
        eal = " ".join([*MEMORY, "--legacy-mem", "-m 1536", f"--file-prefix=ovs{os.getpid()}"])
        settings = {"dpdk-init": "true", "pmd-cpu-mask": "0x1", "dpdk-lcore-mask": "0x2",
                    "dpdk-extra": f'"{eal}"'}
        self._tool(*self.vsctl, "--no-wait", "set", "Open_vSwitch", ".",
                   *(f"other_config:{key}={value}" for key, value in settings.items()))
        self.daemon = self.run(["unshare", "--net",
                                f"{self.tree}/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk",
                                database, f"--unixctl={self.folder}/ovs.ctl", "-vconsole:off"],
                               self.env)
        self._wait_for(f"{self.folder}/ovs.ctl")
        words = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                 f"other_config:mac-table-size={4 * LEARN}"]
        for number in range(self.guests):
            words += ["--", "add-port", "br0", f"vhost{number}", "--", "set", "Interface",
                      f"vhost{number}", "type=dpdkvhostuser", f"options:n_rxq_desc={RING}"]
        self._tool(*self.vsctl, *words)
        for number in range(self.guests):
            self._wait_for(self.path(number))

    def _tool(self, name, *args):
        """Run one of its tools; what it said."""
        path = next(p for p in (f"{self.tree}/usr/bin/{name}", f"{self.tree}/usr/sbin/{name}")
                    if os.path.exists(p))
        done = subprocess.run([path, *args], capture_output=True, text=True, timeout=90,
                              check=False, env=self.env)
        if done.returncode != 0:
            raise KitError(f"{name} {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def _wait_for(self, path):
        end = time.monotonic() + 30
        while not os.path.exists(path):
            if time.monotonic() > end:
                raise KitError(f"Open vSwitch did not make {os.path.basename(path)}")
            time.sleep(0.05)

    def _appctl(self, *args):
        return self._tool("ovs-appctl", "-t", f"{self.folder}/ovs.ctl", *args)

    def clear(self):
        self._appctl("dpif-netdev/pmd-stats-clear")

    def cost(self):
        text = self._appctl("dpif-netdev/pmd-stats-show")
        match = re.search(r"avg processing cycles per packet: [\d.]+ \((\d+)/(\d+)\)", text)
        if match is None:
            raise KitError(f"Open vSwitch counted no packets:\n{text}")
        hits = re.findall(r"^\s*(emc hits|megaflow hits|miss with success upcall): (\d+)",
                          text[:match.end()], re.MULTILINE)
        return {"cycles": int(match[1]), "frames": int(match[2]),
                "hits": {kind: int(number) for kind, number in hits}}


class Testpmd(VhostGuests):
    """No switch: what comes from one port goes to another, unseen."""

    name = "testpmd io, vhost-user"
    pairs_only = True
    includes = ("CPU cycles/packet of testpmd with --record-core-cycles: TSC cycles of bursts that "
                "held frames: receive and transmit")

    def start(self):
        path = shutil.which("dpdk-testpmd") or \
            sorted(glob.glob(f"{ROOT}/deps/dpdk-dev/*/usr/bin/dpdk-testpmd"))[-1]
        words = []
        for number in range(self.guests):
            words += ["--vdev", f"net_vhost{number},iface={self.path(number)},queues=1"]
        self.testpmd = self.run([
            "stdbuf", "-oL", path, *MEMORY, *QUIET, *CORES, f"--file-prefix=tp{os.getpid()}",
            *words, "--", "-i", "--forward-mode=io", "--port-topology=paired", "--nb-cores=1",
            "--record-core-cycles", "--no-lsc-interrupt", f"--rxd={RING}", f"--txd={RING}",
            "--total-num-mbufs=32767", "--auto-start"])
        self.testpmd.wait(r"Checking link statuses\.\.\..*", timeout=60)

    def clear(self):
        self.testpmd.order("clear fwd stats all")

    def cost(self):
        match = self.testpmd.ask("show fwd stats all", r".*CPU cycles/packet=[\d.]+ "
                                 r"\(total cycles=(\d+) / total \w+ packets=(\d+)\).*")
        return {"cycles": int(match[1]), "frames": int(match[2])}


SWITCHES = [PvswitchXenCopying, PvswitchXenZeroCopy, PvswitchVhost, OpenVswitch, Testpmd]
OURS_OWN, OURS_VHOST = SWITCHES[:2], PvswitchVhost


class Load(contextlib.ExitStack):
    """The guests of a switch: swload on CPU 1, several of them where one has too few ports."""

    PORTS = 32

    def __init__(self, switch, arguments):
        super().__init__()
        self.switch = switch
        firsts = range(0, switch.guests, self.PORTS)
        try:
            self.processes = [self._process(turn, first, len(firsts), arguments)
                              for turn, first in enumerate(firsts)]
            for process in self.processes:
                process.wait("up", timeout=60)
        except BaseException:
            self.close()
            raise

    def _process(self, turn, first, turns, arguments):
        switch = self.switch
        words = []
        for number in range(first, min(first + self.PORTS, switch.guests)):
            words += ["--vdev", switch.guest(number)]
        if isinstance(switch, PvswitchXen):
            words += ["-d", "librte_net_xenvirt.so"]
        arguments = ["--total", str(switch.guests), "--first", str(first), "--ring", str(RING),
                     *arguments]
        if switch.pool:
            arguments += ["--pool", switch.pool]
        if turns > 1:
            arguments += ["--share", f"{switch.folder}/share", "--turn", str(turn),
                          "--turns", str(turns)]
        command = [f"{BUILD}/bench/swload", *MEMORY, "-m", "512", "--log-level=4", "--lcores",
                   "0@0-1,1@1", f"--file-prefix=load{os.getpid()}x{turn}", *words, "--", *arguments]
        switch.commands.append(" ".join(command))
        program = Program(command, env=environment(switch.folder))
        self.callback(program.close)
        return program

    def learn(self):
        for process in self.processes:
            process.order("learn")
        for process in self.processes:
            process.wait("learned", timeout=60)

    def go(self, rate=0):
        """Frames go, `rate` a second or as many as possible; counts from now on."""
        for process in self.processes:
            process.order(f"go {rate / len(self.processes):.0f}")

    def stop(self):
        """What was counted: of all guests, and latencies in ns of the first process'."""
        for process in self.processes:
            process.order("stop")
        results = [process.wait(r"result (\d+) ([\d.]+) (\d+) (\d+) (\d+) (\d+) (\d+)")
                   for process in self.processes]
        first = results[0]
        return {"rate": sum(int(r[1]) / float(r[2]) for r in results),
                "lost": sum(int(r[3]) for r in results),
                "strays": sum(int(r[4]) for r in results),
                "p50_ns": int(first[5]), "p99_ns": int(first[6]), "max_ns": int(first[7])}


def switch_versions():
    """Of what was compared, beside DPDK."""
    trees = glob.glob(f"{ROOT}/deps/ovs/*")
    return {"openvswitch": os.path.basename(sorted(trees)[-1]) if trees else None}
