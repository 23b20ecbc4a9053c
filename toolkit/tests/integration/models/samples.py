"""Models of every kind that the manual promises, as repositories that the real chain runs on."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.tiny import ROOT, TESTS, TinyProject, clean_variables, commit_all, run_to_end
from trainwheel.install.environments import Installer, find_uv
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.system.environ import Environment

__all__ = ["SAMPLES", "Sample", "make_sample", "uv"]

PROJECTS = TESTS / "projects" / "models"
CATEGORIES = ("report", "test", "package", "upload", "lint")
"""Of this repository's lock; each repository of a sample has them too."""

PLAIN = ("scikit-learn", "joblib", "numpy", "pandas")


@dataclass(frozen=True)
class Sample:
    """A folder of tests/projects/models, laid over ``base``.

    Args:
        record: What its predict function is asked.
        answer: A part of what that says.
        format: That of its file, as the provenance tells it.
        settings: Lines of ``[tool.trainwheel]``.
        packages: What the model needs, [packages] of the Pipfile.
    """

    record: Mapping[str, Any]
    answer: Mapping[str, Any]
    settings: str = 'task = "classification"'
    packages: tuple[str, ...] = PLAIN
    format: str = "joblib"


LOAN = {"amount": 95.0, "income": None, "years": 0.5}
SAMPLES = {
    "churn": Sample(
        {"tenure": 1, "fee": None, "contract": "monthly", "region": None},
        {"label": "leaves"},
        'task = "classification"\npositive = "leaves"',
    ),
    "text": Sample(
        {"text": "Where is it? It broke!"},
        {"label": "complaint"},
        'artefact = ["artefact/model.joblib", "artefact/vocabulary.json"]',
    ),
    "clip": Sample({"heat": 1e9, "hours": 900.0, "vibration": 9.0}, {"label": True}),
    "species": Sample(
        {"weight": 140, "width": 66, "sugar": 14.5}, {"label": "gala"}
    ),
    "codes": Sample({"north": 50.0, "east": 20.0}, {"label": 107}),
    "lightgbm": Sample(
        LOAN,
        {"label": "late"},
        'artefact = "artefact/model.txt"\npositive = "late"',
        ("lightgbm", "numpy"),
        "lightgbm-text",
    ),
    # The package xgboost brings 200 MB for graphics cards on Linux; both are imported as xgboost.
    "xgboost": Sample(
        LOAN,
        {"label": "late"},
        'artefact = "artefact/model.json"\npositive = "late"',
        ("xgboost-cpu", "numpy"),
        "xgboost-json",
    ),
    "visits": Sample({"warmth": 25, "rain": 0, "is_weekend": 1}, {}, 'task = "regression"'),
    "cells": Sample(
        {**dict.fromkeys(("clump_thickness", "cell_size", "cell_shape", "adhesion"), 9),
         "epithelial_size": 9, "bare_nuclei": "?", "chromatin": 8, "nucleoli": 8, "mitoses": 1},
        {"label": 4},
        'task = "classification"\nlabels = ["2", "4"]\npositive = "4"\n'
        'data.command = "python make_rows.py {folder}"',
    ),
}  # fmt: skip


def make_sample(name: str, folder: Path) -> TinyProject:
    """Make the repository of a sample, locked, synced and committed; environments go beside it."""
    sample, root = SAMPLES[name], folder / "model"
    for layer in ("base", name):
        shutil.copytree(PROJECTS / layer, root, dirs_exist_ok=True)
    pipfile = render_pipfile(sample.packages)
    (root / "Pipfile").write_text(pipfile, encoding="utf-8")
    (root / "Pipfile.lock").write_text(lock_for(pipfile, sample.packages, folder), encoding="utf-8")
    shutil.copyfile(ROOT / ".gitignore", root / ".gitignore")
    project = TinyProject(root, folder / "environments", clean_variables())
    project.configure(sample.settings)
    if "data.command" in sample.settings:
        project.replace("pyproject.toml", "{report}", "{report} {data}")
    project.write("pyproject.toml", project.read("pyproject.toml") + tools())
    synced = project.nox("sync")
    assert synced.code == 0, synced.output
    commit_all(project)
    return project


def render_pipfile(packages: Sequence[str]) -> str:
    """Return a Pipfile with these packages."""
    names = ["packages", *CATEGORIES]
    needs = {"packages": packages, "report": ["matplotlib"], "test": ["pytest", "pytest-cov"]}
    needs["package"] = ["build", "check-wheel-contents", "setuptools", "twine"]
    needs |= {"upload": ["pypiserver", "twine"], "lint": ["codespell", "mypy", "ruff"]}
    parts = ("\n".join((f"[{name}]", *(f'{n} = "*"' for n in needs[name]))) for name in names)
    return "\n\n".join((*parts, "[data]", "[train]")) + "\n"


def lock_for(pipfile: str, packages: Sequence[str], folder: Path) -> str:
    """Return a lock of these packages; all that this repository's lock has is as it is there.

    What it lacks is the newest of the public index: a release that breaks a kind of model is seen
    here first.
    """
    document = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    pins = (f"{name}{entry['version']}" for name, entry in document["sklearn"].items())
    (folder / "needs.in").write_text("\n".join(packages), encoding="utf-8")
    (folder / "pins.txt").write_text("\n".join(pins), encoding="utf-8")
    plain = ("--no-header", "--no-annotate", "--generate-hashes", "--python", sys.executable)
    listing = uv(folder, "compile", *plain, "--constraints", "pins.txt", "needs.in")
    locked = {name: document[name] for name in ("_meta", *CATEGORIES)}
    locked |= {"default": dict(_entries(listing)), "develop": {}, "data": {}, "train": {}}
    return stamp_lock(json.dumps(locked), parse_pipfile(pipfile))


def _entries(listing: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in listing.replace("\\\n", "").splitlines():
        requirement, *hashes = line.split("--hash=")
        name, version = requirement.strip().split("==")
        yield name, {"version": f"=={version}", "hashes": [each.strip() for each in hashes]}


def uv(folder: Path, word: str, *words: str) -> str:
    """Run ``uv pip`` in a folder with the machine's own indexes, and return its output."""
    settings = Installer(Environment(clean_variables())).settings
    argv = (find_uv(), "pip", word, "--quiet", *words, *settings.arguments)
    done = run_to_end(argv, folder, {**clean_variables(), **settings.variables})
    assert done.code == 0, done.output
    return done.output


def tools() -> str:
    """Return the settings of the tools that every model repository has."""
    _, start, rest = (ROOT / "pyproject.toml").read_text("utf-8").partition("[tool.pytest.")
    text, _, _ = rest.partition("[tool.repo-review.")
    return "\n" + start + text.replace(', "bootstrap.py", "setup.py", "docs"]', ', "setup.py"]')
