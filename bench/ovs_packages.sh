#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Fetch Open vSwitch with DPDK for the benchmarks that compare with it. It is not installed, which
# would start a daemon:
#
#   deps/ovs/<version>/   ovs-vswitchd, ovsdb-server, their tools and libraries that are missing here
#
# Packages are downloaded by apt-get and unpacked by dpkg -x, all into one tree. It appears under its
# final name only when it is complete, so a tree that exists is never looked at again: a second run
# needs no network and takes no time. Remove the folder to get a newer one.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
tmp=

say() { echo "ovs-packages: $*"; }

die() {
	echo "ovs-packages: $*" >&2
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

# missing_libraries PACKAGE...: those they need, and those need, that are not installed
missing_libraries() {
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
		--no-replaces --no-enhances --no-pre-depends "$@" | grep '^lib' | sort -u |
		while read -r package; do
			dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
				grep -qx installed || echo "$package"
		done
}

for done in "$root"/deps/ovs/*/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk; do
	if [ -x "$done" ]; then
		exit 0
	fi
done
version=$(apt-cache show --no-all-versions openvswitch-switch-dpdk 2>/dev/null |
	sed -n 's/^Version: //p' | head -n 1)
[ -n "$version" ] ||
	die "apt knows no package openvswitch-switch-dpdk: run 'apt-get update' first"
say "fetching Open vSwitch $version (about 5 MB, 20 MB unpacked)"
packages="openvswitch-switch-dpdk openvswitch-switch openvswitch-common"
# shellcheck disable=SC2086 # names are words
packages="$packages $(missing_libraries $packages)"
mkdir -p "$root/deps/ovs"
tmp=$(mktemp -d "$root/deps/.fetch.XXXXXX")
# shellcheck disable=SC2086
if ! (cd "$tmp" && apt-get -q -o APT::Sandbox::User=root download $packages) >"$tmp/log" 2>&1; then
	cat "$tmp/log" >&2
	die "cannot download Open vSwitch: is there a network, and is 'apt-get update' recent?"
fi
mkdir "$tmp/root"
for file in "$tmp"/*.deb; do
	dpkg -x "$file" "$tmp/root" || die "cannot unpack ${file##*/}: is the disk full?"
done
[ -x "$tmp/root/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk" ] ||
	die "openvswitch-switch-dpdk holds no ovs-vswitchd-dpdk"
if [ "$(id -u)" = 0 ]; then
	chown --reference="$root" "$root/deps" "$root/deps/ovs"
	chown -R --reference="$root" "$tmp/root"
fi
mv -T "$tmp/root" "$root/deps/ovs/$version" 2>/dev/null || [ -d "$root/deps/ovs/$version" ] ||
	die "cannot create $root/deps/ovs/$version"
cleanup
say "ready: deps/ovs/$version"
