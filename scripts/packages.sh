#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Builds the Debian packages from a copy of this tree, into build/packages, looks at them with
# lintian, and installs, uses and purges them in a Debian of its own (packages_try.sh), which has
# nothing else of this project. Needs root, and about four minutes.
#
# Mounts and processes live in namespaces of their own and end with them.
set -eu

tools='debhelper debootstrap dpkg-dev fakeroot lintian'

die() {
	echo "packages: $*" >&2
	exit 1
}

# quietly NAME COMMAND...: its output is shown only when it fails.
quietly() {
	log=$PACKAGES_INSIDE/$1.log
	shift
	"$@" >"$log" 2>&1 || {
		tail -40 "$log" >&2
		die "this failed, see above: $*"
	}
}

root=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" -eq 0 ] || die "needs root (a chroot, mounts): sudo ./run packages"

if [ "${PACKAGES_INSIDE:-}" = "" ]; then
	# shellcheck disable=SC2086 # the names are words
	dpkg-query -W -f '${db:Status-Status}\n' $tools 2>/dev/null | grep -c '^installed' |
		grep -qx "$(echo "$tools" | wc -w)" || {
		echo "packages: installing $tools"
		apt-get -q update || echo "packages: some package indexes could not be read, going on" >&2
		DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $tools
	}
	PACKAGES_INSIDE=$(mktemp -d /var/tmp/paravane-packages.XXXXXX)
	export PACKAGES_INSIDE
	chmod 755 "$PACKAGES_INSIDE" # EAL takes no plug-ins from below folders of others
	child=
	trap 'rm -rf --one-file-system "$PACKAGES_INSIDE"' EXIT
	# Whoever ends unshare ends all that is in its namespaces.
	for signal in HUP INT TERM; do
		trap '[ -z "$child" ] || kill -KILL $child; wait; exit 1' $signal
	done
	unshare --mount --pid --fork --kill-child "$0" &
	child=$!
	wait $child && exit 0
	exit 1
fi

# ---- build ----

tree=$PACKAGES_INSIDE/paravane
mkdir -p "$tree/deps"
cd "$root"
git -c safe.directory='*' ls-files -z --cached --others --exclude-standard -- ':!deps' |
	tar -c --null -T - | tar -x -C "$tree" --no-same-owner
[ ! -d deps/dpdk-headers ] || cp -r deps/dpdk-headers "$tree/deps/"
echo "packages: building"
(cd "$tree" && quietly build dpkg-buildpackage -b -us -uc)
echo "packages: lintian"
quietly lintian lintian --allow-root --fail-on error,warning "$PACKAGES_INSIDE"/*.changes
rm -rf build/packages
mkdir -p build/packages
for package in "$PACKAGES_INSIDE"/*.deb; do
	case $package in
	*-dbgsym_*) ;;
	*) cp "$package" build/packages/ ;;
	esac
done

# ---- try ----

suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -1)
debian=$PACKAGES_INSIDE/debian
echo "packages: making a minimal $suite"
quietly debootstrap debootstrap --variant=minbase "$suite" "$debian" "$mirror"
for file in resolv.conf hosts; do
	cp -L "/etc/$file" "$debian/etc/$file"
done
# What this machine's apt reads of this suite, and how it reaches it.
cp /etc/apt/apt.conf.d/*proxy* "$debian/etc/apt/apt.conf.d/" 2>/dev/null || true
apt-get indextargets --format '$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' |
	awk -F'|' -v suite="$suite" '$1 == "Packages" && index($3, suite) == 1 && $4 != "" {
		print "deb", $2, $3, $4
	}' | sort -u >"$debian/etc/apt/sources.list"
mount -t proc proc "$debian/proc"
mount -t sysfs -o ro sysfs "$debian/sys" 2>/dev/null || mount --rbind /sys "$debian/sys"
mount --rbind /dev "$debian/dev"
mount -t tmpfs tmpfs "$debian/run"
mkdir "$debian/root/packages"
cp build/packages/*.deb scripts/packages_try.sh "$debian/root/packages/"
chroot "$debian" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
	sh /root/packages/packages_try.sh
echo "packages: they are in build/packages"
