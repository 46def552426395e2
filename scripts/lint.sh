#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Formatting, licence lines, spelling, and the rules a script can check. Needs clang-format 14 or
# later and codespell; ./run setup does not install them, only contributors want them.
set -u

cd "$(dirname "$0")/.."
bad=0
for tool in clang-format codespell; do
	command -v $tool >/dev/null || {
		echo "lint: $tool is missing: sudo apt-get install $tool" >&2
		exit 1
	}
done

c_files=$(git ls-files --cached --others --exclude-standard '*.c' '*.h')
all_files=$(git ls-files --cached --others --exclude-standard | grep -v '^LICENSE$')

# shellcheck disable=SC2086 # file names are words
{
	clang-format --dry-run -Werror $c_files || bad=1
	codespell --ignore-words-list=fille,ptd,te $all_files || bad=1
	for file in $all_files; do
		case $file in
		*.md | *.ini | *.json | .gitignore) continue ;;
		# Debian's formats have no comments.
		debian/changelog | debian/copyright | debian/source/format | debian/*.symbols) continue ;;
		esac
		head -2 "$file" | grep -q 'SPDX-License-Identifier: BSD-3-Clause' || {
			echo "lint: $file: no SPDX-License-Identifier: BSD-3-Clause in its first lines"
			bad=1
		}
	done
	for file in $c_files; do
		lines=$(wc -l <"$file")
		[ "$lines" -le 600 ] || {
			echo "lint: $file: $lines lines; split it, 600 is the most"
			bad=1
		}
	done
}
# Faults whose lines have changed break nothing any more.
python3 -B scripts/break.py --list >/dev/null || bad=1
python3 -B scripts/check_lessons.py || bad=1
[ $bad -eq 0 ] && echo "lint: nothing to complain about"
exit $bad
