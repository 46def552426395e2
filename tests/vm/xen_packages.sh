#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Fetch Xen for the tests that boot it in QEMU. Nothing of it may be installed on the user's
# machine, where it would get into the boot menu:
#
#   deps/xen/<version>/   the distribution's hypervisor, xl, xenstored and the libraries they need
#
# Packages are downloaded by apt-get and unpacked by dpkg -x, all into one tree. It appears under its
# final name only when it is complete, so a tree that exists is never looked at again: a second run
# needs no network and takes no time. Remove the folder to get a newer Xen.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=

say() { echo "xen-packages: $*"; }

die() {
	echo "xen-packages: $*" >&2
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

# depends PACKAGE...: names of the packages they depend on, virtual ones left out
depends() {
	apt-cache depends "$@" 2>/dev/null | sed -n 's/^ [ |]*Depends: \([^<>: ]*\).*/\1/p'
}

installed() {
	dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

# The meta package depends on today's: xen-hypervisor-<X.Y>-amd64 and xen-utils-<X.Y>.
find_release() {
	hypervisor=$(depends xen-system-amd64 | grep -x 'xen-hypervisor-[0-9.]*-amd64' | head -n 1)
	[ -n "$hypervisor" ] ||
		die "apt knows no package xen-system-amd64: run 'apt-get update' first"
	release=${hypervisor#xen-hypervisor-}
	release=${release%-amd64}
}

# add_libraries: extend $packages by the libraries they need. Xen's own must match its programs, so
# they are fetched even where they are installed.
add_libraries() {
	new=$packages
	while [ -n "$new" ]; do
		# shellcheck disable=SC2086 # names are words
		set -- $new
		new=
		for needed in $(depends "$@"); do
			case " $packages $new " in
			*" $needed "*) continue ;;
			esac
			case $needed in
			libxen*) new="$new $needed" ;;
			lib*) installed "$needed" || new="$new $needed" ;;
			esac
		done
		packages="$packages$new"
	done
}

download() {
	# shellcheck disable=SC2086 # names are words
	if ! (cd "$tmp" && apt-get -q -o APT::Sandbox::User=root download $packages) \
		>"$tmp/log" 2>&1; then
		cat "$tmp/log" >&2
		die "cannot download Xen's packages: is there a network, and is 'apt-get update' recent?"
	fi
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

for done in "$root"/deps/xen/*/boot/xen-*.gz; do
	if [ -f "$done" ]; then
		exit 0
	fi
done
find_release
say "fetching Xen $release (about 5 MB, 20 MB unpacked)"
packages="$hypervisor xen-utils-$release xenstore-utils"
add_libraries
mkdir -p "$root/deps"
tmp=$(mktemp -d "$root/deps/.fetch.XXXXXX")
download
mkdir "$tmp/root"
for file in "$tmp"/*.deb; do
	dpkg -x "$file" "$tmp/root" || die "cannot unpack ${file##*/}: is the disk full?"
done
[ -f "$tmp/root/boot/xen-$release-amd64.gz" ] || die "$hypervisor holds no xen-$release-amd64.gz"
[ -x "$tmp/root/usr/lib/xen-$release/bin/xl" ] || die "xen-utils-$release holds no xl"
keep "xen/$release"
say "ready: deps/xen/$release"
