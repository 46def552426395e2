#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Builds the documentation into build-docs/: html/ (with the API reference in html/api) and man/. A
# warning of any tool is an error. Needs build/bin, whose programs are asked what they can do.
set -eu

packages='python3-sphinx python3-sphinx-rtd-theme python3-myst-parser doxygen man-db'

cd "$(dirname "$0")/../.."
out=build-docs

missing=
for package in $packages; do
	dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -Eq '^(installed|triggers)' ||
		missing="$missing $package"
done
if [ -n "$missing" ]; then
	echo "docs: these packages are missing:$missing" >&2
	echo "      run: sudo apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

# What was there before could hide that a page is gone.
rm -rf "$out"
mkdir -p "$out"

# quietly COMMAND...: what it prints, on either stream, is a complaint.
quietly() {
	said=$("$@" 2>&1) && [ -z "$said" ] && return 0
	printf '%s\n' "$said" >&2
	echo "docs: $1 complained, see above" >&2
	exit 1
}

echo "docs: API reference"
mkdir -p "$out/html"
quietly doxygen scripts/docs/Doxyfile
echo "docs: pages"
quietly sphinx-build -q -W --keep-going -b html -d "$out/doctrees" docs "$out/html"
echo "docs: manual pages"
quietly sphinx-build -q -W --keep-going -b man -d "$out/doctrees" docs "$out/man"
for page in "$out"/man/*.[1-9]; do
	# As wide as a terminal: what does not fit is a warning, too.
	MANWIDTH=80 man --warnings -l "$page" 2>&1 >/dev/null | sed "s|^|$page: |" >"$out/man.log"
	if [ -s "$out/man.log" ]; then
		cat "$out/man.log" >&2
		exit 1
	fi
done
rm -f "$out/man.log"
echo "docs: $out/html/index.html, and for man -l: $(cd "$out/man" && echo *.[1-9])"
