#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Fetch what only test guests need and what must not be installed on the user's machine:
#
#   deps/guest-kernel/<release>/   the distribution's own kernel and its modules
#   deps/dpdk-dev/<version>/       dpdk-testpmd, only where the package dpdk-dev is not installed
#
# Packages are downloaded by apt-get and unpacked by dpkg -x. A folder appears under its final name
# only when it is complete, so a folder that exists is never looked at again: a second run needs no
# network and takes no time. Remove the folder to get a newer kernel.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=

say() { echo "guest-kernel: $*"; }

die() {
	echo "guest-kernel: $*" >&2
	exit 1
}

cleanup() {
	if [ -n "$tmp" ]; then
		rm -rf "$tmp"
	fi
	tmp=
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# unpack PACKAGE[=VERSION]...: download them and unpack them to $tmp/root
unpack() {
	cleanup
	mkdir -p "$root/deps"
	tmp=$(mktemp -d "$root/deps/.fetch.XXXXXX")
	if ! (cd "$tmp" && apt-get -q -o APT::Sandbox::User=root download "$@") >"$tmp/log" 2>&1; then
		cat "$tmp/log" >&2
		die "cannot download $*: is there a network, and is 'apt-get update' recent?"
	fi
	mkdir "$tmp/root"
	for file in "$tmp"/*.deb; do
		dpkg -x "$file" "$tmp/root" || die "cannot unpack ${file##*/}: is the disk full?"
	done
}

# keep DIR: the unpacked tree becomes deps/DIR, owned like the checkout
keep() {
	mkdir -p "$root/deps/${1%/*}"
	if [ "$(id -u)" = 0 ]; then
		chown --reference="$root" "$root/deps" "$root/deps/${1%/*}"
		chown -R --reference="$root" "$tmp/root"
	fi
	mv -T "$tmp/root" "$root/deps/$1" 2>/dev/null || [ -d "$root/deps/$1" ] ||
		die "cannot create $root/deps/$1"
	cleanup
}

# index_modules RELEASE: write modules.dep for the unpacked tree
index_modules() {
	if command -v depmod >/dev/null; then
		depmod -b "$tmp/root" "$1"
	else
		busybox depmod -b "$tmp/root" "$1"
	fi || die "cannot index the modules: install kmod or busybox-static (./run setup)"
	[ -s "$tmp/root/lib/modules/$1/modules.dep" ] || die "depmod wrote no modules.dep"
}

# The meta package depends on the package of today's kernel: linux-image-<release>. From Debian 14 on
# that is empty, and depends on two others, which have kernel and modules below usr/lib/modules.
fetch_kernel() {
	for done in "$root"/deps/guest-kernel/*/boot/vmlinuz-*; do
		if [ -f "$done" ]; then
			return
		fi
	done
	package=$(apt-cache depends linux-image-amd64 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
	[ -n "$package" ] || die "apt knows no package linux-image-amd64: run 'apt-get update' first"
	release=${package#linux-image-}
	say "fetching $package (about 70 MB, 400 MB unpacked)"
	parts=$(apt-cache depends "$package" |
		sed -n 's/^ *Depends: \(linux-\(binary\|modules\)-[^ ]*\).*/\1/p')
	# shellcheck disable=SC2086 # names are words
	unpack ${parts:-$package}
	if [ -f "$tmp/root/usr/lib/modules/$release/vmlinuz" ]; then
		mkdir -p "$tmp/root/boot"
		mv "$tmp/root/usr/lib/modules/$release/vmlinuz" "$tmp/root/boot/vmlinuz-$release"
	fi
	[ -f "$tmp/root/boot/vmlinuz-$release" ] || die "$package holds no boot/vmlinuz-$release"
	[ -d "$tmp/root/lib" ] || ln -s usr/lib "$tmp/root/lib"
	index_modules "$release"
	keep "guest-kernel/$release"
	say "ready: deps/guest-kernel/$release"
}

# testpmd must match the installed libraries to the letter.
fetch_testpmd() {
	if command -v dpdk-testpmd >/dev/null; then
		return
	fi
	version=$(dpkg-query -W -f '${Version}' libdpdk-dev 2>/dev/null) ||
		die "the package libdpdk-dev is not installed: run ./run setup"
	if [ -x "$root/deps/dpdk-dev/$version/usr/bin/dpdk-testpmd" ]; then
		return
	fi
	say "fetching dpdk-testpmd $version"
	unpack "dpdk-dev=$version"
	keep "dpdk-dev/$version"
	say "ready: deps/dpdk-dev/$version"
}

fetch_kernel
fetch_testpmd
