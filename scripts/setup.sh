#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Brings a Debian machine to where everything here builds and runs: installs the packages that are
# missing, and takes the DPDK driver headers and, for tests and demo, a guest kernel, Xen and another
# version of DPDK from the distribution's packages into deps/. Does nothing, silently, when nothing
# is missing.
#
# No hugepages are reserved on this machine: the DPDK programs of tests and demo run in guests, which
# have their own, or without hugepages. Nothing else outside the checkout is changed.
set -eu

# Build, and what the build's tests link with. clang is the second compiler of the tests.
build_packages='gcc libc6-dev clang libclang-rt-dev meson ninja-build pkg-config libdpdk-dev
	libcmocka-dev libxen-dev libjansson-dev dpkg-dev xz-utils'
# Linker, libc and emulator for the unit tests on 32 bits and on big endian; clang is the compiler.
cross_packages='libc6-dev-i386 lib32gcc-s1 binutils-s390x-linux-gnu libc6-dev-s390x-cross qemu-user'
# Guests, and what runs in them or beside them.
guest_packages='qemu-system-x86 busybox-static kmod iproute2 iperf3 iputils-ping python3 tshark'

root=$(cd "$(dirname "$0")/.." && pwd)

missing() {
	for package in $build_packages $cross_packages $guest_packages; do
		dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$package" 2>/dev/null |
			grep -q '^installed ' || echo "$package"
	done
}

install_missing() {
	# shellcheck disable=SC2046 # the names are words
	set -- $(missing)
	[ $# -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "setup: these packages are missing and installing them takes root: $*" >&2
		echo "       run: sudo ./run setup" >&2
		exit 1
	fi
	echo "setup: installing $*"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -q update || echo "setup: some package indexes could not be read, going on" >&2
	apt-get -q install -y --no-install-recommends "$@"
}

if ! command -v apt-get >/dev/null; then
	echo "setup: this is no Debian: install yourself: $build_packages $cross_packages" \
		"$guest_packages" >&2
	exit 1
fi
install_missing
"$root/scripts/dpdk_headers.sh"
"$root/tests/vm/guest_kernel.sh"
"$root/tests/vm/xen_packages.sh"
"$root/tests/vm/other_dpdk.sh"
