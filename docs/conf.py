# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx' configuration. ./run docs builds the pages, the manual pages and the API reference."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "docs"))

project = "Paravane"
author = "The Paravane authors"
copyright = "2026 The Paravane authors"  # pylint: disable=redefined-builtin # Sphinx' word
version = release = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text()).group(1)

extensions = ["myst_parser", "pvndocs"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
myst_heading_anchors = 4
# "--plain" shall stay what can be typed.
smartquotes = False
# Blocks say by themselves what they are, where it matters.
highlight_language = "none"

html_theme = "sphinx_rtd_theme"
html_title = f"Paravane {release}"
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_depth": 3, "collapse_navigation": False}

man_pages = [
    ("reference/pvnctl.8", "pvnctl", "attach devices, keep shared memory, ask the switch", [author], 8),
    ("reference/pvswitch.8", "pvswitch", "switch between guests and ports of DPDK", [author], 8),
    ("reference/pvswitch.conf.5", "pvswitch.conf", "configuration file of pvswitch", [author], 5),
]
