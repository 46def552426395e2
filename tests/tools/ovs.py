# SPDX-License-Identifier: BSD-3-Clause
"""An Open vSwitch with DPDK of its own: Debian's, unpacked into deps/ovs, not installed.

    with Ovs(["xenback", "ivshmem"]) as ovs:
        ovs.add_port("web", "net_xenback0,frontend=1,handle=0,xen=...")
        ovs.wait_for("web", "link_state", "up")
        ovs.statistics("web")["rx_packets"]

Database, sockets and logs are in a folder of its own, and it runs in a network namespace of its own,
because it makes an interface of the kernel for its bridge. Everything ends with it, by process id.
"""

import contextlib
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, f"{ROOT}/tests/xen")

from wire import BUILD, TIMEOUT, Program  # noqa: E402 (adds tests/vm to the path)
from errors import KitError, Missing  # noqa: E402

# It makes 262144 mbufs for its ports, however few they are. With --no-huge it would add --in-memory,
# which EAL refuses beside it, unless there is --legacy-mem.
MEMORY = "--no-huge --legacy-mem -m 1536"


def unpacked():
    """Where the packages are, fetched if they are not there."""
    done = subprocess.run([f"{ROOT}/bench/ovs_packages.sh"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise Missing(f"the package openvswitch-switch-dpdk cannot be had: {done.stderr.strip()}")
    return sorted(glob.glob(f"{ROOT}/deps/ovs/*"))[-1]


class Ovs:
    """It, with a bridge br0 in userspace."""

    def __init__(self, drivers):
        self.drivers = drivers
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.tree = unpacked()
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.stack.close)
            self.folder = tempfile.mkdtemp(prefix="pvn-ovs-")
            self.stack.callback(shutil.rmtree, self.folder)
            self._start()
            on_failure.pop_all()
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def _start(self):
        libraries = (f"{BUILD}/pmds", *glob.glob(f"{self.tree}/usr/lib/*-linux-gnu"),
                     *glob.glob(f"{self.tree}/lib/*-linux-gnu"))
        self.env = os.environ | {
            "OVS_RUNDIR": self.folder, "OVS_LOGDIR": self.folder, "OVS_DBDIR": self.folder,
            "OVS_SYSCONFDIR": self.folder, "RUNTIME_DIRECTORY": self.folder,
            "LD_LIBRARY_PATH": ":".join(libraries)}
        self._tool("ovsdb-tool", "create", f"{self.folder}/conf.db",
                   f"{self.tree}/usr/share/openvswitch/vswitch.ovsschema")
        database = f"unix:{self.folder}/db.sock"
        self.vsctl = ["ovs-vsctl", f"--db={database}", "--timeout=30"]
        self._run(f"{self.folder}/db.sock", f"{self.tree}/usr/sbin/ovsdb-server",
                  f"{self.folder}/conf.db", f"--remote=p{database}",
                  f"--unixctl={self.folder}/db.ctl")
        self.set_up()
        self.daemon = self._run(
            f"{self.folder}/ovs.ctl", "unshare", "--net",
            f"{self.tree}/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk", database,
            f"--unixctl={self.folder}/ovs.ctl", f"--log-file={self.folder}/ovs.log",
            "-vconsole:off")
        self.ctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")

    def set_up(self):
        """What the database says before the switch starts."""
        eal = " ".join([MEMORY, "--no-pci", f"--file-prefix=ovs{os.getpid()}",
                        *(f"-d librte_net_{driver}.so" for driver in self.drivers)])
        settings = {"dpdk-init": "true", "pmd-cpu-mask": "0x1", "dpdk-lcore-mask": "0x2",
                    "dpdk-extra": f'"{eal}"'}
        self.ctl("--no-wait", "init")
        self.ctl("--no-wait", "set", "Open_vSwitch", ".",
                 *(f"other_config:{key}={value}" for key, value in settings.items()))

    def _run(self, path, *command):
        """A daemon, and the socket by which it says that it is there."""
        program = Program(list(command), env=self.env)
        self.stack.callback(program.close)
        program.wait_until(lambda: program.check_alive() or os.path.exists(path), f"{path} is there")
        return program

    def _tool(self, name, *args):
        """One of its tools; what it said."""
        path = next(p for p in (f"{self.tree}/usr/bin/{name}", f"{self.tree}/usr/sbin/{name}")
                    if os.path.exists(p))
        done = subprocess.run([path, *args], capture_output=True, text=True, timeout=TIMEOUT,
                              check=False, env=self.env)
        if done.returncode != 0:
            raise KitError(f"{name} {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout + done.stderr

    def ctl(self, *words):
        """ovs-vsctl."""
        return self._tool(*self.vsctl, *words)

    def ask(self, *words):
        """ovs-appctl."""
        return self._tool("ovs-appctl", "-t", f"{self.folder}/ovs.ctl", *words)

    def add_port(self, name, devargs, *more):
        """A port of DPDK; what ovs-vsctl said."""
        return self.ctl("add-port", "br0", name, "--", "set", "Interface", name, "type=dpdk",
                        f'options:dpdk-devargs="{devargs}"', *more)

    def get(self, name, column):
        return self.ctl("get", "Interface", name, column).strip().strip('"')

    def wait_for(self, name, column, wanted):
        """Ask until a column of an interface is that; tools take as long as a wait would."""
        end = time.monotonic() + TIMEOUT
        while (got := self.get(name, column)) != wanted:
            if time.monotonic() > end:
                raise KitError(f"{column} of {name} is {got} after {TIMEOUT} s, expected {wanted}:\n"
                               f"{self.log()}")

    def statistics(self, name):
        """The counters of an interface now, the driver's own among them."""
        self.ctl("set", "Open_vSwitch", ".", "other_config:stats-update-interval=100")
        pairs = self.get(name, "statistics").strip("{}").split(", ")
        return {key: int(value) for key, value in (pair.split("=") for pair in pairs if pair)}

    def wait_for_statistics(self, name, **wanted):
        """Ask until counters have these values: it renews them from time to time."""
        end = time.monotonic() + TIMEOUT
        while True:
            counters = self.statistics(name)
            got = {key: counters.get(key, 0) for key in wanted}
            if got == wanted:
                return
            if time.monotonic() > end:
                raise KitError(f"counters of {name}: {got}, expected {wanted}")

    def log(self):
        """The end of its log."""
        with open(f"{self.folder}/ovs.log", encoding="utf-8") as file:
            return file.read()[-3000:]
