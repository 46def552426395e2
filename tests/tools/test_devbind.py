#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-devbind.py in a guest: it lists the VMXNET3 device, gives it to a driver of DPDK, and back.

The tool is Debian's, and takes Python and lspci along: a guest of tests/vm has neither.
"""

import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/../vm"]

import checks  # noqa: E402
from checks import expect  # noqa: E402
from kit import Nic, Vm  # noqa: E402
from packages import package  # noqa: E402

PYTHON = "/usr/bin/python3"
# What the tool imports, and what Python starts with.
MODULES = """
import sys, os, subprocess, argparse, platform, glob, json, encodings.ascii, encodings.latin_1
print(json.dumps([m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)]))
"""


def files():
    """What goes into the guest, by its path there."""
    done = subprocess.run([PYTHON, "-I", "-S", "-c", MODULES], capture_output=True, text=True,
                          check=True)
    found = {path: path for path in json.loads(done.stdout)}
    # Where what fills the guest looks for the libraries of programs.
    os.environ["LD_LIBRARY_PATH"] = package("libpci3", "usr/lib/x86_64-linux-gnu")
    return found | {PYTHON: PYTHON, "/usr/share/misc/pci.ids": package("pci.ids", "usr/share/misc/pci.ids"),
                    "/usr/bin/dpdk-devbind.py": package("dpdk", "usr/bin/dpdk-devbind.py"),
                    "/usr/bin/lspci": package("pciutils", "usr/bin/lspci")}


def sections(text):
    """{heading: lines} of what --status prints."""
    found, heading = {}, None
    for line in text.splitlines():
        if re.match(r"=+$", line):
            continue
        if line.startswith(("Network devices", "Other Network", "No 'Network'")):
            heading = line.strip()
            found[heading] = []
        elif heading and line.strip():
            found[heading].append(line)
    return found


def under(text, heading, address):
    """Whether the device is in that section."""
    return any(line.startswith(address) for line in sections(text).get(heading, []))


KERNEL, DPDK = "Network devices using kernel driver", "Network devices using DPDK-compatible driver"


def test_devbind():
    """--status lists a VMXNET3 device; --bind moves it to uio_pci_generic, and --unbind away from it"""
    with Vm("devbind", nics=[Nic(None)], files=files()) as vm:
        address = vm.address(0)
        devbind = f"{PYTHON} -I -S /usr/bin/dpdk-devbind.py"
        status = f"{devbind} --status-dev net 2>/dev/null"  # lspci misses files of libkmod there
        vm.check("modprobe uio_pci_generic")
        text = vm.check(status)
        print("\n".join(f"  {line}" for line in text.splitlines() if "0000:" in line))
        expect("VMXNET3" in text, True, f"the device in: {text}")
        expect(under(text, DPDK, address), False, f"DPDK's devices at first: {text}")
        vm.check(f"{devbind} --bind=uio_pci_generic {address}")
        text = vm.check(status)
        print("\n".join(f"  {line}" for line in text.splitlines() if "0000:" in line))
        expect(under(text, DPDK, address), True, f"DPDK's devices after --bind: {text}")
        vm.check(f"{devbind} --unbind {address}")
        text = vm.check(status)
        expect(under(text, DPDK, address), False, f"DPDK's devices after --unbind: {text}")


if __name__ == "__main__":
    checks.main([test_devbind], timeout=150)
