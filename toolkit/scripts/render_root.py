"""Render this repository's root from the template, or check that it is up to date.

    python -m scripts.render_root [--write]

What a model says of itself is its own: the README, the pages, the sources and the tests. How it is
loaded is the same in every repository.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainwheel.requirements.setup_py import read_list
from trainwheel.scaffold.rendering import MAINTAINED, render

__all__ = ["REFERENCE", "differing", "main", "render_library", "render_root"]

ROOT = Path(__file__).resolve().parents[2]
REFERENCE: Mapping[str, Any] = {
    "name": "oncology-model",
    "package": "oncology_model",
    "task": "classification",
    "description": "Tells benign from malignant breast tumours by measurements of cell nuclei",
    "author": "The trainwheel authors",
    "license": "Apache-2.0",
    "library": "toolkit",
    "positive": "malignant",
    "gate": [
        "accuracy = { min = 0.9, max-drop = 0.03 }",
        "sensitivity = { min = 0.9, max-drop = 0.05 }",
        "roc_auc = { min = 0.95, max-drop = 0.02 }",
    ],
    "card": [
        'intended-use = "An example of a model that is trained, tested and shipped as a wheel."',
        'limits = """',
        "Not a medical device: nobody may be treated, or not, by what it says.",
        "It learnt from fewer than 569 tumours, and was never tried on those of another hospital.",
        '"""',
    ],
}
_OWN = ("README.md", "docs/index.md", "model/", "tests/")
_LOADING = tuple(f"model/{REFERENCE['package']}/{module}.py" for module in MAINTAINED)
_STEP = "vars/modelPipeline.groovy"
_STEP_HEAD = """\
// The pipeline of the Jenkinsfile as a step of a shared library, for many repositories: see
// modelPipeline.txt. Written by scripts/render_root.py, from the Jenkinsfile.
def call(Map given = [:]) {
"""
_STEP_CHECK = """\
List unknown = (given.keySet() - settings.keySet()) as List
if (unknown) {
    String known = settings.keySet().join(', ')
    error 'modelPipeline does not know ' + unknown.join(', ') + ': it knows ' + known
}
settings += given
"""
_LIBRARY_TAIL = "\n# All that the library's own tests"


def render_root() -> dict[str, str]:
    """Return the files that this repository shares with every other: name → text."""
    setup = (ROOT / "setup.py").read_bytes()
    requirements = {
        "requirements": list(read_list(setup)),
        "estimator_requirements": list(read_list(setup, "sklearn")),
    }
    with tempfile.TemporaryDirectory(prefix="trainwheel-root-") as name:
        folder = Path(name) / "root"
        answers = {**REFERENCE, **requirements, "wheel": "", "folder_name": "root"}
        render(folder, answers, asks=False)
        files = {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in folder.rglob("*")
            if path.is_file()
        }
    shared = {
        name: text for name, text in files.items() if name in _LOADING or not name.startswith(_OWN)
    }
    # The library's own packages are in the Pipfile of this repository alone.
    _, mark, tail = (ROOT / "Pipfile").read_text(encoding="utf-8").partition(_LIBRARY_TAIL)
    pipfile = f"{shared['Pipfile']}{mark}{tail}"
    return {**shared, "Pipfile": pipfile, _STEP: render_library(shared["Jenkinsfile"])}


def render_library(jenkinsfile: str) -> str:
    """Return the step of a shared library that is the same pipeline, with its settings given."""
    _, start, rest = jenkinsfile.partition("Map settings = [\n")
    settings, end, pipeline = rest.partition("\n]\n")
    body = f"{start}{settings}{end}{_STEP_CHECK}{pipeline}"
    return f"{_STEP_HEAD}{textwrap.indent(body, '    ')}}}\n"


def differing(rendered: Mapping[str, str]) -> list[str]:
    """Return the names of the files that are not what the template renders."""
    here = ((name, ROOT / name) for name in rendered)
    return sorted(
        name
        for name, path in here
        if not path.is_file() or path.read_text(encoding="utf-8") != rendered[name]
    )


def main() -> int:
    """Name what differs and return 1; with ``--write`` write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write what differs")
    writes = parser.parse_args().write
    rendered = render_root()
    names = differing(rendered)
    for name in names:
        if writes:
            (ROOT / name).write_text(rendered[name], encoding="utf-8")
        print(f"{name} {'written' if writes else 'is not what the template renders'}")  # noqa: T201
    return 0 if writes else int(bool(names))


if __name__ == "__main__":
    sys.exit(main())
