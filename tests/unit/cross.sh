#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Builds the pure tests for another machine and runs them:
#
#	cross.sh i686|s390x TEST...
#
# i686 has 32-bit pointers and runs by itself; s390x is big-endian and runs in qemu-user. clang can
# compile for both, so there is no cross compiler, only a linker and a libc. cmocka is replaced by
# plain/cmocka.h. Undefined behaviour is a trap on both, address errors are found on i686.
# Exit 77: what is needed is missing.
set -eu

target=$1
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
clang=${CLANG:-clang}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# need FILE|COMMAND PACKAGE
need() {
	[ -e "$1" ] || command -v "$1" >/dev/null || {
		echo "cross.sh: $1 is missing: sudo apt-get install $2"
		exit 77
	}
}

flags="-std=gnu11 -O1 -g -Wall -Wextra -Werror -fno-sanitize-recover=all
	-I $root/tests/unit/plain -I $root/proto -I $root/lib/vring -I $root/lib/switch"

build_i686() {
	# shellcheck disable=SC2086 # flags are words
	"$clang" -m32 -idirafter "/usr/include/$(uname -m)-linux-gnu" --rtlib=compiler-rt --unwindlib=none $flags -fsanitize=address,undefined \
		"$@" -l:libgcc_s.so.1
}

run_i686() {
	"$@"
}

s390x=/usr/s390x-linux-gnu

build_s390x() {
	# shellcheck disable=SC2086 # flags are words
	"$clang" --target=s390x-linux-gnu -isystem $s390x/include $flags -fPIE -pie \
		-fsanitize=undefined -fsanitize-trap=undefined -nostdlib -L $s390x/lib \
		-Wl,-dynamic-linker,/lib/ld64.so.1 -Wl,-rpath-link,$s390x/lib \
		$s390x/lib/Scrt1.o $s390x/lib/crti.o "$@" -lc $s390x/lib/crtn.o
}

run_s390x() {
	qemu-s390x -L $s390x "$@"
}

need "$clang" clang
case $target in
i686)
	need /usr/lib32/crt1.o libc6-dev-i386
	need /usr/lib32/libgcc_s.so.1 lib32gcc-s1
	;;
s390x)
	need s390x-linux-gnu-ld binutils-s390x-linux-gnu
	need $s390x/lib/crt1.o libc6-dev-s390x-cross
	need qemu-s390x qemu-user
	;;
esac

for test in "$@"; do
	echo "== $test, $target"
	case $test in
	test_switch_*) sources=$(echo "$root"/lib/switch/*.c) ;;
	*) sources=$root/lib/vring/vring.c ;;
	esac
	# shellcheck disable=SC2086 # several sources
	"build_$target" -o "$work/$test" "$root/tests/unit/$test.c" $sources
	"run_$target" "$work/$test" >"$work/log" || {
		status=$?
		tail -20 "$work/log"
		echo "cross.sh: $test failed on $target, status $status"
		exit 1
	}
	tail -1 "$work/log"
done
