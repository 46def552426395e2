#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Secondary processes: DPDK's own tools read a port's statistics and capture its frames."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ivswire import MAC, Program, Region  # noqa: E402 (adds tests/xen to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from test_xen_secondary import SMALL, hugepages, tool, wait_for_bytes  # noqa: E402


def secondary(region, prefix, name, *args):
    """A tool of DPDK, as a secondary process of the program with this prefix."""
    return region.add(Program([tool(name), f"--file-prefix={prefix}", "--no-pci",
                               "-d", "librte_net_ivshmem.so", "--", *args],
                              env=region.environment()))


def ends(region, role, memory):
    """Both ends; that of `role` in memory that can be shared. It, the other, its prefix."""
    plain = ("--no-huge",)
    back = region.host(f"mac={MAC}", memory=memory if role == "host" else plain)
    prefix = region.prefix()
    front = region.guest(memory=memory if role == "guest" else plain)
    front.wait("link up")
    return (back, front, prefix) if role == "host" else (front, back, region.prefix())


def test_secondary(role):
    """dpdk-proc-info shows the counters, dpdk-pdump captures what comes in"""
    with hugepages() as folder, Region() as region:
        one, other, prefix = ends(region, role, ("--huge-dir", folder))
        one.order("rx on")
        one.order("expect 500")
        one.stats()
        other.ask("send 500 60 1514", "sent 500")
        one.wait("received 500")
        info = secondary(region, prefix, "dpdk-proc-info", "--xstats")
        expect(info.wait(r"rx_q0_packets: (\d+)")[1], "500", "packets that proc-info shows")
        info.ended()
        capture = f"{region.folder}/capture.pcap"
        dump = secondary(region, prefix, "dpdk-pdump", "--pdump",
                         f"port=0,queue=*,rx-dev={capture},{SMALL}")
        other.order("flood 60 1514")
        wait_for_bytes(dump, capture, 100_000)
        other.order("idle")
        dump.signal(2)
        dump.ended()
        expect(one.stats()["bad"], 0, "frames spoiled")


if __name__ == "__main__":
    checks.main([case(test_secondary, role="guest"), case(test_secondary, role="host")],
                timeout=90)
