#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""./run bench xen-real: a domain to dom0 on real Xen, ours beside the kernel's netfront and netback.

    domain: portbench, net_xenvirt == grants == net_xenback, portbench :dom0
    domain: pktgen, netfront       == grants == netback, counted       :dom0

Xen runs in QEMU, which emulates every instruction. Both ways are measured in turn in the same virtual
machine; only the ratio means something.
"""

import argparse
import json
import os
import statistics

from ports import BUILD, versions

import children
from xen_kernel_path import kernel_path
from xenkit import XenHost

EAL = "--no-huge --no-pci --no-telemetry --log-level=4 --lcores=0@0,1@0 -m 64"
TARGET = 25


def portbench(domain, driver, devargs, arguments):
    """A portbench on one of our drivers in a domain."""
    program = domain.start(f"exec portbench {EAL} --file-prefix={driver} -d "
                           f"/pmds/librte_net_{driver}.so --vdev net_{driver}0,{devargs} "
                           f"-- {arguments}")
    program.match(r"started\r?\n")
    return program


def our_path(dom0, rounds, window_ms, zero_copy):
    """Frames per second through our drivers, one number a round."""
    one = dom0.create("ours")
    dom0.check(f"pvnctl xen attach {one.domid} --mac=02:00:00:00:01:00")
    rates = []
    for _ in range(rounds):
        host = portbench(dom0, "xenback", f"frontend={one.domid}",
                         f"--role receive --window {window_ms}")
        pool = f"--tx-pool xenvirt_0_{one.domid}" if zero_copy else ""
        guest = portbench(one, "xenvirt", f"handle=0,zero_copy={zero_copy}", f"--role send {pool}")
        rates.append(float(host.match(r"rate (\d+)\r?\n", timeout=60)[1]))
        guest.kill()
        host.kill()
    one.destroy()
    dom0.run(f"pvnctl xen detach {one.domid} --handle=0 --force")
    return rates


def main():
    children.leave_with_statements_on_signals()
    parser = argparse.ArgumentParser(prog="./run bench xen-real", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=int, default=2000, help="milliseconds of each measurement")
    options = parser.parse_args()
    rates = {"netfront, netback": [], "xen, copying guest": [], "xen, zero-copy guest": []}
    with XenHost("bench", files={"/usr/bin/portbench": f"{BUILD}/bench/portbench"}) as dom0:
        for _ in range(options.rounds):
            rates["netfront, netback"] += kernel_path(dom0, windows=1,
                                                      seconds=options.window // 1000)
            rates["xen, copying guest"] += our_path(dom0, 1, options.window, 0)
            rates["xen, zero-copy guest"] += our_path(dom0, 1, options.window, 1)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    kernel = medians["netfront, netback"]
    print(f"\n64 B, domain to dom0, real Xen in QEMU (target {TARGET} x the kernel's)")
    for name, values in rates.items():
        print(f"  {name:24} {medians[name] / 1e3:9.1f} kpps  {min(values) / 1e3:8.1f} .. "
              f"{max(values) / 1e3:8.1f}   {medians[name] / kernel:6.1f} x")
    os.makedirs(f"{BUILD}/bench", exist_ok=True)
    with open(f"{BUILD}/bench/xen-real.json", "w", encoding="utf-8") as file:
        json.dump({"name": "xen-real", "versions": versions(), "target": TARGET,
                   "medians": medians, "rounds": rates,
                   "simulated": "Xen, dom0 and domain in QEMU without KVM, 2 processors"},
                  file, indent=1)


if __name__ == "__main__":
    main()
