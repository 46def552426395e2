#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# dpdk_source.sh WHAT DEST PATTERN...: takes the files PATTERN... out of the distribution's own source
# package of exactly the installed libdpdk, and puts them below DEST (in deps/) with their paths; DEST
# appears when it is complete. WHAT names them in messages. /etc/apt and apt's own lists are not
# touched: a private sources list is derived from the package indexes apt already knows.
set -eu

die() {
	echo "setup: $*" >&2
	exit 1
}

what=$1
dest=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
version=$(pkg-config --modversion libdpdk) || die "pkg-config finds no libdpdk: install libdpdk-dev"
package=$(dpkg-query -W -f '${source:Package}' libdpdk-dev)
wanted=$(dpkg-query -W -f '${source:Version}' libdpdk-dev)
mkdir -p "$root/deps"
work=$(mktemp -d "$root/deps/dpdk-source.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"

# What apt leaves unset it prints as a literal $(SIGNED_BY); trust then comes from its key rings.
apt-get indextargets --format '$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)' |
	sort -u | awk -F'|' '$1 == "Packages" && $4 != "" {
		option = $5 ~ /^\// ? "[signed-by=" $5 "] " : ""
		print "deb-src " option $2, $3, $4
	}' >"$work/sources.list"
[ -s "$work/sources.list" ] || die "apt knows no package index: run 'apt-get update' first"

private_apt() {
	apt-get -qq -o APT::Sandbox::User=root \
		-o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
		-o Dir::Etc::Trusted=/usr/share/keyrings/debian-archive-keyring.gpg "$@"
}

echo "setup: fetching $what of DPDK $version from its source package $package $wanted"
private_apt update || echo "setup: some package indexes could not be read, going on" >&2
if ! (cd "$work" && private_apt source --download-only "$package=$wanted"); then
	offered=$(apt-cache policy libdpdk-dev | awk '/Candidate:/ { print $2 }')
	[ "$offered" != "$(dpkg-query -W -f '${Version}' libdpdk-dev)" ] ||
		die "the archive lists the source package $package $wanted but does not serve it, see above:
       try again later, or with another mirror"
	die "no source package $package $wanted is offered any more; the index has libdpdk-dev $offered:
       run 'apt-get install --only-upgrade libdpdk-dev dpdk' and then ./run setup again"
fi

tarball=$(echo "$work/${package}_"*.orig.tar.*)
mkdir "$work/out"
tar -xf "$tarball" -C "$work/out" --strip-components=1 --wildcards "$@"
grep -q "^Version: .*$version" "$work/${package}_"*.dsc || die "the source package is not version $version"
mkdir -p "$(dirname "$dest")"
rm -rf "$dest"
mv "$work/out" "$dest"
chmod 755 "$dest"
