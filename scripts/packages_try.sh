#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Installs, uses and purges the packages beside it. Run by packages.sh as root in a Debian made for
# it; it would purge the packages of the machine it is run on.
set -eu
cd "$(dirname "$0")"
export DEBIAN_FRONTEND=noninteractive
arch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)
work=$(mktemp -d /root/try.XXXXXX)
failed=0
passed=0

die() {
	echo "packages: $*" >&2
	exit 1
}

# check WHAT COMMAND...: one line for each thing; what it printed only if it failed.
check() {
	what=$1
	shift
	if "$@" >"$work/out" 2>&1; then
		echo "ok      $what"
		passed=$((passed + 1))
	else
		echo "FAILED  $what"
		sed 's/^/        /' "$work/out" | tail -30
		failed=$((failed + 1))
	fi
}

# until_there COMMAND...: what another process is about to do.
until_there() {
	for _ in $(seq 100); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	return 1
}

# All that packages may bring, and what apt and dpkg know of them elsewhere than in their files.
snapshot() {
	find / -xdev \( -path "$work" -o -path /root/packages -o -path /var/cache -o -path /var/log \
		-o -path /var/lib/apt -o -path '/var/lib/dpkg/status*' -o -path /tmp \) -prune -o \
		-printf '%p %y %m %u %l\n' | sort
	md5sum /etc/ld.so.cache "$plugins"/* 2>/dev/null
	dpkg-divert --list
}

names=
for package in *.deb; do
	names="$names $(dpkg-deb -f "$package" Package)"
done

# ---- what they depend on, without them ----

echo "packages: installing what they depend on"
apt-get -qq update || die "apt-get update failed"
apt-get install --simulate --no-install-recommends ./*.deb dpdk-dev gcc libc6-dev make pkg-config \
	bash-completion systemd >"$work/plan" || die "they cannot be installed here, see above"
awk '$1 == "Inst" { print $2 }' "$work/plan" | while read -r name; do
	case " $names " in *" $name "*) ;; *) echo "$name" ;; esac
done >"$work/depends"
# shellcheck disable=SC2046 # the names are words
apt-get -qq install -y --no-install-recommends $(cat "$work/depends") >"$work/out" 2>&1 || {
	tail -20 "$work/out"
	die "what they depend on could not be installed"
}
plugins=$(dirname "$(dpkg -L libdpdk-dev | grep '/librte_net_vmxnet3.so$' | grep /dpdk/)")
own=/usr/lib/$arch/paravane/pmds
intree=$(ls "$plugins"/librte_net_vmxnet3.so.*.*)
snapshot >"$work/before"

# ---- installed ----

install_all() {
	apt-get install -y --no-install-recommends \
		$(ls ./*.deb | grep -v vmxnet3-divert)
}

echo "packages: installing them"
check "they can be installed" install_all
installed() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' $names | grep -v '^installed' |
	grep -v vmxnet3-divert | grep . && return 1 || return 0; }
check "they are installed" installed
check "no service is enabled" sh -c '! ls /etc/systemd/system/*/* | grep pv'
check "systemd takes the units" systemd-analyze verify --man=no /lib/systemd/system/pvswitch.service \
	/lib/systemd/system/pvn-ivshmem.service

# ---- pvnctl ----

complete() {
	bash -c '. /usr/share/bash-completion/bash_completion
		_completion_loader pvnctl
		complete -p pvnctl
		COMP_WORDS=(pvnctl ivs) COMP_CWORD=1 COMP_LINE="pvnctl ivs" COMP_POINT=10
		_pvnctl pvnctl ivs pvnctl
		echo "words: ${COMPREPLY[*]}"' >"$work/words" 2>&1 || true
	grep "words: ivshmem" "$work/words" || { cat "$work/words"; return 1; }
}
check "pvnctl has help" sh -c 'pvnctl --help | grep "xen attach"'
check "bash completes its commands" complete
check "manual pages are there" ls /usr/share/man/man8/pvnctl.8.gz /usr/share/man/man8/pvswitch.8.gz

pvnctl ivshmem serve r0,size=64M,vectors=4 r1,size=64M,vectors=4 >"$work/keeper.log" 2>&1 &
keeper=$!
mkdir "$work/xen"
pvnctl local serve "$work/xen/server" >"$work/local.log" 2>&1 &
local=$!
check "pvnctl keeps regions of shared memory" until_there pvnctl ivshmem list
check "pvnctl plays Xen" until_there pvnctl local domain add "$work/xen/server" 7 --name web
check "pvnctl attaches a device" pvnctl --xen "local:$work/xen/server:0" xen attach web \
	--mac 02:00:00:00:01:01

# ---- drivers, with no -d ----

# drives DRIVER EAL-OPTION...: dpdk-testpmd has a port of it.
drives() {
	driver=$1
	shift
	printf 'show port info all\nquit\n' | timeout 60 dpdk-testpmd --no-huge -m 128 -l 0,1 \
		--no-telemetry "$@" -- -i --total-num-mbufs=2048 >"$work/testpmd" 2>&1 || true
	grep "Driver name: $driver" "$work/testpmd" || { cat "$work/testpmd"; return 1; }
}
check "dpdk-testpmd finds net_ivshmem" drives net_ivshmem --no-pci \
	--vdev net_ivshmem0,host=/run/pvn-ivshmem/r0,mac=02:00:00:00:00:01
check "dpdk-testpmd finds net_xenback" drives net_xenback --no-pci \
	--vdev "net_xenback,watch=1,xen=local:$work/xen/server:0"
check "dpdk-testpmd finds net_xenvirt" drives net_xenvirt --no-pci \
	--vdev "net_xenvirt0,handle=0,xen=local:$work/xen/server:7"

# ---- VMXNET3: which driver is asked first ----

# A VMXNET3 device in a folder that EAL takes for sysfs. The kernel has it, so each driver is asked
# in turn, in EAL's order, and none gets it.
pci=$work/devices/0000:03:00.0
mkdir -p "$pci"
for pair in vendor=0x15ad device=0x07b0 subsystem_vendor=0x15ad subsystem_device=0x07b0 \
	class=0x020000 numa_node=0; do
	echo "${pair#*=}" >"$pci/${pair%%=*}"
done
for _ in 0 1 2 3 4 5; do
	echo 0x0000000000000000 0x0000000000000000 0x0000000000000000
done >"$pci/resource"
ln -s ../../drivers/vmxnet3 "$pci/driver"

# asked DRIVERS EAL-OPTION...: these are asked, in this order.
asked() {
	want=$1
	shift
	: >"$work/testpmd"
	echo quit | SYSFS_PCI_DEVICES=$work/devices timeout 60 dpdk-testpmd --no-huge -m 64 -l 0,1 \
		--no-telemetry --log-level lib.eal:debug "$@" -- -i --total-num-mbufs=2048 \
		>"$work/testpmd" 2>&1 || true
	got=$(echo $(sed -n 's/.*probe driver: 15ad:7b0 //p' "$work/testpmd"))
	[ "$got" = "$want" ] || {
		cat "$work/testpmd"
		echo "asked: '$got', expected: '$want'"
		return 1
	}
}
check "VMXNET3, no -d: net_vmxnet3 only" asked net_vmxnet3
check "VMXNET3, -d: net_pvn_vmxnet3 first" asked "net_pvn_vmxnet3 net_vmxnet3" -d "$own"
md5sum "$intree" >"$work/intree.md5"
check "the divert package can be installed" dpkg -i ./paravane-vmxnet3-divert_*.deb
check "VMXNET3, diverted: net_pvn_vmxnet3 only" asked net_pvn_vmxnet3
check "the divert package again, as in an upgrade" dpkg -i ./paravane-vmxnet3-divert_*.deb
check "VMXNET3, after the upgrade: net_pvn_vmxnet3 only" asked net_pvn_vmxnet3
reinstall() { apt-get install -y --reinstall "$(dpkg -S "$intree" | sed -n 's/^\(librte[^:]*\).*/\1/p')"; }
check "DPDK's package is installed again" reinstall
check "VMXNET3, after that: net_pvn_vmxnet3 only" asked net_pvn_vmxnet3
check "the divert package can be removed" dpkg -r paravane-vmxnet3-divert
check "no link to its driver is left" test ! -L "/usr/lib/$arch/librte_net_pvn_vmxnet3.so"
check "DPDK's driver is as it was" md5sum -c "$work/intree.md5"
check "VMXNET3, no -d: net_vmxnet3 only, again" asked net_vmxnet3
check "the divert package is there for purging" dpkg -i ./paravane-vmxnet3-divert_*.deb

# ---- the library ----

link() {
	cp -r /usr/share/doc/paravane/examples "$work/examples"
	make -C "$work/examples"
	ldd "$work/examples/ivshmem_host" | grep "libpvn_ivshmem.so.0 => /lib/$arch\|=> /usr/lib/$arch/libpvn"
}
lend() {
	timeout 60 "$work/examples/ivshmem_host" --no-huge --no-pci -m 64 --file-prefix host -l 0 -- \
		socket:/run/pvn-ivshmem/r1.host 10 >"$work/host" 2>&1 &
	host=$!
	until_there grep "waiting for a guest" "$work/host" || { cat "$work/host"; return 1; }
	timeout 60 "$work/examples/ivshmem_guest" --no-huge --no-pci -m 64 --file-prefix guest -l 1 -- \
		socket:/run/pvn-ivshmem/r1 >"$work/guest" 2>&1 || true
	wait $host || { cat "$work/host"; return 1; }
	grep "10 frames, 0 with a bad header" "$work/guest" || { cat "$work/guest"; return 1; }
}
check "examples are built with the installed library" link
check "and lend ten frames, and have them back" lend

# ---- pvswitch ----

switch_runs() {
	options=$(sed -n 's/^PVSWITCH_EAL="\(.*\)"/\1/p' /etc/default/pvswitch)
	# shellcheck disable=SC2086 # the options are words
	RUNTIME_DIRECTORY=/run/pvswitch pvswitch $options --no-huge -m 128 -- \
		--config /etc/pvswitch/pvswitch.conf --mbufs 4095 >"$work/switch" 2>&1 &
	switch=$!
	until_there pvnctl switch show switch || { cat "$work/switch"; kill -KILL $switch; return 1; }
	kill $switch
	wait $switch
}
mkdir -p /run/pvswitch
check "pvswitch takes its configuration" pvswitch -- --check --config /etc/pvswitch/pvswitch.conf
check "pvswitch runs with it and answers pvnctl" switch_runs

kill $keeper $local
wait $keeper $local || true

# ---- purged ----

echo "packages: purging them"
# shellcheck disable=SC2086 # the names are words
check "they can be purged" dpkg --purge $names
snapshot >"$work/after"
check "nothing is left of them" diff "$work/before" "$work/after"
check "VMXNET3: net_vmxnet3 only, as before" asked net_vmxnet3

echo "packages: $passed passed, $failed failed"
[ $failed -eq 0 ]
