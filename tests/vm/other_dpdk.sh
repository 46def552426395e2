#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Fetch another DPDK than the one that is installed, for guests of tests: that of the next Debian
# release, or of the one before.
#
#   deps/other-dpdk/<version>/   headers, shared libraries, and the libc that they need
#
# Nothing of it is installed. Its packages are found by a private sources list, made of what apt
# knows: /etc/apt and apt's own lists stay as they are. The folder appears when it is complete, so
# one that exists is never looked at again. Where no other release can be had, nothing is fetched,
# and the test that needs it says so.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=

say() { echo "other-dpdk: $*"; }

cleanup() {
	if [ -n "$tmp" ]; then
		rm -rf "$tmp"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# without REASON: leave it
without() {
	say "$*: tests with another DPDK will be skipped"
	[ ! -s "$tmp/log" ] || tail -n 3 "$tmp/log"
	exit 0
}

private() {
	"$@" -o APT::Sandbox::User=root \
		-o Dir::Etc::SourceList="$tmp/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$tmp/lists" -o Dir::State::status=/dev/null \
		-o Dir::Cache="$tmp/cache" -o Acquire::http::Timeout=20 -o Acquire::Retries=1 \
		-o Dir::Etc::Trusted=/usr/share/keyrings/debian-archive-keyring.gpg
}

# The archive that this machine's release comes from has the other one, too.
list_other_release() {
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)' |
		sort -u | awk -F'|' '
		BEGIN { other["bookworm"] = "trixie"; other["trixie"] = other["sid"] = "bookworm" }
		$1 == "Packages" && $4 == "main" && $3 in other {
			option = $5 ~ /^\// ? "[signed-by=" $5 "] " : ""
			print "deb " option $2, other[$3], $4
		}' >"$tmp/sources.list"
	[ -s "$tmp/sources.list" ] || without "apt knows neither bookworm nor trixie"
}

# What is linked, and all that this needs, by name: librte-eal25 and the like.
find_packages() {
	linked=$(private apt-cache depends libdpdk-dev |
		sed -n 's/^ *Depends: \(librte-\(mbuf\|mempool-ring\|telemetry\|bus-pci\|bus-vdev\)[0-9]*\)$/\1/p')
	[ -n "$linked" ] || without "the other release has no libdpdk-dev"
	# shellcheck disable=SC2086 # names are words
	packages="libdpdk-dev $(private apt-cache depends --recurse --no-recommends --no-suggests \
		--no-conflicts --no-breaks --no-replaces --no-enhances $linked |
		grep '^[a-z]' | grep -v -e '-support$' | sort -u)"
}

download() {
	mkdir "$tmp/debs"
	# shellcheck disable=SC2086 # names are words
	(cd "$tmp/debs" && private apt-get -q download $packages) >"$tmp/log" 2>&1 ||
		without "the other release's DPDK cannot be downloaded"
}

unpack() {
	mkdir "$tmp/root"
	for file in "$tmp"/debs/*.deb; do
		dpkg -x "$file" "$tmp/root" || without "${file##*/} cannot be unpacked"
	done
	rm -rf "$tmp/root/usr/share" "$tmp"/root/usr/lib/*/*.a "$tmp"/root/usr/lib/*/gconv
}

for done in "$root"/deps/other-dpdk/*/usr; do
	if [ -d "$done" ]; then
		exit 0
	fi
done
mkdir -p "$root/deps"
tmp=$(mktemp -d "$root/deps/.fetch.XXXXXX")
mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial"
list_other_release
say "fetching the DPDK of $(awk 'NR == 1 { print $(NF - 1) }' "$tmp/sources.list") (about 30 MB)"
private apt-get -q update >"$tmp/log" 2>&1 || without "its package index cannot be read"
find_packages
download
unpack
version=$(sed -n 's/^Version: //p' "$tmp"/root/usr/lib/*/pkgconfig/libdpdk.pc)
[ -n "$version" ] || without "libdpdk-dev holds no libdpdk.pc"
mkdir -p "$root/deps/other-dpdk"
if [ "$(id -u)" = 0 ]; then
	chown --reference="$root" "$root/deps" "$root/deps/other-dpdk"
	chown -R --reference="$root" "$tmp/root"
fi
mv -T "$tmp/root" "$root/deps/other-dpdk/$version" 2>/dev/null ||
	[ -d "$root/deps/other-dpdk/$version" ] || without "deps/other-dpdk/$version cannot be made"
say "ready: deps/other-dpdk/$version"
