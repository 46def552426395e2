#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A test machine by hand: ./run vm NAME boots it and gives a shell in it on this terminal.

The shell runs on a serial port of the guest, like any program of the kit; here its bytes are passed
to and from this terminal, which is set to raw mode meanwhile and always set back.
"""

import contextlib
import os
import select
import shutil
import sys
import termios
import tty

import children
from errors import KitError
from kit import Nic, Vm, link

VMXNET3_HINT = """
Two VMXNET3 devices, 0000:00:03.0 and 0000:00:04.0, with a cable between them; 512 MiB of huge
pages. Both are bound to uio_pci_generic. Give one to Linux:

    pcibind 0000:00:03.0 vmxnet3; ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up

Drivers: {drivers}

    dpdk-testpmd -l 0,1 --iova-mode=pa -d {driver} -- -i --total-num-mbufs=8192
    testpmd> start tx_first          then: show port stats all, stop, quit

Leave with exit or Ctrl-D; poweroff -f ends the machine too.
"""


def vmxnet3():
    """Two VMXNET3 devices back to back."""
    one, other = link()
    vm = Vm("vmxnet3", nics=[Nic(one), Nic(other)], hugepages=256, mem_mb=1536)

    def prepare():
        for number in range(2):
            vm.bind(vm.address(number), "uio_pci_generic")
        drivers = vm.check("ls /pmds*/*vmxnet3*.so").split()
        drivers.sort(key=lambda path: path.startswith("/pmds-dpdk"))  # ours first
        return VMXNET3_HINT.format(drivers=", ".join(drivers), driver=drivers[0])

    return vm, prepare


# A machine is a Vm and a function that prepares it once it runs and returns the hint for its user.
MACHINES = {"vmxnet3": vmxnet3}


@contextlib.contextmanager
def raw_terminal(keyboard):
    """Pass every key on at once; the terminal is as it was afterwards."""
    if not os.isatty(keyboard):
        yield
        return
    before = termios.tcgetattr(keyboard)
    try:
        tty.setraw(keyboard)
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSAFLUSH, before)


def attach(vm, program, keyboard, screen):
    """Pass bytes between a program in the guest and this terminal until one of them ends."""
    shown, ending = program.start, f"\n{program.mark}".encode()
    while True:
        data = program.channel.data
        end = data.find(ending, max(0, shown - len(ending)))
        if end < 0:  # the ending may have come in part
            held = max(n for n in range(len(ending)) if data.endswith(ending[:n]))
        limit = end if end >= 0 else len(data) - held
        os.write(screen, data[shown:limit])
        shown = max(shown, limit)
        channels = {channel.sock: channel for channel in vm.channels.values() if channel.open}
        if end >= 0 or not program.channel.open:
            return
        watched = [*channels, keyboard] if keyboard is not None else [*channels]
        for ready in select.select(watched, [], [])[0]:
            if ready != keyboard:
                channels[ready].read()
            elif keys := os.read(keyboard, 4096):
                program.channel.send(keys)
            else:  # end of input
                program.channel.send(b"\x04")
                keyboard = None


def serve(name):
    """Boot a machine and stay in its shell."""
    vm, prepare = MACHINES[name]()
    print(f"booting {name} ...", flush=True)
    with vm:
        hint = prepare()
        size = shutil.get_terminal_size()
        vm.put("/root/.bashrc", RC.encode())
        stty = f"stty sane rows {size.lines} cols {size.columns}"
        shell = vm.program(f"sh -c '{stty}; cd; exec bash'")
        print(hint, flush=True)
        with raw_terminal(sys.stdin.fileno()):
            attach(vm, shell, sys.stdin.fileno(), sys.stdout.fileno())
    print("the machine is off")


RC = r"""
PS1='\[\e[1m\]guest:\w#\[\e[0m\] '
pcibind() {
	local device=/sys/bus/pci/devices/$1
	modprobe "$2" && echo "$2" >$device/driver_override &&
		{ [ ! -e $device/driver ] || echo "$1" >$device/driver/unbind; } &&
		echo "$1" >/sys/bus/pci/drivers_probe
}
"""


def main():
    children.leave_with_statements_on_signals()
    name = sys.argv[1] if len(sys.argv) == 2 else None
    if name not in MACHINES:
        machines = "".join(f"\n  {key}: {make.__doc__}" for key, make in MACHINES.items())
        sys.exit(f"usage: {os.path.basename(sys.argv[0])} NAME, where NAME is one of{machines}")
    try:
        serve(name)
    except KitError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
