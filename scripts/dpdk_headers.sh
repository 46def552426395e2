#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Takes the DPDK driver headers out of the distribution's source package into
# deps/dpdk-headers/<version>/. Debian's libdpdk-dev leaves these six out, though its libraries export
# what they declare.
set -eu

headers='
	drivers/bus/pci/bus_pci_driver.h
	drivers/bus/vdev/bus_vdev_driver.h
	lib/eal/include/dev_driver.h
	lib/ethdev/ethdev_driver.h
	lib/ethdev/ethdev_pci.h
	lib/ethdev/ethdev_vdev.h
'

root=$(cd "$(dirname "$0")/.." && pwd)
version=$(pkg-config --modversion libdpdk) || {
	echo "setup: pkg-config finds no libdpdk: install libdpdk-dev" >&2
	exit 1
}
dest=$root/deps/dpdk-headers/$version
if [ -f "$dest/ethdev_driver.h" ] || [ -f "$(pkg-config --variable=includedir libdpdk)/dpdk/ethdev_driver.h" ]; then
	exit 0
fi

mkdir -p "$root/deps/dpdk-headers"
work=$(mktemp -d "$root/deps/dpdk-headers/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
set -f
patterns=
for header in $headers; do patterns="$patterns */$header"; done
# shellcheck disable=SC2086 # the patterns are words
"$root/scripts/dpdk_source.sh" 'the driver headers' "$work/tree" $patterns
mkdir "$work/flat"
for header in $headers; do mv "$work/tree/$header" "$work/flat/"; done
chmod 755 "$work/flat"
rm -rf "$dest"
mv "$work/flat" "$dest"
