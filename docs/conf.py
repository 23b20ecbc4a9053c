"""Sphinx settings of the model's site."""

import sys
from pathlib import Path

# The site documents the sources next to it, whatever else may be installed.
sys.path.insert(0, str(Path(__file__).parents[1] / "model"))

project = "oncology-model"
author = "The trainwheel authors"
html_title = "oncology-model"
html_theme = "furo"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
# Every reference must lead somewhere, but for those to Python's own classes: without a
# network there is no inventory to look them up in.
nitpicky = True
# So are what our classes are derived from, and annotated with.
nitpick_ignore_regex = [
    ("py:class", r"collections\.abc\.\w+|(pathlib\.)?Path|(os\.)?PathLike|Traversable"),
    ("py:class", r"oncology_model\.(record|result|served|serving)\.\w+"),
    ("py:class", "NDArray|Form|Records"),
]

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
