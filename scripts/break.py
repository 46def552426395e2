# SPDX-License-Identifier: BSD-3-Clause
"""Breaks the driver's data path on purpose, and demands that the tests notice.

    sudo ./run break            every fault below, one after the other
    sudo ./run break NAME...    only these
    ./run break --list          what they are

Works on a copy of the sources in build-break/, never on yours. A fault is a line of the driver and
what is put in its place. For each, every test program that moves frames that way must fail: a test
that passes on a broken driver tests nothing, and is named here.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / "build-break"
RXTX = "drivers/net/vmxnet3/vmxnet3_rxtx.c"
BYTE = "rte_pktmbuf_mtod({0}, uint8_t *)[{0}->data_len / 2] ^= 1;"

# name: (path broken, line, replacement)
FAULTS = {
    "rx-returns-0": ("rx", "\twhile (n < nb_pkts && budget-- > 0 && next_completion(rxq, &c)) {",
                     "\twhile (n > nb_pkts && budget-- > 0 && next_completion(rxq, &c)) {"),
    "rx-swaps-byte": ("rx", "\trxq->tail = m;\n", f"\trxq->tail = m;\n\t{BYTE.format('m')}\n"),
    "rx-loses-byte": ("rx", "\tm->pkt_len = len;\n", "\tm->pkt_len = len - 1;\n\tm->data_len--;\n"),
    "rx-no-refill": ("rx", "\t\tvmxnet3_rx_refill(rxq, &rxq->rings[i]);\n\treturn n;",
                     "\t\tcontinue;\n\treturn n;"),
    "rx-comp-gen": ("rx", "\t\trxq->comp_gen ^= VMXNET3_RXC3_GEN;", "\t\trxq->comp_gen ^= 0;"),
    "rx-desc-gen": ("rx", "\t\tring->gen ^= VMXNET3_RXD2_GEN;", "\t\tring->gen ^= 0;"),
    "rx-wrong-slot": ("rx", "\treturn vmxnet3_rx_take_slot(ring);\n",
                      "\tstruct rte_mbuf *other = ring->mbufs[ring->next ^ 1];\n\n"
                      "\tring->mbufs[ring->next ^ 1] = ring->mbufs[ring->next];\n"
                      "\tring->mbufs[ring->next] = other;\n"
                      "\treturn vmxnet3_rx_take_slot(ring);\n"),
    "tx-returns-0": ("tx", "\tfor (n = 0; n < nb_pkts; n++) {\n\t\tunsigned",
                     "\tfor (n = 0; n > nb_pkts; n++) {\n\t\tunsigned"),
    "tx-swaps-byte": ("tx", "\t\td->word3 = 0;\n", f"\t\td->word3 = 0;\n\t\t{BYTE.format('m')}\n"),
    "tx-no-doorbell": ("tx", "\t\trte_write32(txq->fill, txq->doorbell);",
                       "\t\tdue = false;"),
    "tx-no-eop": ("tx", "VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ", "VMXNET3_TXD3_CQ"),
    "tx-desc-gen": ("tx", "\t\t\ttxq->gen ^= VMXNET3_TXD2_GEN;", "\t\t\ttxq->gen ^= 0;"),
    "tx-no-reap": ("tx", "\treap(txq);\n\tfor", "\tfor"),
    "tx-drops": ("tx", "\t\twrite_packet(txq, pkts[n]);\n", "\t\trte_pktmbuf_free(pkts[n]);\n"),
}
DEVICE = {"rx": ("test_rxtx", "test_rx"), "tx": ("test_rxtx", "test_tx")}
VM = (
    ("test_vmxnet3_frames.py", "test_scattered[q35,1]"),
    ("test_vmxnet3_frames.py", "test_vfio"),
    ("test_vmxnet3_restart.py", "test_stop_start"),
    ("test_vmxnet3_peer.py", "test_linux_peer"),
)


def run(*args, **kwargs):
    return subprocess.run(args, cwd=COPY, capture_output=True, text=True, check=False, **kwargs)


def copy_sources():
    """All that git knows, or would take; deps is shared."""
    COPY.mkdir(exist_ok=True)
    names = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others",
                            "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in names.stdout.splitlines():
        if (ROOT / name).exists():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name)
    if not (COPY / "deps").is_symlink():
        (COPY / "deps").symlink_to(ROOT / "deps")


def build():
    if not (COPY / "build" / "build.ninja").exists():
        run("meson", "setup", "build").check_returncode()
    done = run("ninja", "-C", "build")
    if done.returncode != 0:
        sys.exit(f"the copy does not build:\n{done.stdout[-3000:]}")


def device_test_passes(name):
    env = dict(os.environ, PVN_PMD=str(COPY / "build/pmds/librte_net_pvn_vmxnet3.so"))
    return run(str(COPY / "build/tests/device" / name), env=env, timeout=300).returncode == 0


def vm_test_passes(program, case):
    done = run("/usr/bin/python3", f"tests/vm/{program}", case, timeout=600)
    return re.search(r"^PASS ", done.stdout, re.M) is not None


def passing(path):
    """The tests that pass though the path is broken, or all of them on a sound driver."""
    names = [name for name in DEVICE[path] if device_test_passes(name)]
    with concurrent.futures.ThreadPoolExecutor(2) as two:
        passes = list(two.map(vm_test_passes, *zip(*VM)))
    return names + [" ".join(test) for test, passed in zip(VM, passes) if passed]


def try_fault(name):
    """True if every test noticed."""
    path, line, replacement = FAULTS[name]
    source = (ROOT / RXTX).read_text(encoding="utf-8")
    if source.count(line) != 1:
        sys.exit(f"{name}: its line is not found once in {RXTX}: update scripts/break.py")
    print(f"{name}:", end=" ", flush=True)
    (COPY / RXTX).write_text(source.replace(line, replacement), encoding="utf-8")
    build()
    blind = passing(path)
    print("every test noticed" if not blind else f"NOT NOTICED by {', '.join(blind)}", flush=True)
    return not blind


def main():
    parser = argparse.ArgumentParser(prog="./run break")
    parser.add_argument("--list", action="store_true", help="name the faults and their lines")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these faults")
    args = parser.parse_args()
    unknown = set(args.names) - set(FAULTS)
    if unknown:
        sys.exit(f"no such fault: {' '.join(unknown)}; there are: {' '.join(FAULTS)}")
    if args.list:
        for name, (_, line, replacement) in FAULTS.items():
            print(f"{name}, in {RXTX}:\n  - {line.strip()}\n  + {replacement.strip()}")
        return
    copy_sources()
    build()
    sound = {path: len(passing(path)) for path in DEVICE} if not args.names else {}
    for path, count in sound.items():
        if count != len(DEVICE[path]) + len(VM):
            sys.exit("some test fails on the sound driver already: ./run test")
    missed = [name for name in args.names or FAULTS if not try_fault(name)]
    print(f"{len(args.names or FAULTS) - len(missed)} faults noticed, {len(missed)} not")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
