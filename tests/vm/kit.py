# SPDX-License-Identifier: BSD-3-Clause
"""Virtual machines for tests: boot one in seconds, run commands in it, talk to testpmd in it.

    with FrameSocket() as wire, Vm("demo", nics=[Nic(wire)]) as vm:
        vm.bind("0000:00:03.0", "uio_pci_generic")
        pmd = vm.testpmd(["-a", "0000:00:03.0"], ["--forward-mode=rxonly"])
        print(pmd.cmd("show port info 0"))
        pmd.quit()

How it works. QEMU runs without KVM, displays or default devices. Each of its four serial ports and
its QMP monitor is one end of a socket pair, so there are no socket files, and nothing is left
behind whatever happens to the test:

    ttyS0  kernel messages             vm.console()
    ttyS1  the agent (guest/agent)     vm.run(), vm.check(), vm.put()
    ttyS2  an interactive program      vm.program(), vm.testpmd()
    ttyS3  another one

One function, Vm.wait(), waits for everything: it reads all channels until a condition holds, the
time is up (VmTimeout), or QEMU is gone (VmDied). QEMU is killed with the process that started it,
even if that is killed with SIGKILL. Nothing here runs in a thread: a test waiting for something
else does not read the channels, and QEMU waits when one is full (some 200 KB).
"""

import base64
import json
import os
import re
import secrets
import selectors
import shlex
import signal
import socket
import time
from dataclasses import dataclass, field

import children
import initramfs
from errors import CommandFailed, KitError, Missing, VmDied, VmError, VmTimeout  # noqa: F401
from netends import FrameSocket, Namespace, Tap, exchange, link  # noqa: F401  (part of the kit)

BUILD = f"{initramfs.ROOT}/build/vm"
# Name, I/O port, interrupt: each has one of its own, so that the ports do not wait for each other.
SERIAL_PORTS = (("S0", 0x3F8, 4), ("S1", 0x2F8, 3), ("S2", 0x3E8, 5), ("S3", 0x2E8, 7))
CHUNK = 24 * 1024  # a serial port loses input beyond 64 KiB that nobody has read yet

# Booting takes 3 to 4 s, of which the huge pages cost 0.7 s. Without PVH entry (see initramfs.py)
# it would be 6 s more, and with the kernel's self tests of its ciphers 1 s more.
#
# A kernel patches its own code while it boots. When another processor runs that code at that time,
# QEMU's translator may keep what it had translated, and the processors trap for ever on a
# breakpoint that is no longer there (1 of 75 boots on a busy machine). So the kernel boots on one
# processor, and guest/rc starts the others.
COMMAND_LINE = (
    "console=ttyS0 quiet panic=-1 maxcpus=1 noreplace-smp no_timer_check nokaslr mitigations=off "
    "no5lvl tsc=reliable audit=0 random.trust_cpu=on cryptomgr.notests "
    "initcall_blacklist=crypto_kdf108_init"
)


@dataclass
class Nic:
    """A network device of the guest, at PCI address 0000:00:<slot>.0 unless BUS says otherwise.

    END is where its frames go: FrameSocket, Tap, one end of link(), or None for nowhere. The n-th
    device of a machine gets slot 3 + n unless it says otherwise; OPTIONS are more QEMU device
    options.
    """
    end: object = None
    model: str = "vmxnet3"
    mac: str | None = None
    slot: int | None = None
    bus: str | None = None
    options: str = ""

    def arguments(self, number):
        """QEMU's arguments for this device, named nic<number>, its backend net<number>."""
        slot = 3 + number if self.slot is None else self.slot
        mac = self.mac or f"02:00:00:00:00:{number + 1:02x}"
        device = f"{self.model},id=nic{number},mac={mac},addr={slot:#x},romfile="
        if self.bus:
            device += f",bus={self.bus}"
        if self.options:
            device += f",{self.options}"
        if self.end is None:
            return ["-device", device]
        return ["-netdev", f"{self.end.netdev},id=net{number}", "-device",
                f"{device},netdev=net{number}"]


class Channel:
    """Our end of a socket pair, the other being a character device of QEMU; keeps all it reads."""

    def __init__(self):
        self.sock, self.theirs = socket.socketpair()
        self.sock.settimeout(30)  # for sending; reading happens only when there is something
        self.data = bytearray()
        self.open = True

    def read(self):
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionError:
            data = b""
        self.data += data
        self.open = bool(data)

    def text(self, start=0, end=None):
        return clean(self.data[start:end])

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            self.open = False


class Search:
    """Look for a pattern in a growing channel without reading the same data again and again."""

    def __init__(self, channel, pattern, start=0, reach=64):
        self.channel, self.pattern = channel, re.compile(pattern)
        self.start, self.reach = start, reach

    def __call__(self):
        found = self.pattern.search(self.channel.data, self.start)
        # A match may have arrived in part: at most REACH bytes of it.
        self.start = max(self.start, len(self.channel.data) - self.reach)
        return found


def clean(data):
    """Terminal output as plain text: without escape sequences and carriage returns."""
    return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\r", b"", data).decode(errors="replace")


@dataclass
class Vm:
    """A running guest; use it in a with statement.

    MACHINE is q35 or pc. HUGEPAGES are of 2 MiB. FILES maps guest paths to files of this machine to
    take along, programs with their libraries. MODULES are more kernel modules to take along (not to
    load). EXTRA are more QEMU arguments, and FDS the file descriptors these mention.
    """
    name: str
    machine: str = "q35"
    smp: int = 2
    mem_mb: int = 1024
    nics: list = field(default_factory=list)
    hugepages: int = 128
    extra: list = field(default_factory=list)
    fds: list = field(default_factory=list)
    files: dict = field(default_factory=dict)
    modules: tuple = ()
    append: str = ""
    accel: str = "tcg,thread=multi"
    cpu: str = "max"
    boot_timeout: float = 90

    def __enter__(self):
        self.process = None
        self.channels = {name: Channel() for name in ("S0", "S1", "S2", "S3", "qmp")}
        self.programs = {}
        self.events = []
        self.busy = None
        self.log = os.memfd_create(f"{self.name}-qemu")
        try:
            self._start_qemu()
            self._wait_boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, _kind, error, _traceback):
        if isinstance(error, Exception) and not isinstance(error, VmError):
            error.add_note(f"vm {self.name}:{self.report()}")
        self.close()

    def close(self):
        """End QEMU, at once and by its process id. May be called twice."""
        if self.process is not None:
            children.end(self.process)
        for channel in self.channels.values():
            channel.sock.close()
            channel.theirs.close()
        if self.log is not None:
            os.close(self.log)
        self.process = self.log = None
        self.channels = {}

    # Starting

    def _arguments(self):
        kernel = initramfs.Kernel()
        initrd = initramfs.build(kernel, BUILD, self.files, self.modules)
        command_line = f"{COMMAND_LINE} hugepages={self.hugepages} {self.append}"
        args = [initramfs.need_program("qemu-system-x86_64"), "-name", self.name,
                "-machine", self.machine, "-accel", self.accel, "-cpu", self.cpu,
                "-smp", str(self.smp), "-m", str(self.mem_mb), "-nodefaults", "-no-user-config",
                "-no-reboot", "-display", "none", "-kernel", kernel.image(BUILD), "-initrd", initrd,
                "-append", command_line]
        for name, channel in self.channels.items():
            args += ["-chardev", f"socket,id={name},fd={channel.theirs.fileno()}"]
        for name, port, irq in SERIAL_PORTS:
            args += ["-device", f"isa-serial,chardev={name},iobase={port:#x},irq={irq}"]
        args += ["-mon", "chardev=qmp,mode=control"]
        args += self.extra  # first, for it may hold the buses of devices
        for number, nic in enumerate(self.nics):
            args += nic.arguments(number)
        return args

    def _start_qemu(self):
        args = self._arguments()
        fds = [channel.theirs.fileno() for channel in self.channels.values()] + self.fds
        fds += [fd for nic in self.nics if nic.end is not None for fd in nic.end.fds]
        self.process = children.start(args, stdout=self.log, stderr=self.log, pass_fds=fds)
        for channel in self.channels.values():
            channel.theirs.close()

    def _wait_boot(self):
        self.qmp("qmp_capabilities")
        agent = self.channels["S1"]
        self.wait(lambda: b"agent ready\n" in agent.data, self.boot_timeout, "booting")

    # Waiting

    def wait(self, condition, timeout, what):
        """Read all channels until CONDITION() is neither None nor False, and return that."""
        deadline = time.monotonic() + timeout
        while (value := condition()) is None or value is False:
            if not self.channels["qmp"].open:
                raise self.error(VmDied, f"QEMU ended while {what}")
            left = deadline - time.monotonic()
            if left <= 0 or not self._read_channels(left):
                raise self.error(VmTimeout, f"{timeout:g} s were not enough for {what}")
        return value

    def _read_channels(self, timeout):
        """Wait until something arrives and read it; False when nothing does in time."""
        with selectors.DefaultSelector() as selector:
            for channel in self.channels.values():
                if channel.open:
                    selector.register(channel.sock, selectors.EVENT_READ, channel)
            ready = selector.select(timeout) if selector.get_map() else []
        for key, _ in ready:
            key.data.read()
        return bool(ready)

    def console(self, lines=50):
        """The last lines the guest's kernel printed."""
        return "\n".join(self.channels["S0"].text().splitlines()[-lines:])

    def report(self):
        """What QEMU, the guest's kernel and its programs said last, for messages about failures."""
        while self._read_channels(0):
            pass
        start = max(0, os.fstat(self.log).st_size - 4000)
        qemu = os.pread(self.log, 4000, start).decode(errors="replace").strip()
        sections = [("QEMU says", qemu), ("console", self.console())]
        sections += [(program.command, program.output()[-4000:])
                     for program in self.programs.values()]
        return "".join(f"\n--- {title}\n{text}" for title, text in sections if text)

    def error(self, kind, message):
        """An exception that shows the state of the guest."""
        if kind is VmDied:
            self.process.wait()  # so that its last words are complete
        return kind(f"vm {self.name}: {message}{self.report()}")

    # Commands

    def run(self, script, timeout=60):
        """Run shell lines in the guest; returns (exit code, output of both kinds as text)."""
        if len(script) > CHUNK:
            self.put("/run/long-script", script.encode())
            script = ". /run/long-script"
        if self.busy:
            raise self.error(VmError, f"the guest is still busy with: {self.busy}")
        agent, mark = self.channels["S1"], secrets.token_hex(8)
        agent.data.clear()
        self.busy = script
        agent.send(f"{mark} {base64.b64encode(script.encode()).decode()}\n".encode())
        ending = Search(agent, rb"\n%s (\d+)\n" % mark.encode())
        found = self.wait(ending, timeout, f"running {script!r}")
        self.busy = None
        return int(found[1]), agent.text(0, found.start())

    def check(self, script, timeout=60):
        """As run(), for commands that must succeed; returns the output alone."""
        code, output = self.run(script, timeout)
        if code != 0:
            raise self.error(CommandFailed, f"{script!r} ended with {code}\n{output}")
        return output

    def put(self, path, data, mode=0o644):
        """Write a file in the guest."""
        path = shlex.quote(path)
        self.check(f": >{path}; chmod {mode:o} {path}")
        for start in range(0, len(data), CHUNK // 2):
            text = base64.b64encode(data[start:start + CHUNK // 2]).decode()
            self.check(f"base64 -d >>{path} <<.\n{text}\n.")

    def address(self, device):
        """PCI address of a device, given by its number in self.nics or by QEMU's id for it."""
        name = f"nic{device}" if isinstance(device, int) else device
        buses = self.qmp("query-pci")
        while buses:
            for found in buses.pop()["devices"]:
                if found["qdev_id"] == name:
                    return f"0000:{found['bus']:02x}:{found['slot']:02x}.{found['function']}"
                if "devices" in found.get("pci_bridge", {}):
                    buses.append(found["pci_bridge"])
        raise KitError(f"vm {self.name}: there is no PCI device {name}")

    def bind(self, address, driver):
        """Give a PCI device to a kernel driver, for example uio_pci_generic or vmxnet3."""
        device = f"/sys/bus/pci/devices/{address}"
        self.check(f"modprobe {driver.replace('-', '_')} && "
                   f"echo {driver} >{device}/driver_override && "
                   f"{{ [ ! -e {device}/driver ] || echo {address} >{device}/driver/unbind; }} && "
                   f"echo {address} >/sys/bus/pci/drivers_probe && "
                   f"[ $(basename $(readlink {device}/driver)) = {driver} ]")

    # Interactive programs

    def program(self, command, prompt=None):
        """Start a command on a serial port of its own (there are two); returns a Program.

        One command with its arguments: a pipe or list of commands goes into sh -c '...'.
        """
        busy = [port for port, other in self.programs.items() if other.code() is None]
        free = [port for port in ("S2", "S3") if port not in busy]
        if not free:
            raise KitError(f"vm {self.name}: both ports for programs are taken")
        return Program(self, free[0], command, prompt)

    def testpmd(self, eal, args, timeout=60):
        """Start testpmd interactively and wait for its prompt; returns a Program."""
        command = shlex.join(["dpdk-testpmd", *eal, "--", "-i", *args])
        program = self.program(command, "testpmd> ")
        program.wait("testpmd> ", timeout)
        return program

    # QEMU's monitor

    def qmp(self, command, timeout=20, **arguments):
        """Execute a QMP command; underscores in argument names stand for dashes."""
        mark = secrets.token_hex(8)
        arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
        message = {"execute": command, "arguments": arguments, "id": mark}
        self.channels["qmp"].send(json.dumps(message).encode() + b"\n")
        answers = []

        def answered():
            answers.extend(self._read_qmp())
            return next((answer for answer in answers if answer.get("id") == mark), None)

        answer = self.wait(answered, timeout, f"executing QMP {command}")
        if "error" in answer:
            raise self.error(VmError, f"QMP {command}: {answer['error']['desc']}")
        return answer["return"]

    def wait_event(self, name, timeout=20, **data):
        """Wait for a QMP event whose data has these values; returns it, and forgets it."""
        def arrived():
            list(self._read_qmp())
            return next((event for event in self.events if event["event"] == name
                         and data.items() <= event.get("data", {}).items()), None)

        event = self.wait(arrived, timeout, f"waiting for event {name}")
        self.events.remove(event)
        return event

    def _read_qmp(self):
        """Take whole messages from the channel: events are kept, answers returned."""
        channel = self.channels["qmp"]
        whole, newline, rest = channel.data.rpartition(b"\n")
        channel.data = rest
        for line in (whole + newline).splitlines():
            message = json.loads(line)
            if "event" in message:
                self.events.append(message)
            else:
                yield message


class Program:
    """A program in the guest with a serial port as its terminal.

    What it prints is read in order: wait() and cmd() continue where the last one ended.
    """

    def __init__(self, vm, port, command, prompt):
        self.vm, self.port, self.command, self.prompt = vm, port, command, prompt
        self.channel = vm.channels[port]
        self.channel.data.clear()
        self.mark = secrets.token_hex(8)
        self.position = self.start = 0
        vm.programs[port] = self
        vm.check("start-stop-daemon -S -b -x /etc/program -- "
                 f"tty{port} {self.mark} {shlex.quote(command)}")
        started = Search(self.channel, rb"%s pid (\d+)\r?\n" % self.mark.encode())
        found = vm.wait(started, 20, f"starting {command}")
        self.pid = int(found[1])
        self.position = self.start = found.end()

    def code(self):
        """The exit code, 128 + signal number for one that was killed; None while it runs."""
        pattern = rb"%s exit (\d+)\r?\n" % self.mark.encode()
        found = re.search(pattern, self.channel.data[-64:])
        return int(found[1]) if found else None

    def output(self):
        """All it has printed and we have read so far."""
        return self.channel.text(self.start)

    def wait(self, text, timeout=60):
        """Wait until the program prints TEXT; returns what it printed before that."""
        search = Search(self.channel, re.escape(text.encode()), self.position, len(text) * 4)

        def printed():
            found = search()
            if found is None and self.code() is not None:
                raise self.vm.error(VmError, f"the program ended with {self.code()} before it "
                                              f"printed {text!r}")
            return found

        found = self.vm.wait(printed, timeout, f"waiting for {text!r} from {self.command}")
        before = self.channel.text(self.position, found.start())
        self.position = found.end()
        return before

    def send(self, text):
        self.channel.send(text.encode())

    def cmd(self, line, timeout=60):
        """Type a line; returns what the program prints up to its next prompt, without the echo."""
        self.send(line + "\n")
        answer = self.wait(self.prompt, timeout)
        first, _, rest = answer.partition("\n")
        return rest if first.strip() == line.strip() else answer

    def ended(self, timeout=60):
        """Wait until the program has ended; returns its exit code and frees its port."""
        code = self.vm.wait(self.code, timeout, f"waiting for the end of {self.command}")
        self.vm.programs.pop(self.port, None)
        return code

    def quit(self, line="quit", timeout=60):
        """Type the line that ends the program; returns the exit code."""
        self.send(line + "\n")
        return self.ended(timeout)

    def kill(self, number=signal.SIGKILL, timeout=60):
        """Send a signal; returns the exit code once the program has ended."""
        self.vm.check(f"kill -{int(number)} {self.pid}")
        return self.ended(timeout)
