#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The VM kit itself: what goes in comes out, and nothing is left behind when things go wrong."""

import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time

import checks
import children
import initramfs
import netends
from checks import expect, expect_raises
from errors import CommandFailed, KitError, Missing, VmDied, VmError, VmTimeout
from kit import FrameSocket, Namespace, Nic, Tap, Vm, exchange, link

HERE = os.path.dirname(os.path.abspath(__file__))


def small(name, **options):
    """A guest for tests that need little: without huge pages it boots faster."""
    return Vm(name, mem_mb=512, hugepages=0, **options)


def test_commands():
    """exit codes, output of both kinds, large and odd, long scripts and files come through"""
    with small("commands") as vm:
        expect(vm.run("echo out; echo err >&2; exit 3"), (3, "out\nerr\n"), "exit code and output")
        expect(vm.run("printf 'no newline'; false"), (1, "no newline"), "output without newline")
        expect(vm.check(""), "", "empty script")
        expect(vm.check("printf 'a\\tb\\nc d\\n'; cat"), "a\tb\nc d\n", "tabs, and no input")
        numbers = "".join(f"{i}\n" for i in range(1, 60001))
        expect(vm.check("seq 1 60000", timeout=60), numbers, "a third of a megabyte")
        expect(vm.check("\n".join(f"echo {i}" for i in range(8000)), timeout=60).count("\n"), 8000,
               "lines of a script of 80 KB")
        data = random.randbytes(100_000)
        vm.put("/tmp/with space", data)
        expect(vm.check("wc -c <'/tmp/with space'").strip(), "100000", "size of a file")
        error = expect_raises(CommandFailed, vm.check, "echo reason; exit 9")
        expect("ended with 9\nreason" in str(error), True, "message of a failed command")


def test_system():
    """mounts, loopback, huge pages, modules and real iproute2 are there"""
    with Vm("system", hugepages=32) as vm:
        mounts = vm.check("cut -d' ' -f2 /proc/mounts").split()
        expect({"/proc", "/sys", "/dev/shm", "/dev/hugepages"} - set(mounts), set(), "not mounted")
        expect(vm.check("cat /proc/sys/vm/nr_hugepages"), "32\n", "huge pages")
        expect(vm.check("nproc"), "2\n", "processors")
        expect("iproute2" in vm.check("ip -V"), True, "ip is iproute2's")
        vm.check("ip link show lo | grep -q UP && [ -d /var/run ] && [ -d /tmp ]")
        for module in ("uio_pci_generic", "vfio-pci", "vmxnet3", "bridge", "veth", "tun"):
            vm.check(f"modprobe {module}")


def test_hang():
    """a command that hangs ends with VmTimeout within its limit, and says so"""
    with small("hang") as vm:
        start = time.monotonic()
        error = expect_raises(VmTimeout, vm.run, "echo before; sleep 1000", timeout=2)
        expect(time.monotonic() - start < 4, True, "within the limit")
        expect("sleep 1000" in str(error), True, "the message names the command")
        error = expect_raises(VmError, vm.run, "true")
        expect("still busy" in str(error), True, "the next command is refused")


def test_panic():
    """a kernel panic and a power-off end with VmDied and the console"""
    with small("panic") as vm:
        error = expect_raises(VmDied, vm.run, "echo c >/proc/sysrq-trigger", timeout=20)
        expect("Kernel panic" in str(error), True, "the console shows the panic")
        expect_raises(VmError, vm.run, "true")
    with small("off") as vm:
        expect_raises(VmDied, vm.run, "poweroff -f", timeout=20)


def test_bad_arguments():
    """QEMU's own complaint is shown when it refuses to start"""
    error = expect_raises(VmDied, small("bad", extra=["-device", "no-such"]).__enter__)
    expect("no-such" in str(error), True, "QEMU's words are in the message")


def test_missing_program():
    """without QEMU one sentence says what is missing and what to do"""
    path, os.environ["PATH"] = os.environ["PATH"], "/nowhere"
    try:
        error = expect_raises(Missing, initramfs.need_program, "qemu-system-none")
    finally:
        os.environ["PATH"] = path
    expect(str(error), "the program qemu-system-none is not installed: run ./run setup", "message")


def run_child(code, number, folder):
    """Run a test in another process until it prints a word, and end it by a signal.

    Returns the word. FOLDER is for its temporary files.
    """
    code = ("from kit import *\nimport children\nchildren.leave_with_statements_on_signals()\n"
            + code)
    child = children.start([sys.executable, "-c", code], cwd=HERE, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True,
                           env=os.environ | {"TMPDIR": folder})
    word = child.stdout.readline().strip()
    child.send_signal(number)
    child.wait()
    child.stdout.close()
    return word


def ended(process_id, timeout=10):
    """Wait until any process is gone; returns whether it is."""
    try:
        handle = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    gone = bool(select.select([handle], [], [], timeout)[0])
    os.close(handle)
    return gone


def test_killed():
    """QEMU ends with the test that started it, by whichever signal, and leaves no files"""
    code = ("with Vm('child', mem_mb=512, hugepages=0) as vm:\n"
            "    print(vm.process.pid, flush=True); vm.run('sleep 1000', timeout=1000)")
    with tempfile.TemporaryDirectory() as folder:
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            qemu = run_child(code, number, folder)
            expect(ended(int(qemu)), True, f"QEMU ended when the test got signal {number}")
            print(f"  {signal.Signals(number).name}: QEMU, process {qemu}, is gone")
        expect(os.listdir(folder), [], "temporary files")


def namespaces():
    return netends.ip("netns", "list")


def test_killed_namespace():
    """a namespace goes with its test, after SIGKILL when the next one is made"""
    code = ("import time\n"
            "with Namespace('k') as host:\n"
            "    host.start('sleep 1000'); print(host.name, flush=True); time.sleep(1000)")
    with tempfile.TemporaryDirectory() as folder, Namespace("outer"):
        name = run_child(code, signal.SIGTERM, folder)
        expect(name.startswith("pvn"), True, f"{name} was made")
        expect(name in namespaces(), False, f"{name} is there after SIGTERM")
        name = run_child(code, signal.SIGKILL, folder)
        with Namespace("inner"):
            expect(name in namespaces(), False, f"{name} is there after SIGKILL")


def test_programs():
    """interactive programs: prompts, exit codes, a crash, two at a time"""
    with small("programs") as vm:
        shell = vm.program("env PS1='ready> ' dash -i", "ready> ")
        shell.wait("ready> ")
        expect(shell.cmd("stty -a 2>&1 | grep -o speed"), "speed\n", "it has a terminal")
        shell.send("stty isig; sleep 1000\n")
        vm.check("until pidof sleep; do :; done")
        shell.send("\x03")
        shell.wait("ready> ")
        other = vm.program("sleep 1000")
        expect_raises(KitError, vm.program, "true")
        expect(other.kill(), 128 + 9, "exit code after SIGKILL")
        crash = vm.program("dash -c 'kill -SEGV $$'", "> ")
        error = expect_raises(VmError, crash.wait, "never printed")
        expect("ended with 139" in str(error), True, "a crash is reported")
        expect(shell.quit("exit 5"), 5, "exit code")


def test_qmp():
    """QMP commands, errors and events: a device goes and comes while the guest runs"""
    with small("qmp", machine="pc", nics=[Nic()]) as vm:
        expect(vm.qmp("query-status")["status"], "running", "status")
        expect_raises(VmError, vm.qmp, "no-such-command")
        device = f"/sys/bus/pci/devices/{vm.address(0)}"
        vm.check(f"modprobe acpiphp 2>/dev/null; [ -e {device} ]")
        vm.qmp("device_del", id="nic0")
        vm.wait_event("DEVICE_DELETED", device="nic0")
        vm.check(f"[ ! -e {device} ]")
        vm.qmp("device_add", driver="vmxnet3", id="nic1", addr="0x5")
        expect(vm.address("nic1"), "0000:00:05.0", "address of the new device")
        expect_raises(VmTimeout, vm.wait_event, "DEVICE_DELETED", timeout=0.5)


def test_root_port():
    """on q35 a device behind a root port is found, and can be unplugged"""
    port = ["-device", "pcie-root-port,id=port0,chassis=1,addr=0x10"]
    with small("port", nics=[Nic(), Nic(bus="port0", slot=0)], extra=port) as vm:
        expect(vm.address(0), "0000:00:03.0", "address on the root bus")
        expect(vm.address(1), "0000:01:00.0", "address behind the port")
        vm.bind(vm.address(1), "uio_pci_generic")
        vm.qmp("device_del", id="nic1")
        vm.wait_event("DEVICE_DELETED", device="nic1")
        expect_raises(KitError, vm.address, 1)


def test_frames():
    """frames of up to 9018 bytes between the test and Linux in the guest, both ways"""
    with FrameSocket() as a, FrameSocket() as b, \
            small("frames", nics=[Nic(a), Nic(b)], append="ipv6.disable=1") as vm:
        vm.check("modprobe vmxnet3; modprobe bridge; ip link add br0 type bridge")
        for device in ("eth0", "eth1"):
            vm.check(f"ip link set {device} mtu 9000 master br0 up")
        vm.check("ip link set br0 up")
        for device in ("eth0", "eth1"):  # before the kernel notices the link, frames are dropped
            vm.check(f"until grep -q up /sys/class/net/{device}/operstate; do :; done")
        header = bytes.fromhex("020000000077 020000000088 88b5")
        frames = [header + random.randbytes(size - 14)
                  for size in (60, 61, 1514, 4000, 9014) for _ in range(20)]
        ours = lambda frame: frame[12:14] == b"\x88\xb5"
        expect(exchange(a, b, frames, keep=ours), frames, "frames through the guest's bridge")
        expect(list(filter(ours, a.drain(0.1))), [], "frames that came back")


def test_link():
    """a cable between two guests carries pings, also after one guest was replaced"""
    left, right = link()
    with small("left", smp=1, nics=[Nic(left)]) as one:
        one.check("modprobe vmxnet3; ip addr add 10.9.0.1/24 dev eth0; ip link set eth0 up")
        for _ in range(2):
            with small("right", smp=1, nics=[Nic(right, mac="02:00:00:00:00:02")]) as two:
                two.check("modprobe vmxnet3; ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up")
                two.check("busybox ping -c 3 -i 0.1 -W 5 10.9.0.1")
    left.close(), right.close()


def test_tap():
    """a tap in a network namespace of this machine reaches the guest, and both go away"""
    tap = Tap()
    with Namespace("a") as host:
        with small("tap", nics=[Nic(tap)]) as vm:
            host.take(tap, "10.9.1.1/24")
            vm.check("modprobe vmxnet3; ip addr add 10.9.1.2/24 dev eth0; ip link set eth0 up")
            host.check("busybox ping -c 3 -i 0.1 -W 5 10.9.1.2")
            server = host.start("iperf3 -s -1 --forceflush")
            while "listening" not in server.stdout.readline():
                pass
            vm.check("iperf3 -c 10.9.1.1 -t 1", timeout=30)
            expect(server.wait(10), 0, "exit code of iperf3")
        expect(tap.name in host.check("ip link"), False, "the tap is there after QEMU ended")
    expect(host.name in namespaces(), False, "the namespace is there")


if __name__ == "__main__":
    checks.main([test_commands, test_system, test_hang, test_panic, test_bad_arguments,
                 test_missing_program, test_killed, test_killed_namespace, test_programs, test_qmp,
                 test_root_port, test_frames, test_link, test_tap], timeout=180)
