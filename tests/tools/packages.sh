#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Fetch packages whose programs tests/tools tries, and unpack them:
#
#   packages.sh PACKAGE...    each into deps/tools/PACKAGE/; says what is missing when there is none
#
# They are not installed: libvirt would start daemons. A folder that exists is never looked at again;
# remove it to get a newer version.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=

cleanup() {
	if [ -n "$tmp" ]; then
		rm -rf "$tmp"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for package in "$@"; do
	if [ -d "$root/deps/tools/$package" ]; then
		continue
	fi
	mkdir -p "$root/deps/tools"
	tmp=$(mktemp -d "$root/deps/.fetch.XXXXXX")
	if ! (cd "$tmp" && apt-get -q -o APT::Sandbox::User=root download "$package") >"$tmp/log" 2>&1 ||
		! dpkg -x "$tmp"/*.deb "$tmp/root"; then
		cat "$tmp/log" >&2
		echo "the package $package is missing and cannot be fetched: is there a network," \
			"and is 'apt-get update' recent?" >&2
		exit 1
	fi
	if [ "$(id -u)" = 0 ]; then
		chown --reference="$root" "$root/deps" "$root/deps/tools"
		chown -R --reference="$root" "$tmp/root"
	fi
	mv -T "$tmp/root" "$root/deps/tools/$package" 2>/dev/null ||
		[ -d "$root/deps/tools/$package" ] || {
		echo "cannot create $root/deps/tools/$package" >&2
		exit 1
	}
	cleanup
done
