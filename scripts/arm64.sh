#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Builds everything for 64-bit ARM and runs the unit and device tests in qemu-user:
#
#	./run arm64 [TEST...]		all of them, or these of meson's
#
# clang compiles for ARM by itself; headers and libraries are those of this machine's release,
# unpacked to deps/arm64/<version of DPDK>/ and never installed. They are found by a private sources
# list, made of what apt knows: /etc/apt and apt's own lists stay as they are. The folder appears
# when it is complete, so one that exists is never looked at again.
#
# Tests that need a guest, namespaces or another program are not run: there is no ARM kernel here.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build-arm64
triple=aarch64-linux-gnu
wanted='libdpdk-dev libcmocka-dev libxen-dev libjansson-dev libc6-dev libgcc-12-dev'
tmp=

say() { echo "arm64: $*"; }

die() {
	echo "arm64: $*" >&2
	exit 1
}

cleanup() {
	if [ -n "$tmp" ]; then
		rm -rf "$tmp"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# need COMMAND PACKAGE
need() {
	command -v "$1" >/dev/null || die "$1 is missing: sudo apt-get install $2"
}

# ---- headers and libraries ----

private() {
	"$@" -o APT::Sandbox::User=root \
		-o APT::Architecture=arm64 -o APT::Architectures=arm64 \
		-o Dir::Etc::SourceList="$tmp/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$tmp/lists" -o Dir::State::status="$tmp/status" \
		-o Dir::State::extended_states="$tmp/extended" \
		-o Dir::Cache="$tmp/cache" -o Acquire::http::Timeout=20 -o Acquire::Retries=1 \
		-o Dir::Etc::Trusted=/usr/share/keyrings/debian-archive-keyring.gpg
}

# Only the distribution's own archive: others rarely have this architecture.
list_sources() {
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)' |
		sort -u | awk -F'|' '
		$1 == "Packages" && $4 == "main" && $2 ~ /debian/ {
			option = $5 ~ /^\// ? " signed-by=" $5 : ""
			print "deb [arch=arm64" option "]", $2, $3, $4
		}' >"$tmp/sources.list"
	[ -s "$tmp/sources.list" ] || die "apt knows no package index: run 'apt-get update' first"
}

# All that the wanted ones need, but for programs.
find_packages() {
	# shellcheck disable=SC2086 # names are words
	private apt-get -q install -y --no-install-recommends --print-uris $wanted >"$tmp/uris" 2>"$tmp/log" || {
		cat "$tmp/log" >&2
		die "these packages are not to be had for arm64: $wanted"
	}
	sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p" "$tmp/uris" |
		grep -e '^lib' -e '^linux-libc-dev$' -e '^zlib' -e '^ibverbs' |
		grep -v -e perl -e '^libpam' -e '[atlh]*san[0-9]*$'
}

fetch() {
	mkdir -p "$root/deps"
	tmp=$(mktemp -d "$root/deps/.fetch.XXXXXX")
	mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial" "$tmp/debs" "$tmp/root/usr/lib"
	: >"$tmp/status"
	list_sources
	say "fetching headers and libraries for arm64 (about 60 MB)"
	private apt-get -q update >"$tmp/log" 2>&1 || die "the package index cannot be read: $(tail -n 3 "$tmp/log")"
	# shellcheck disable=SC2046 # names are words
	(cd "$tmp/debs" && private apt-get -q download $(find_packages)) >"$tmp/log" 2>&1 ||
		die "cannot download: $(tail -n 3 "$tmp/log")"
	ln -s usr/lib "$tmp/root/lib"
	for file in "$tmp"/debs/*.deb; do
		dpkg -x "$file" "$tmp/root" || die "${file##*/} cannot be unpacked: is the disk full?"
	done
	rm -rf "$tmp/root/usr/share" "$tmp/root/usr/lib/$triple"/librte_*.a
	[ "$(id -u)" != 0 ] || chown -R --reference="$root" "$tmp/root"
	mkdir -p "$root/deps/arm64"
	mv -T "$tmp/root" "$sysroot"
	rm -rf "$tmp"
	tmp=
	say "ready: deps/arm64/$version"
}

# ---- build ----

# What meson is to know of the other machine.
describe() {
	cat <<END
[binaries]
c = ['clang', '--target=$triple', '--sysroot=$sysroot']
c_ld = 'lld'
ar = 'ar'
strip = 'true'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', '$sysroot']

[properties]
sys_root = '$sysroot'
pkg_config_libdir = '$sysroot/usr/lib/$triple/pkgconfig'

[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'armv8-a'
endian = 'little'
END
}

build() {
	if [ ! -f "$build/build.ninja" ]; then
		mkdir -p "$build"
		describe >"$build/cross.ini"
		say "configuring build-arm64"
		meson setup "$build" "$root" --cross-file "$build/cross.ini" -Dwerror=true >"$build/setup.log" 2>&1 || {
			cat "$build/setup.log" >&2
			rm -rf "$build"
			die "meson could not configure build-arm64, see above"
		}
	fi
	say "compiling build-arm64"
	ninja -C "$build" --quiet >"$build/build.log" 2>&1 || {
		grep -v "^\[" "$build/build.log" >&2
		die "build-arm64 does not compile, see above"
	}
}

# ---- tests ----

# field NAME: that number of meson's summary
field() {
	sed -n "s/^$1: *\\([0-9]*\\) *$/\\1/p" "$build/tests.log" | tail -n 1
}

# An emulated processor is ten times slower.
run_tests() {
	say "running the unit and device tests in qemu-aarch64"
	status=0
	meson test -C "$build" --no-rebuild --suite unit --suite device --no-suite native -t 10 "$@" \
		>"$build/tests.log" 2>&1 || status=$?
	grep -E '^ *[0-9]+/[0-9]+ .* (FAIL|TIMEOUT|ERROR|SKIP) ' "$build/tests.log" || true
	passed=$(field Ok)
	failed=$(($(field Fail) + $(field Timeout)))
	skipped=$(field Skipped)
	say "not run: guests, and tests that start programs (suites vm, xen, xenstore, ivshmem, tools, native)"
	say "skipped, or in parts: what single-steps itself, which only x86 can"
	[ "$status" = 0 ] || say "what they said: build-arm64/meson-logs/testlog.txt"
	echo "$passed passed, $failed failed, $skipped skipped"
	return "$status"
}

version=$(pkg-config --modversion libdpdk) || die "pkg-config finds no libdpdk: sudo ./run setup"
sysroot=$root/deps/arm64/$version
need clang clang
need ld.lld lld
need qemu-aarch64 qemu-user
[ -d "$sysroot" ] || fetch
build
run_tests "$@"
