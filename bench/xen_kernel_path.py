#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The stock way from a Xen domain to dom0: packets per second through netfront and netback.

    domain: pktgen -> netfront (eth0) == grants ==> netback (vif) :dom0, counted and dropped

Xen runs in QEMU, which emulates every instruction: the number means something only beside another
one measured in the same way on the same machine. Prints one JSON object; -o FILE writes it there.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/tests/vm")

import children  # noqa: E402  (from the folder above)
from errors import KitError  # noqa: E402
from xenkit import XenHost  # noqa: E402

FRAME = 64  # bytes on a wire, of which 4 are the checksum that pktgen does not count
# Clock and counter are read in dom0 by one command, the shell only subtracts afterwards. Domains
# get the processors in turn: a window that is long beside their time slices evens that out.
WINDOW = """
cd /sys/class/net/{vif}/statistics
read_both() {{ read -r up _ </proc/uptime; read -r packets <rx_packets; echo "$up $packets"; }}
read_both; sleep {seconds}; read_both
"""


def start_pktgen(domain, frame_bytes):
    """Send without end from eth0 of a domain to its peer in dom0; returns the running program."""
    settings = ("count 0", "delay 0", f"pkt_size {frame_bytes - 4}", "dst 10.9.9.1",
                "dst_mac fe:ff:ff:ff:ff:ff")  # what netback's devices have
    lines = "".join(f"echo {setting} >/proc/net/pktgen/eth0\n" for setting in settings)
    domain.check("modprobe pktgen && echo add_device eth0 >/proc/net/pktgen/kpktgend_0\n" + lines)
    return domain.start("echo start >/proc/net/pktgen/pgctrl")


def measure(dom0, vif, seconds):
    """Packets per second that dom0 received from a vif during some seconds."""
    lines = dom0.check(WINDOW.format(vif=vif, seconds=seconds), timeout=seconds + 60).split("\n")
    (before, first), (after, last) = (map(float, line.split()) for line in lines[:2])
    return (last - first) / (after - before)


def kernel_path(dom0, frame_bytes=FRAME, windows=5, seconds=2):
    """Rates measured one after the other, in a domain made for it and destroyed afterwards."""
    domain = dom0.create("sender", vifs=["mac=00:16:3e:00:00:09"])
    domain.bring_up()
    start_pktgen(domain, frame_bytes)
    measure(dom0, domain.vif(), 1)  # warming up
    rates = [measure(dom0, domain.vif(), seconds) for _ in range(windows)]
    domain.destroy()
    return rates


def report(rates, frame_bytes):
    """The result with what one must know to compare it."""
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return {"name": "xen_kernel_path", "value": round(statistics.median(rates)), "unit": "pps",
            "windows": [round(rate) for rate in rates],
            "spread": round((max(rates) - min(rates)) / statistics.median(rates), 3),
            "frame_bytes": frame_bytes, "commit": commit.stdout.strip(),
            "simulated": "Xen, dom0 and domain in QEMU without KVM, 2 processors",
            "host_kernel": platform.release(), "host_cpus": os.cpu_count()}


def main():
    children.leave_with_statements_on_signals()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", help="write the JSON to this file too")
    parser.add_argument("--windows", type=int, default=5, help="how often to measure (5)")
    parser.add_argument("--seconds", type=int, default=2, help="how long each time (2)")
    options = parser.parse_args()
    try:
        with XenHost("bench") as dom0:
            rates = kernel_path(dom0, FRAME, options.windows, options.seconds)
    except KitError as error:
        sys.exit(str(error))
    text = json.dumps(report(rates, FRAME), indent=1)
    print(text)
    if options.output:
        with open(options.output, "w", encoding="ascii") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
