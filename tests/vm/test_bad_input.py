#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What goes wrong on a user's side gets one clear message: what was wrong, what to do.

Each case runs testpmd, or `./run check`, in a guest that lacks something; the message is looked for by
the words that tell the remedy.
"""

import os
import re
import subprocess
import tempfile

import checks
from forwarder import DRIVER, IOMMU, eal_arguments, vfio_arguments
from kit import Nic, Vm

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN_AS = "/usr/local/bin/setpriv"  # by its full path: the shell has an applet of that name
ADDRESS = "0000:00:03.0"
with open(f"{ROOT}/scripts/check.sh", "rb") as check_file:
    CHECK = check_file.read()
TESTPMD = f"dpdk-testpmd -l 0,1 --iova-mode=pa -d {DRIVER}"


def guest(**arguments):
    return Vm("badinput", nics=[Nic(None)], **arguments)


def ours(output):
    """The lines our driver logged."""
    return [line for line in output.splitlines() if line.startswith("net_pvn_vmxnet3 ")]


def expect_one_line(output, *words):
    """Exactly one line of ours, with all these words in it."""
    lines = ours(output)
    if len(lines) != 1 or not all(word in lines[0] for word in words):
        raise AssertionError(f"expected one line with {words}, got {lines}")
    print(f"  {lines[0]}")


def check_devargs(vm):
    for devargs, words in (
            ("max_version=10", ("max_version=10", "1..9")),
            ("max_version=", ("max_version=", "1..9")),
            ("max_version=2x", ("max_version=2x", "1..9")),
            ("rx_rings=2", ("rx_rings=2", "accepted: max_version=1..9"))):
        _, output = vm.run(f"{TESTPMD} -a {ADDRESS},{devargs} -- --total-num-mbufs=4096 </dev/null")
        expect_one_line(output, *words)


def test_devargs_and_rings():
    """wrong devargs and ring sizes"""
    with guest() as vm:
        eal_arguments(vm, 1)
        check_devargs(vm)
        for option, words in (("--rxd=33", "nb_rx_desc(=33)"), ("--txd=8192", "nb_tx_desc(=8192)"),
                              ("--rxd=16", "nb_rx_desc(=16)")):
            code, output = vm.run(f"{TESTPMD} -a {ADDRESS} -- {option} --total-num-mbufs=4096 </dev/null")
            found = re.findall(rf".*{re.escape(words)}.*4096.*32.*", output)
            checks.expect((code != 0, len(found)), (True, 1), f"{option} refused, lines about it")
            print(f"  {found[0]}")
        _, output = vm.run(f"{TESTPMD} -a {ADDRESS} -- --max-pkt-len=9022 --total-num-mbufs=4096 </dev/null")
        expect_one_line("\n".join(ours(output)[1:]), "MTU 9000", "buffers hold 2048", "larger mbufs")


def test_kernel_driver():
    """a device that a kernel driver has: an error if named, silence if it only is there"""
    with guest() as vm:
        vm.bind(ADDRESS, "vmxnet3")
        _, output = vm.run(f"{TESTPMD} -a {ADDRESS} -- --total-num-mbufs=4096 </dev/null")
        expect_one_line(output, "kernel driver bound: vmxnet3",
                        f"dpdk-devbind.py --bind=vfio-pci {ADDRESS}")
        _, output = vm.run(f"{TESTPMD} -- --total-num-mbufs=4096 </dev/null")
        checks.expect(ours(output), [], "lines about a device nobody asked for")


def test_no_permission():
    """a user without the device's vfio group is told so; with it, no root is needed"""
    with guest(files={RUN_AS: "/usr/bin/setpriv"}, **IOMMU) as vm:
        allow = vfio_arguments(vm, 1)
        vm.check("chmod 777 /dev/hugepages; mkdir -p /run/user1 && chmod 777 /run/user1")
        user = (f"ulimit -l unlimited; XDG_RUNTIME_DIR=/run/user1 {RUN_AS} --reuid=1000 --regid=1000 "
                "--clear-groups ")
        testpmd = f"dpdk-testpmd {' '.join(allow)} -- --total-num-mbufs=4096 </dev/null"
        expect_one_line(vm.run(user + testpmd)[1], "permission denied: run as root", "/dev/vfio")
        vm.put("/run/check.sh", CHECK, 0o755)
        vm.check("chmod 600 /dev/vfio/vfio")
        code, output = vm.run(user + "/run/check.sh")
        checks.expect((code, "not root: run with sudo" in output), (1, True), f"check says {output}")
        vm.check("chmod 666 /dev/vfio/vfio; chown 1000 /dev/vfio/[0-9]*")
        expect_one_line(vm.run(user + testpmd)[1], "port 0", "device version 1")


def test_check():
    """./run check names what is missing, and finds nothing when all is there"""
    with guest(hugepages=0) as vm:
        vm.put("/run/check.sh", CHECK, 0o755)
        code, output = vm.run("/run/check.sh")
        print(output)
        checks.expect(code, 1, "exit code with nothing ready")
        for words in "no hugepages reserved: echo 256 >", f"note     {ADDRESS}: bound to none; DPDK needs":
            if words not in output:
                raise AssertionError(f"{words!r} is not in {output!r}")
        vm.check("echo 64 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
        eal_arguments(vm, 1)
        for arguments, wanted in (("", 0), (ADDRESS, 0), ("0000:00:1f.0", 1), ("0000:77:00.0", 1)):
            code, output = vm.run(f"/run/check.sh {arguments}")
            checks.expect(code, wanted, f"exit code of check {arguments}: {output}")


def test_no_hugepages():
    """without hugepages EAL gives up, and ./run check has said why (above)"""
    with guest(hugepages=0) as vm:
        eal_arguments(vm, 1)
        code, output = vm.run(f"{TESTPMD} -a {ADDRESS} -- --total-num-mbufs=4096 </dev/null")
        print("\n".join(f"  {line}" for line in output.splitlines()))
        checks.expect(code != 0, True, "refused")


def test_no_qemu():
    """./run vm on a machine with everything but QEMU"""
    with tempfile.TemporaryDirectory() as programs:
        for folder in "/usr/sbin", "/usr/bin":
            for name in os.listdir(folder):
                if not name.startswith("qemu") and not os.path.lexists(f"{programs}/{name}"):
                    os.symlink(f"{folder}/{name}", f"{programs}/{name}")
        done = subprocess.run(["/usr/bin/python3", f"{ROOT}/tests/vm/shell.py", "vmxnet3"],
                              env=dict(os.environ, PATH=programs), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20, check=False)
    message = done.stderr + done.stdout
    checks.expect(done.returncode != 0, True, "refused")
    if "qemu-system-x86" not in message or "./run setup" not in message or "Traceback" in message:
        raise AssertionError(f"not clear: {message!r}")
    print(f"  {message.strip()}")


if __name__ == "__main__":
    checks.main([test_devargs_and_rings, test_kernel_driver, test_no_permission, test_check,
                 test_no_hugepages, test_no_qemu])
