# SPDX-License-Identifier: BSD-3-Clause
"""Xen for tests: boot the real hypervisor in QEMU, with a dom0 and any number of other domains.

    with XenHost("demo") as dom0:
        one, two = dom0.create("one"), dom0.create("two", vifs=["mac=00:16:3e:00:00:01"])
        print(dom0.check("xl list"), one.check("uname -r"))
        pmd = one.testpmd(["--no-huge", "--vdev=net_null0"], [])
        print(pmd.cmd("show port info 0"))
        two.destroy()

      this machine       QEMU, emulating every instruction
     +------------+     +---------------------------------------------------+
     |  XenHost <-|- S0 |-> com1, the console of Xen and of dom0            |
     |     agent<-|- S1 |-> virtio port, the agent in dom0                  |
     |            |     |      +- sh, testpmd, ...                          |
     |   Domain <-|     |      +- xenconsole <-> console of a domain: agent |
     +------------+     |      +- xenconsole ...               +- sh, ...   |
                        +---------------------------------------------------+

Domains are paravirtual (PV) unless a test asks for PVH, and run the distribution's kernel; there is
nothing in them that they need for the test alone but the agent (xen/agent.c), which runs any number
of programs at once.
XenHost is a kit.Vm: what waits there waits here, QEMU ends as it does there, and the same methods
run commands in dom0 and in a Domain. DPDK takes --no-huge: PV domains have no huge pages.
"""

import atexit
import os
import shlex
from dataclasses import dataclass, field

import initramfs
import xenimage
from errors import CommandFailed, VmDied, VmError
from kit import BUILD, Vm
from xenagent import Agent

# No cleaning of memory, power states or protection against other guests' speculation: under
# emulation they only take time. For eager-fpu see CPU.
XEN_OPTIONS = (
    "console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning bootscrub=0 "
    "spec-ctrl=no,eager-fpu xpti=no pv-l1tf=no cpufreq=none cpuidle=0 watchdog=0"
)
# With SMAP and SMEP dom0 crashes at boot. With XSAVE (and AVX, which needs it) programs lose vector
# registers when Xen switches domains, and crash now and then, xl most. Either of no XSAVE and
# eager-fpu cures that. With RDTSCP a PVH domain stops before its first line.
CPU = "max,-smap,-smep,-xsave,-avx,-avx2,-fma,-f16c,-rdtscp"
KERNEL_OPTIONS = (
    "console=hvc0 quiet panic=-1 mitigations=off tsc=reliable audit=0 random.trust_cpu=on "
    "cryptomgr.notests initcall_blacklist=crypto_kdf108_init"
)
# What DPDK takes in a PV domain with one processor: testpmd wants a second lcore for its prompt.
EAL = ("--no-huge", "--no-pci", "--lcores=0@0,1@0", "-m", "64")


class Commands:
    """Running programs in a domain; for classes with an agent, wait() and error()."""

    def start(self, script, timeout=60):
        """Start a shell script in the background, input by pipe; returns a XenProgram."""
        return self._started(self.agent.start(self, "pipe", script), timeout)

    def program(self, command, prompt=None, timeout=60):
        """Start a command with a terminal of its own; returns a XenProgram."""
        started = self.agent.start(self, "pty", f"stty -echo; exec {command}", command, prompt)
        return self._started(started, timeout)

    def _started(self, program, timeout):
        self.wait(lambda: program.pid is not None, timeout, f"starting {program.command}")
        return program

    def run(self, script, timeout=60):
        """Run shell lines without input; returns (exit code, output of both kinds as text)."""
        program = self.agent.start(self, "pipe", f"exec </dev/null\n{script}", script)
        code = program.ended(timeout)
        return code, program.channel.text()

    check = Vm.check
    put = Vm.put
    testpmd = Vm.testpmd


@dataclass
class XenHost(Commands, Vm):
    """Xen and its dom0, in which the methods for commands run them; use it in a with statement.

    FILES, MODULES and EXTRA are as in Vm; files and modules are there in every domain. The rest of
    MEM_MB, apart from DOM0_MB and some 100 MB of Xen's own, is for other domains.
    """
    smp: int = 2
    mem_mb: int = 3072
    dom0_mb: int = 1024
    dom0_vcpus: int = 1
    xen_append: str = ""
    cpu: str = CPU
    domid = 0
    boot_timeout: float = 120
    domains: list = field(default_factory=list)

    # Starting

    def _arguments(self):
        xen, kernel = xenimage.Xen(), initramfs.Kernel()
        archive = xenimage.build(xen, kernel, BUILD, self.files, self.modules)
        options = (f"{XEN_OPTIONS} dom0_mem={self.dom0_mb}M,max:{self.dom0_mb}M "
                   f"dom0_max_vcpus={self.dom0_vcpus} {self.xen_append}")
        args = [initramfs.need_program("qemu-system-x86_64"), "-name", self.name,
                "-machine", self.machine, "-accel", self.accel, "-cpu", self.cpu,
                "-smp", str(self.smp), "-m", str(self.mem_mb), "-nodefaults", "-no-user-config",
                "-no-reboot", "-display", "none", "-kernel", xen.image(BUILD), "-append", options,
                "-initrd", f"{kernel.image(BUILD)} {KERNEL_OPTIONS} {self.append},{archive}"]
        for name, channel in self.channels.items():
            args += ["-chardev", f"socket,id={name},fd={channel.theirs.fileno()}"]
        args += ["-device", "isa-serial,chardev=S0,iobase=0x3f8,irq=4", "-device", "virtio-serial",
                 "-device", "virtserialport,chardev=S1", "-mon", "chardev=qmp,mode=control"]
        for number, nic in enumerate(self.nics):
            args += nic.arguments(number)
        return args + self.extra

    def _wait_boot(self):
        self.agent = Agent(self.channels["S1"].send)
        self.programs = self.agent.programs
        self.domains = []
        self.qmp("qmp_capabilities")
        self.wait(lambda: self.agent.ready, self.boot_timeout, "booting")

    def _read_channels(self, timeout):
        read = super()._read_channels(timeout)
        agent = self.channels["S1"]
        if agent.data:
            data = bytes(agent.data)
            agent.data.clear()
            self.agent.feed(data)
        return read

    def report(self):
        """What QEMU, Xen, dom0, the other domains and their programs said last."""
        while self._read_channels(0):
            pass
        start = max(0, os.fstat(self.log).st_size - 4000)
        qemu = os.pread(self.log, 4000, start).decode(errors="replace").strip()
        sections = [("QEMU says", qemu), ("console of Xen and dom0", self.console(20))]
        sections += said(self)
        for domain in self.domains:
            sections.append((f"console of {domain.name}", domain.console()))
            sections += said(domain)
        return "".join(f"\n--- {title}\n{text}" for title, text in sections if text)

    # Domains

    def create(self, name, **options):
        """Have xl create a domain; returns a Domain, which may still be booting."""
        domain = Domain(self, name, **options)
        domain.create()
        return domain


def said(domain):
    """What each program of a domain printed last, for messages about failures."""
    return [(f"{domain.name}: {program.command}", program.output()[-4000:])
            for program in domain.programs.values()]


@dataclass
class Domain(Commands):
    """A domain other than dom0. Its first command waits until it has booted.

    VIFS are vif specifications of xl; EXTRA are more lines of its configuration, for example
    "driver_domain=1"; CPUS says where its processors run, as in "cpus" of xl.cfg(5).
    """
    host: XenHost
    name: str
    mem_mb: int = 320
    vcpus: int = 1
    vifs: list = field(default_factory=list)
    extra: list = field(default_factory=list)
    cpus: str | None = None
    append: str = ""
    kind: str = "pv"  # or pvh
    boot_timeout: float = 90

    def config(self):
        """The file for xl create."""
        vifs = ", ".join(f"'{vif},script=vif-kit'" for vif in self.vifs)
        lines = [f"name = '{self.name}'", f"type = '{self.kind}'", "tsc_mode = 'native'",
                 "kernel = '/boot/vmlinux'", "ramdisk = '/boot/domain.cpio'",
                 f"extra = '{KERNEL_OPTIONS} {self.append}'", f"memory = {self.mem_mb}",
                 f"vcpus = {self.vcpus}", f"vif = [{vifs}]", "on_crash = 'destroy'", *self.extra]
        if self.cpus is not None:
            lines.append(f"cpus = '{self.cpus}'")
        return "\n".join(lines)

    def create(self):
        file = f"/run/xen/{self.name}.cfg"
        self.host.check(f"cat >{file} <<'.'\n{self.config()}\n.\nxl create -q {file}", timeout=60)
        self._booting()

    def _booting(self):
        """Its agent begins; whatever ran before is forgotten."""
        self.agent = Agent(self._send)
        self.programs = self.agent.programs
        self._attach()

    def _attach(self):
        """Find the domain's number and connect to its console."""
        self.domid = int(self.host.check(f"xl domid {shlex.quote(self.name)}"))
        self.link = self.host.agent.start(self.host, "pipe",
                                          f"exec xenconsole --interactive --type pv {self.domid}",
                                          f"xenconsole of {self.name}", sink=self.agent.feed)
        if self not in self.host.domains:
            self.host.domains.append(self)

    def _send(self, data):
        self.wait(lambda: self.agent.ready, self.boot_timeout, "booting")
        self.host.agent.post(self.link.port, "in", data)

    def console(self, lines=50):
        """The last lines the domain's kernel printed."""
        text = self.agent.console.decode(errors="replace").replace("\r", "")
        return "\n".join(text.splitlines()[-lines:])

    # Waiting

    def wait(self, condition, timeout, what):
        """As Vm.wait(); ends with VmDied when the domain does."""
        def either():
            value = condition()
            if (value is None or value is False) and self.link.code() is not None:
                raise self.error(VmDied, f"the domain ended while {what}")
            return value

        return self.host.wait(either, timeout, f"{what} in {self.name}")

    def error(self, kind, message):
        return kind(f"domain {self.name}: {message}{self.host.report()}")

    # The kernel's network device

    def vif(self, number=0):
        """The name of netback's device in dom0."""
        return f"vif{self.domid}.{number}"

    def bring_up(self, address=None):
        """Have the kernels connect the first vif: eth0 in the domain, vif() in dom0, both up."""
        self.check("modprobe xen_netfront; until [ -e /sys/class/net/eth0 ]; do :; done; "
                   f"{f'ip addr add {address} dev eth0; ' if address else ''}ip link set eth0 up")
        self.host.check(f"ip link set {self.vif()} up; "
                        f"until grep -q up /sys/class/net/{self.vif()}/operstate; do :; done")

    # Life

    def destroy(self):
        """End the domain at once, unless it has ended, and wait until its console is gone."""
        self.host.check(f"xl destroy {self.domid} || ! xl list {self.domid}", timeout=60)
        self._detach()

    def shutdown(self):
        """Have its kernel end its programs and power off."""
        self.host.check(f"xl shutdown -w {self.domid}", timeout=60)
        self._detach()

    def reboot(self):
        """Have its kernel start anew at once; xl makes the same domain again, with a new number."""
        before = self.domid
        self.agent.start(self, "pipe", "echo b >/proc/sysrq-trigger")
        self._detach()
        name = shlex.quote(self.name)
        self.host.check(f"until id=$(xl domid {name}) && [ $id != {before} ]; do :; done 2>&-",
                        timeout=60)
        self._booting()

    def pause(self):
        self.host.check(f"xl pause {self.domid}")

    def unpause(self):
        self.host.check(f"xl unpause {self.domid}")

    def save(self, path):
        """Stop the domain and keep its state in a file of dom0."""
        self.host.check(f"xl save {self.domid} {shlex.quote(path)}", timeout=120)
        self._detach()

    def restore(self, path):
        """Let it go on from a file, with a new number; its programs do not notice."""
        self.host.check(f"xl restore {shlex.quote(path)}", timeout=120)
        self._attach()

    def _detach(self):
        """The domain is gone, and with it its console."""
        self.link.ended(timeout=60)
        self.host.domains.remove(self)


class Shared:
    """One XenHost for the tests of a program, since booting takes long. Use it like this:

        XEN = Shared("tests")

        def test_something():
            with XEN as dom0:
                one = dom0.create("one")

    It boots for the first test and ends with the program. Domains are destroyed after each test. A
    test that ends with a timeout or the like may leave anything behind: the next one boots anew.
    """

    def __init__(self, name, **options):
        self.host = XenHost(name, **options)
        self.running = False
        atexit.register(self.close)

    def __enter__(self):
        if not self.running:
            self.host.__enter__()
            self.running = True
        return self.host

    def __exit__(self, _kind, error, _traceback):
        if isinstance(error, VmError) and not isinstance(error, CommandFailed):
            self.close()
            return
        if isinstance(error, Exception) and not isinstance(error, VmError):
            error.add_note(f"vm {self.host.name}:{self.host.report()}")
        try:
            for domain in [*self.host.domains]:
                domain.destroy()
        except VmError:
            self.close()
            raise

    def close(self):
        if self.running:
            self.host.close()
        self.running = False
