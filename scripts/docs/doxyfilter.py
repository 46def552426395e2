# SPDX-License-Identifier: BSD-3-Clause
"""Makes doxygen's comments of the plain ones of our headers; it is called with a header's path.

The first comment is the file's. One before a declaration is about it, and about those that follow
without an empty line between; one behind a member, on the same line, is about that. A headline,
/* ---- the host ---- */, is about nothing. A struct in which nothing is for the caller is shown without its
members. The lines keep their numbers.
"""

import re
import sys

COMMENT = re.compile(r"/\*(.*?)\*/", re.S)


def escaped(text):
    """What doxygen would take for its own words; what is indented by a tab is code to it."""
    lines = []
    for line in text.split("\n"):
        if not re.match(r"\s*\*?\s*\t", line):
            line = re.sub(r"([@\\#<>%])", r"\\\1", line)
        lines.append(line)
    return "\n".join(lines)


def is_shared(rest):
    """Whether more than one declaration follows before the next empty line."""
    paragraph = rest.split("\n\n")[0]
    if "{" in paragraph or "/*" in paragraph:
        return False
    return len(re.findall(r"[;)]\s*$|^#define", paragraph, re.M)) > 1


def convert(source):
    out, at, group_end = [], 0, None
    for number, match in enumerate(COMMENT.finditer(source)):
        begin, end = match.span()
        if begin < at:
            continue
        if group_end is not None and begin > group_end:
            out.append(source[at:group_end] + "/** @} */")
            at, group_end = group_end, None
        out.append(source[at:begin])
        at = end
        text = match.group(1)
        line_before = source[source.rfind("\n", 0, begin) + 1:begin]
        if number == 0:
            text = re.sub(r" SPDX-[^\n]*\n \* Copyright[^\n]*", " @file\n *", text, count=1)
            out.append(f"/**{text}*/")
        elif text.startswith(" ----"):
            out.append(match.group(0))
        elif line_before.strip():
            out.append(f"/**<{escaped(text)}*/")
        elif is_shared(source[end:]) and not line_before:
            out.append(f"/**{escaped(text)}*/ /** @{{ */")
            group_end = end + source[end:].index("\n\n") + 1  # there is one before #endif
        else:
            out.append(f"/**{escaped(text)}*/")
            if "othing in it is for the caller" in " ".join(text.split()):
                opened = source.index("{\n", end) + 1
                out.append(source[at:opened] + " /** @privatesection */")
                at = opened
    if group_end is not None:
        out.append(source[at:group_end] + "/** @} */")
        at = group_end
    out.append(source[at:])
    return "".join(out)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as header:
        sys.stdout.write(convert(header.read()))
