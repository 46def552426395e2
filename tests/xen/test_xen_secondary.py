#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Secondary processes: DPDK's own tools read a port's statistics and capture its frames.

They share the port's memory, which takes hugepages: some are reserved for the time of the test.
"""

import contextlib
import glob
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wire import ROOT, Local, Program  # noqa: E402 (adds tests/vm to the path)
import checks  # noqa: E402
from checks import case, expect  # noqa: E402
from errors import Missing  # noqa: E402
from hugepages import huge_pages  # noqa: E402

PAGES = 80  # of 2 MiB
SMALL = "ring-size=1024,total-num-mbufs=2047"  # dpdk-pdump's own choice is a pool of 150 MB


@contextlib.contextmanager
def hugepages():
    """A folder in which a program finds hugepages."""
    with tempfile.TemporaryDirectory(prefix="pvn-huge-") as folder, huge_pages(PAGES):
        subprocess.run(["mount", "-t", "hugetlbfs", "none", folder], check=True)
        try:
            yield folder
        finally:
            # The kernel may still be at it with what a process had mapped that has just ended.
            subprocess.run(["umount", "--lazy", folder], check=True)


def tool(name):
    found = sorted(glob.glob(f"{ROOT}/deps/dpdk-dev/*/usr/bin/{name}"))
    if not found:
        raise Missing(f"{name} is missing: ./run setup")
    return found[-1]


def secondary(wire, prefix, driver, name, *args):
    """A tool of DPDK, as a secondary process of the program with this prefix."""
    return wire.add(Program([tool(name), f"--file-prefix={prefix}", "--no-pci",
                             "-d", f"librte_net_{driver}.so", "--", *args],
                            env=wire.environment()))


def wait_for_bytes(program, path, count):
    """Until the file that a program writes is that long."""
    def there():
        program.check_alive()
        return os.path.exists(path) and os.path.getsize(path) >= count

    program.wait_until(there, f"{path} is {count} bytes long")


def ends(xen, driver, memory):
    """Both ends; that of `driver` in memory that can be shared. It, the other, its prefix."""
    xen.domain(1)
    xen.attach(1)
    back = xen.back(1, memory=memory if driver == "xenback" else ("--no-huge",))
    prefix = xen.prefix()
    front = xen.front(1, memory=memory if driver == "xenvirt" else ("--no-huge",))
    if driver == "xenvirt":
        prefix = xen.prefix()
    front.wait("link up")
    return (front, back, prefix) if driver == "xenvirt" else (back, front, prefix)


def tools_look(wire, driver, one, other, prefix):
    """proc-info and pdump, of an end in memory that can be shared, while the other one sends."""
    one.order("rx on")
    one.order("expect 500")
    one.stats()
    other.ask("send 500 60 1514", "sent 500")
    one.wait("received 500")
    info = secondary(wire, prefix, driver, "dpdk-proc-info", "--xstats")
    expect(info.wait(r"rx_q0_packets: (\d+)")[1], "500", "packets that proc-info shows")
    info.ended()
    capture = f"{wire.folder}/capture.pcap"
    dump = secondary(wire, prefix, driver, "dpdk-pdump", "--pdump",
                     f"port=0,queue=*,rx-dev={capture},{SMALL}")
    other.order("flood 60 1514")
    wait_for_bytes(dump, capture, 100_000)
    other.order("idle")
    dump.signal(2)
    dump.ended()
    expect(one.stats()["bad"], 0, "frames spoiled")


def test_secondary(driver):
    """dpdk-proc-info shows the counters, dpdk-pdump captures what comes in"""
    with hugepages() as folder, Local() as xen:
        tools_look(xen, driver, *ends(xen, driver, ("--huge-dir", folder)))


if __name__ == "__main__":
    checks.main([case(test_secondary, driver="xenvirt"), case(test_secondary, driver="xenback")],
                timeout=90)
