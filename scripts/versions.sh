#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Builds and tries everything with the DPDK, gcc, QEMU and Xen of other Debian releases:
#
#	./run versions [--quick] [bookworm|trixie|sid...]	all three unless some are named
#
# For each a minimal Debian in deps/chroots/<suite>/, made once, from the archive that this machine
# uses. In it ./run setup, a build with gcc, the unit and device tests, and one test in a guest, which
# --quick leaves out. One line for each is printed; docs/versions.md is written anew from the last
# result of each, deps/chroots/<suite>.result.
#
# What runs there has its own mounts and process numbers, which end with it. Nothing is installed on
# this machine. Takes root, mmdebstrap and, the first time, about 3 GB of disk for each.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
chroots=$root/deps/chroots
vm_test=test_vmxnet3_frames

say() { echo "versions: $*"; }

die() {
	echo "versions: $*" >&2
	exit 1
}

# ---- inside a chroot ----

# number NAME LOG: that one of meson's summary
number() {
	sed -n "s/^$1: *\\([0-9]*\\) *$/\\1/p" "$2" | tail -n 1 | grep . || echo 0
}

# tests_of LOG ARGUMENT...: runs them, sets $sums
tests_of() {
	log=$1
	shift
	meson test -C build --no-rebuild "$@" >"$log" 2>&1 || true
	grep -q '^Ok:' "$log" || {
		sums='could not be run'
		return 1
	}
	failed=$(($(number Fail "$log") + $(number Timeout "$log") + $(number 'Unexpected Pass' "$log")))
	sums="$(number Ok "$log") passed, $failed failed"
	skipped=$(number Skipped "$log")
	[ "$skipped" -eq 0 ] || sums="$sums, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$(number Ok "$log")" -gt 0 ]
}

# answer FIELD VALUE: tells the script outside
answer() { echo "$1=$2" >>/result; }

found_versions() {
	answer dpdk "$(pkg-config --modversion libdpdk || echo none)"
	# Where somebody put headers there by hand, a file FROM says which.
	answer headers "$(cat "deps/dpdk-headers/$(pkg-config --modversion libdpdk)/FROM" 2>/dev/null ||
		echo 'its source package')"
	answer gcc "$(gcc -dumpfullversion || echo none)"
	answer qemu "$(qemu-system-x86_64 --version | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')"
	for xen in deps/xen/*/; do
		answer xen "$(basename "$xen")"
	done
}

# Configuring anew after an upgrade of DPDK is meson's business; a folder that half configured is not.
build() {
	if [ ! -f build/build.ninja ]; then
		rm -rf build
		meson setup build -Dwerror=true || return 1
	fi
	ninja -C build
}

inside() {
	cd /src
	status=0
	scripts/setup.sh >/log.setup 2>&1 || status=1
	found_versions
	if [ $status -ne 0 ]; then
		answer built 'setup failed'
		exit 1
	fi
	if ! build >/log.build 2>&1; then
		answer built no
		exit 1
	fi
	answer built yes
	tests_of /log.tests --suite unit --suite device || status=1
	answer tests "$sums"
	if [ "$1" = vm ]; then
		tests_of /log.vm "$vm_test" || status=1
		answer vm "$sums"
	fi
	exit $status
}

# ---- outside ----

# The archive that this machine's own release comes from has the others, too.
find_mirror() {
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(CREATED_BY)|$(REPO_URI)|$(ORIGIN)|$(LABEL)|$(COMPONENT)' |
		awk -F'|' '$1 == "Packages" && $3 == "Debian" && $4 == "Debian" && $5 == "main" { print $2; exit }'
}

# How this machine's apt is told to reach archives, as mmdebstrap's options, one a line.
apt_options() {
	apt-config dump | sed -n 's/^\(Acquire::\(Check-[A-Za-z-]*\|https\{0,1\}::Proxy.*\) ".*"\);$/--aptopt=\1/p'
}

make_chroot() {
	suite=$1
	[ ! -d "$chroots/$suite" ] || return 0
	command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: sudo apt-get install mmdebstrap"
	mirror=$(find_mirror)
	[ -n "$mirror" ] || die "apt knows no archive of Debian: run 'apt-get update' on a Debian machine"
	say "making a minimal $suite in deps/chroots/$suite"
	rm -rf --one-file-system "$chroots/$suite.new"
	(
		IFS='
'
		# shellcheck disable=SC2046 # one a line
		mmdebstrap --variant=apt $(apt_options) "$suite" "$chroots/$suite.new" "$mirror"
	) >"$chroots/$suite.log" 2>&1 || {
		tail -n 5 "$chroots/$suite.log" >&2
		say "$suite cannot be made from this machine's archive, see deps/chroots/$suite.log" >&2
		return 1
	}
	mv -T "$chroots/$suite.new" "$chroots/$suite"
}

# The tree as it is now, with times, so that what was built there and has not changed stays.
copy_tree() {
	mkdir -p "$1/src"
	find "$1/src" -mindepth 1 -maxdepth 1 ! -name deps ! -name build -exec rm -rf {} +
	git -C "$root" -c safe.directory='*' ls-files -z --cached --others --exclude-standard -- . ':!deps' |
		tar -C "$root" --null --ignore-failed-read -T - -cf - | tar -C "$1/src" -xf -
}

# enter TREE MODE: mounts, then the chroot. ip(8) wants a root that is a mount point.
enter() {
	tree=$1
	for file in resolv.conf hosts; do
		cp -L "/etc/$file" "$tree/etc/$file"
	done
	mount --bind "$tree" "$tree"
	mount -t proc proc "$tree/proc"
	mount --rbind /sys "$tree/sys"
	mount --rbind /dev "$tree/dev"
	mount -t tmpfs tmpfs "$tree/dev/shm"
	mount -t tmpfs tmpfs "$tree/run"
	exec chroot "$tree" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		/src/scripts/versions.sh --inside "$2"
}

# value FIELD SUITE
value() {
	sed -n "s/^$1=//p" "$chroots/$2.result" | tail -n 1 | grep . || echo -
}

try_suite() {
	suite=$1
	tree=$chroots/$suite
	make_chroot "$suite" || return 1
	copy_tree "$tree"
	rm -f "$tree"/log.* "$tree/result"
	say "$suite: setup, build, tests (what they say: deps/chroots/$suite/log.*)"
	status=0
	unshare --mount --pid --fork --kill-child "$0" --enter "$tree" "$mode" || status=1
	{
		echo "date=$(date -u +%F)"
		cat "$tree/result" 2>/dev/null || true
	} >"$chroots/$suite.result"
	echo "$suite: DPDK $(value dpdk "$suite"), gcc $(value gcc "$suite"), QEMU $(value qemu "$suite")," \
		"Xen $(value xen "$suite"): built: $(value built "$suite"); unit and device tests:" \
		"$(value tests "$suite"); $vm_test: $(value vm "$suite")"
	return $status
}

write_table() {
	cat <<END
<!-- SPDX-License-Identifier: BSD-3-Clause
     Written by ./run versions; a change by hand is lost. -->
# Versions

What \`sudo ./run versions\` saw last: for each release of Debian its DPDK, compiler and QEMU, the drivers
and programs built with them, the unit and device tests, and one test in a guest (\`$vm_test\`, on that
QEMU). Xen is the version that the release has for tests in Xen, which this table is not about.

| Debian | DPDK | driver headers from | gcc | QEMU | Xen | built | unit and device tests | test in a guest | on |
|---|---|---|---|---|---|---|---|---|---|
END
	for suite in bookworm trixie sid; do
		[ -f "$chroots/$suite.result" ] || continue
		echo "| $suite | $(value dpdk "$suite") | $(value headers "$suite") |" \
			"$(value gcc "$suite") | $(value qemu "$suite") |" \
			"$(value xen "$suite") | $(value built "$suite") | $(value tests "$suite") |" \
			"$(value vm "$suite") | $(value date "$suite") |"
	done
}

case ${1:-} in
--inside) inside "$2" ;;
--enter) enter "$2" "$3" ;;
esac

mode=vm
if [ "${1:-}" = --quick ]; then
	mode=quick
	shift
fi
for suite in "$@"; do
	case $suite in
	bookworm | trixie | sid) ;;
	*) die "there is no release '$suite' here; there are: bookworm trixie sid" ;;
	esac
done
[ $# -gt 0 ] || set -- bookworm trixie sid
[ "$(id -u)" -eq 0 ] || die "needs root (chroot): sudo ./run versions"
mkdir -p "$chroots"
bad=0
for suite in "$@"; do
	try_suite "$suite" || bad=1
done
write_table >"$root/docs/versions.md"
say "written: docs/versions.md"
exit $bad
