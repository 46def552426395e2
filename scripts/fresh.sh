#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Tries a command of ./run as the first thing ever run on a fresh Debian: debootstraps a minimal one
# into a temporary folder, clones HEAD into it as an ordinary user's checkout, runs the command there
# as root, as sudo would, and looks whether it left files that the user does not own.
#
# usage: sudo scripts/fresh.sh [SUITE] COMMAND [ARGUMENT...]      e.g.  scripts/fresh.sh bookworm test
#
# Mounts live in a mount namespace of their own and end with it. Needs debootstrap.
set -eu

die() {
	echo "fresh: $*" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || die "needs root: sudo $0 $*"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"
case ${1:-} in
bookworm | trixie)
	suite=$1
	shift
	;;
*) suite=bookworm ;;
esac
[ $# -gt 0 ] || die "which command of ./run? e.g. test"

if [ "${FRESH_INSIDE:-}" = "" ]; then
	FRESH_INSIDE=$(mktemp -d /var/tmp/paravane-fresh.XXXXXX)
	export FRESH_INSIDE
	trap 'rm -rf --one-file-system "$FRESH_INSIDE"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	unshare --mount --pid --fork --kill-child "$0" "$suite" "$@"
	exit
fi

# Inside the namespaces. The mirror is the one this machine uses.
source=$(cd "$(dirname "$0")/.." && pwd)
tree=$FRESH_INSIDE/debian
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -1)
echo "fresh: making a minimal $suite"
debootstrap --variant=minbase --include=git,ca-certificates "$suite" "$tree" "$mirror" \
	>"$FRESH_INSIDE/log" 2>&1 || {
	tail -20 "$FRESH_INSIDE/log" >&2
	die "debootstrap failed"
}
for file in resolv.conf hosts; do
	cp -L "/etc/$file" "$tree/etc/$file"
done
# How this machine reaches its mirror, proxy and all.
cp /etc/apt/apt.conf.d/*proxy* "$tree/etc/apt/apt.conf.d/" 2>/dev/null || true
# ip(8) wants a root that is a mount point.
mount --bind "$tree" "$tree"
mount -t proc proc "$tree/proc"
mount --rbind /sys "$tree/sys"
mount --rbind /dev "$tree/dev"
mount -t tmpfs tmpfs "$tree/run"

chroot "$tree" useradd --create-home newcomer
git -c safe.directory='*' clone --quiet --no-hardlinks "$source" "$tree/home/newcomer/paravane"
chroot "$tree" chown -R newcomer: /home/newcomer/paravane
echo "fresh: ./run $*"
status=0
chroot "$tree" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" \
	/home/newcomer/paravane/run "$@" || status=$?
foreign=$(find "$tree/home/newcomer/paravane" ! -user "$(stat -c %u "$tree/home/newcomer")" | head -5)
if [ -n "$foreign" ]; then
	echo "fresh: files that the user does not own: $foreign" >&2
	status=1
fi
echo "fresh: ./run $* ended with $status"
exit $status
