# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx directives for what the pages take from the code (facts.py):

    .. pvn:: features             a table, for those that are named below
    .. pvn:: xstats net_xenvirt

Each makes reStructuredText, which Sphinx reads as if it stood on the page.
"""

import re

import facts
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.util.nodes import nested_parse_with_titles


def table(head, rows, widths=None):
    """A list-table; cells are lines of reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1"]
    if widths:
        lines.append(f"   :widths: {widths}")
    lines.append("")
    for row in [head, *rows]:
        for i, cell in enumerate(row):
            lines.append(f"   {'*' if i == 0 else ' '} - {cell}")
    return lines + [""]


def plain(text):
    """Text of the code that shall be text on the page too."""
    return re.sub(r"([\\*_`|])", r"\\\1", text)


def code(text):
    return f"``{text}``"


def terms(rows):
    """[(term, sentence)] as a list of definitions, which is readable as a manual page, too."""
    lines = []
    for term, about in rows:
        lines += [code(term)] + [f"   {line}" for line in about.splitlines() or [""]] + [""]
    return lines


def sentence(text):
    """As the program says it: the first word may be a value, so it stays as it is."""
    text = plain(text)
    return text if text.endswith((".", "?")) else text + "."


# ---- the tables ----

def features():
    words, claimed = facts.features()
    names = [driver.name for driver in facts.DRIVERS]
    return table(["", *(f":doc:`{d.name} </nics/{d.page}>`" for d in facts.DRIVERS)],
                 [[word, *(claimed[name].get(word, "") for name in names)] for word in words])


def devargs():
    rows = []
    for driver in facts.DRIVERS:
        about = facts.devargs_told(driver.page)
        rows += [[driver.name, code(f"{key}={accepted}"), *about[key][1:]]
                 for key, accepted in facts.devargs(driver.name)]
    return table(["driver", "devarg", "default", "meaning"], rows, "18 30 14 38")


def xstats(driver):
    lines = []
    for what, counters in facts.xstats(driver):
        before = "" if what == "the port" else "tx_q<n>_" if "tx" in what else "rx_q<n>_"
        rows = [[code(before + c.name), plain(c.meaning) or "by the device's own count"
                 if c.name.startswith("hw_") else plain(c.meaning)] for c in counters]
        lines += [f"Of {what}:", ""] + table(["counter", "meaning"], rows, "40 60")
    return lines


def drops():
    return table(["counted at", "cause", "meaning"],
                 [[where, code(key), plain(text)]
                  for where, causes in facts.drop_causes() for key, text in causes], "30 20 50")


def pairs(rows):
    return table(["", "meaning"], [[code(name), plain(text)] for name, text in rows], "25 75")


def order():
    return table(["name", "where", "what the code says"],
                 [[place.tag, code(f"{place.path}: {place.function}()" if place.function else
                                   place.path), plain(place.comment)]
                  for place in sorted(facts.order_places(),
                                      key=lambda p: (p.tag.split("-")[1], p.tag != "REL-" +
                                                     p.tag.split("-")[1], p.path))],
                 "15 40 45")


# ---- the manual pages ----

def commands():
    lines = []
    for command in facts.commands()[0]:
        text = [sentence(command.summary)]
        if command.notes:
            text += ["", *(plain(line) for line in command.notes.splitlines())]
        lines += [code(command.usage)] + [f"   {line}" for line in text]
        for option, about in command.options:
            lines += ["", f"   {code(option)}", f"      {sentence(about)}"]
        lines.append("")
    return lines


def global_options():
    return terms((option, sentence(about)) for option, about in facts.commands()[1])


def switch_options():
    line, switch, _ = facts.switch_help()
    rows = [(option, sentence(about)) for option, about in line]
    rows += [(f"--{w.name} {w.metavar}", sentence(w.meaning)) for w in switch]
    return terms(rows)


def switch_words(which):
    words = facts.switch_help()[1 if which == "switch" else 2]
    return terms((f"{w.name} = {w.metavar}",
                  f"{plain(w.meaning)}; accepted: {plain(w.accepted)}.") for w in words)


MAKERS = {
    "commands": commands,
    "devargs": devargs,
    "drops": drops,
    "fdb-counts": lambda: pairs(facts.fdb_counts()),
    "features": features,
    "global-options": global_options,
    "order": order,
    "refusals": lambda: pairs(facts.refusals()),
    "ring-faults": lambda: pairs(facts.ring_faults()),
    "switch-options": switch_options,
    "switch-words": switch_words,
    "xstats": xstats,
}


class Pvn(Directive):
    """.. pvn:: WHAT [ARGUMENT]"""

    required_arguments = 1
    optional_arguments = 1

    def run(self):
        maker = MAKERS[self.arguments[0]]
        node = nodes.section()
        node.document = self.state.document
        try:
            lines = maker(*self.arguments[1:])
        except facts.Missing as missing:
            raise self.error(str(missing)) from missing
        nested_parse_with_titles(self.state, StringList(lines, source="the code"), node)
        return node.children


def setup(app):
    app.add_directive("pvn", Pvn)
    return {"parallel_read_safe": True}
