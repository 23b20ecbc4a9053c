"""Sphinx settings of the library's site."""

# ruff: noqa: INP001 - Sphinx wants it to be a script

from trainwheel import __version__

project = "trainwheel"
author = "The trainwheel authors"
version = release = __version__
html_title = f"trainwheel {__version__}"
html_theme = "furo"

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nitpicky = True
