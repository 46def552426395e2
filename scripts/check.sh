#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Says whether a DPDK program can use this machine's VMXNET3 devices with net_pvn_vmxnet3, and what
# to do where it cannot: one line for each thing, the remedy with it. Exit code 0 when all devices
# named, or at least one if none is named, are ready and nothing else is in the way. Changes nothing.
# Needs no more than busybox.
#
# usage: check.sh [PCI-ADDRESS...]
set -u

sysfs=/sys
bad=0
ready=0

ok() { echo "ok       $*"; }

note() { echo "note     $*"; }

problem() {
	echo "problem  $*"
	bad=1
}

check_user() {
	if [ "$(id -u)" -eq 0 ]; then
		ok "running as root"
	elif [ -w /dev/vfio/vfio ]; then
		ok "not root, but /dev/vfio/vfio is yours to use"
	else
		problem "not root: run with sudo, or use vfio-pci and give this user /dev/vfio/<group>"
	fi
}

check_hugepages() {
	total=0
	for nr in "$sysfs"/kernel/mm/hugepages/*/nr_hugepages; do
		[ -r "$nr" ] && total=$((total + $(cat "$nr")))
	done
	if [ "$total" -eq 0 ]; then
		problem "no hugepages reserved:" \
			"echo 256 >$sysfs/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
	elif ! grep -q ' hugetlbfs ' /proc/mounts; then
		problem "hugetlbfs is not mounted:" \
			"mkdir -p /dev/hugepages; mount -t hugetlbfs hugetlbfs /dev/hugepages"
	else
		ok "$total hugepages reserved, hugetlbfs mounted"
	fi
}

# check_device ADDRESS VERB: VERB says how bad a device is that the kernel has
check_device() {
	device=$sysfs/bus/pci/devices/$1
	if [ ! -e "$device" ]; then
		problem "$1: there is no such PCI device; an address looks like 0000:03:00.0"
		return
	fi
	if [ "$(cat "$device/vendor"):$(cat "$device/device")" != 0x15ad:0x07b0 ]; then
		problem "$1: not a VMXNET3 device (15ad:07b0)"
		return
	fi
	driver=none
	[ -e "$device/driver" ] && driver=$(basename "$(readlink -f "$device/driver")")
	case $driver in
	vfio-pci | uio_pci_generic | igb_uio)
		ok "$1: bound to $driver"
		ready=$((ready + 1))
		;;
	*)
		$2 "$1: bound to $driver; DPDK needs vfio-pci or uio_pci_generic:" \
			"dpdk-devbind.py --bind=vfio-pci $1"
		;;
	esac
}

all_devices() {
	for device in "$sysfs"/bus/pci/devices/*; do
		[ "$(cat "$device/vendor"):$(cat "$device/device")" = 0x15ad:0x07b0 ] &&
			basename "$device"
	done
}

check_user
check_hugepages
if [ $# -gt 0 ]; then
	for address; do
		check_device "$address" problem
	done
	exit $bad
fi
for address in $(all_devices); do
	check_device "$address" note
done
[ "$ready" -gt 0 ] || problem "no VMXNET3 device here is ready for DPDK (this is for inside the guest)"
exit $bad
