# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's net_vmxnet3, built by our compiler with our flags, so that a comparison is one of code.

Its sources come from the distribution's source package of exactly the installed DPDK, are kept in
deps/ and never enter the repository.
"""

import glob
import json
import os
import shlex
import subprocess

from ports import BUILD, ROOT

from errors import Missing

FOLDER = "drivers/net/vmxnet3"
LIBRARY = f"{BUILD}/bench/rebuilt/librte_net_vmxnet3.so"
OURS = "drivers/net/vmxnet3/vmxnet3_rx.c"  # whose flags are taken


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def sources():
    """The folder with the driver's sources, fetched once."""
    version = said("pkg-config", "--modversion", "libdpdk")
    dest = f"{ROOT}/deps/dpdk-vmxnet3/{version}"
    if not os.path.isdir(dest):
        done = subprocess.run([f"{ROOT}/scripts/dpdk_source.sh", "the driver net_vmxnet3", dest,
                               f"*/{FOLDER}/*"], check=False)
        if done.returncode != 0:
            raise Missing("the sources of net_vmxnet3 cannot be had, see above")
    return f"{dest}/{FOLDER}"


def compiler():
    """Our compiler, and the flags that say how it generates code or where headers are."""
    with open(f"{BUILD}/compile_commands.json", encoding="utf-8") as file:
        entry = next(e for e in json.load(file)
                     if e["file"].endswith(OURS) and "pmds/" in e["output"])
    words = shlex.split(entry["command"])
    kept, words = [words[0]], words[1:]
    while words:
        word = words.pop(0)
        if word == "-include":
            kept += [word, words.pop(0)]
        elif word in ("-o", "-MF", "-MQ", "-c"):
            words.pop(0)
        elif word.startswith("-isystem"):
            kept.append("-isystem" + os.path.join(entry["directory"], word.removeprefix("-isystem")))
        elif not word.startswith(("-I", "-W", "-M", "-DRTE_LOG_DEFAULT", "-fdiagnostics")):
            kept.append(word)
    return kept


def rebuilt():
    """(path of the library, the command that made it)."""
    folder = sources()
    command = [*compiler(), "-w", "-shared", f"-I{folder}", "-o", LIBRARY,
               *sorted(glob.glob(f"{folder}/*.c")), "-Wl,--as-needed",
               *shlex.split(said("pkg-config", "--libs", "libdpdk")), "-lrte_bus_pci"]
    os.makedirs(os.path.dirname(LIBRARY), exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"net_vmxnet3 cannot be rebuilt: {done.stderr.strip()}")
    return LIBRARY, shlex.join(command)
