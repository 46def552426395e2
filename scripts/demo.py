#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The demo: three scenes, one after the other.

demo_vmxnet3.py   this machine's TCP through a QEMU guest with two VMXNET3 devices
demo_switch.py    pvswitch between four local guests on two VLANs, and an uplink
demo_ivshmem.py   frames in memory shared with a QEMU guest, which is killed
demo_guard.py     nothing is left behind, whenever this is stopped
demo_screen.py    lines that stay and lines that are rewritten; the first scene's table
demo_traffic.py   iperf3 and ping; the first scene's two ends
"""

import signal

if __name__ == "__main__":
    # From here on a signal waits for the guard. One that comes earlier finds nothing made yet.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))

import argparse  # noqa: E402
import glob  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/tests/vm")

import demo_guard  # noqa: E402
import demo_ivshmem  # noqa: E402
import demo_switch  # noqa: E402
import demo_vmxnet3  # noqa: E402
from demo_screen import Screen  # noqa: E402
from errors import KitError, Missing  # noqa: E402
from kit import BUILD  # noqa: E402
from netends import ip  # noqa: E402

SCENES = {"vmxnet3": demo_vmxnet3, "switch": demo_switch, "ivshmem": demo_ivshmem}


def work(args):
    """The chosen scenes, in the guard's child process; returns the exit code."""
    screen, figures = Screen(), {}
    for name in args.scenes:
        if figures:
            screen.say()
        figures[name] = SCENES[name].work(args, screen)
    if args.json:
        write_json(args.json, figures)
    for name in args.scenes:
        SCENES[name].verdict(figures[name])
    return 0


def write_json(path, figures):
    """Write all figures to a file that appears when it is complete, owned as its folder is."""
    part = f"{path}.{os.getpid()}"
    owner = os.stat(os.path.dirname(os.path.abspath(path)))
    with open(part, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1)
        file.write("\n")
    os.chown(part, owner.st_uid, owner.st_gid)
    os.replace(part, path)


def tidy(worker, json_path):
    """Remove what holds the worker's process id in its name; returns what could not be removed.

    Only something that was interrupted leaves anything: taps go with QEMU, testpmd and pvswitch.
    """
    left = []
    for line in ip("netns", "list").splitlines():
        name = line.split()[0]
        if name.startswith(f"pvn{worker}-"):
            try:
                ip("netns", "delete", name)
            except KitError as error:
                if os.path.exists(f"/run/netns/{name}"):  # else another run of the kit was faster
                    left.append(f"the namespace {name}: {error}")
    for part in glob.glob(f"{glob.escape(BUILD)}/*.{worker}") + [f"{json_path}.{worker}"]:
        if os.path.exists(part):
            os.unlink(part)
    return left + demo_switch.tidy(worker)


def need_all(scenes=tuple(SCENES)):
    """Raise Missing, with one sentence, when these scenes cannot work here."""
    if os.geteuid() != 0:
        raise Missing("network namespaces and taps need root: run sudo ./run demo")
    if not os.path.exists("/dev/net/tun"):
        raise Missing("there is no /dev/net/tun: load the kernel module tun (modprobe tun)")
    for name in scenes:
        SCENES[name].need_all()


def arguments():
    parser = argparse.ArgumentParser(
        prog="./run demo", description="vmxnet3: a QEMU guest forwards real TCP traffic between "
        "two VMXNET3 devices: with our driver, with DPDK's, with Linux'. switch: pvswitch between "
        "four local guests on two VLANs and an uplink; one guest is killed and comes back. "
        "ivshmem: a pcap's frames go to a QEMU guest and back without a copy; it is killed, and no "
        "buffer is lost.")
    add = parser.add_argument
    add("--scene", choices=SCENES, help="only this one (default: all in turn)")
    add("--rounds", type=int, default=6,
        help="turns of each forwarder in scene vmxnet3 (default: 6)")
    add("--seconds", type=int, help="of each TCP stream (default: "
        f"{demo_vmxnet3.SECONDS} in scene vmxnet3, {demo_switch.SECONDS} in scene switch), "
        f"and of each way in scene ivshmem (default: {demo_ivshmem.SECONDS})")
    add("--quick", action="store_true",
        help="--rounds 1, streams of 2 s and 1 s, no bridges in scene switch, no vhost-user in "
        "scene ivshmem")
    add("--json", metavar="FILE", help="write all figures to FILE, by scene")
    args = parser.parse_args()
    args.scenes = [args.scene] if args.scene else list(SCENES)
    if args.rounds < 1 or args.seconds is not None and not 1 <= args.seconds <= 3600:
        parser.error("--rounds must be 1 or more, --seconds 1 to 3600")
    if args.quick:
        args.rounds = 1
    return args


def main():
    args = arguments()
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    try:
        need_all(args.scenes)
    except Missing as missing:
        sys.exit(f"demo: {missing}")
    sys.exit(demo_guard.run(lambda: work(args), lambda worker: tidy(worker, args.json)))


if __name__ == "__main__":
    main()
