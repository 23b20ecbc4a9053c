"""The template of a model repository, and that this repository is what it renders."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from trainwheel.scaffold.code import literal
from trainwheel.scaffold.rendering import TEMPLATE, author_name, render
from trainwheel.steps.shared.staging import EXAMPLES

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that renders the root; the folder of scripts is no installed package."""
    monkeypatch.syspath_prepend(str(ROOT / "toolkit"))
    return importlib.import_module("scripts.render_root")


def render_quietly(folder: Path, told: Mapping[str, object]) -> dict[str, str]:
    """Render the template, and return what it made: name → text."""
    render(folder, {"folder_name": folder.name, "wheel": "library.whl", **told}, asks=False)
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}


def test_the_root_of_this_repository_is_what_the_template_renders(scripts: ModuleType) -> None:
    made = scripts.render_root()
    assert scripts.differing(made) == [], "python -m scripts.render_root --write"
    assert len(made) == 45
    workflows = {path.name for path in (ROOT / ".github" / "workflows").iterdir()}
    # The library's own nightly tests are of no use to a model repository.
    assert {f".github/workflows/{name}" for name in workflows - {"nightly.yml"}} <= set(made)


@pytest.mark.parametrize(
    "name", ["Makefile", "Pipfile", "model/oncology_model/loading.py", "vars/modelPipeline.groovy"]
)
def test_a_root_file_that_drifted_is_named(scripts: ModuleType, name: str) -> None:
    made = scripts.render_root()
    assert scripts.differing({**made, name: f"{made[name]}\n"}) == [name]


@pytest.mark.parametrize(("told", "lines"), [
    ({}, []), ({"author": "a@x.org"}, ['author_email="a@x.org"']),
    ({"git_author": "Ann"}, ['author="Ann"']), ({"author": "", "git_author": "Ann"}, []),
    ({"author": 'A "B" Ćć <a@x.org>', "source_url": "https://x.org/a"},
     ["author='A \"B\" Ćć'", 'author_email="a@x.org"',
      'project_urls={"Source": "https://x.org/a"}']),
])  # fmt: skip
def test_setup_py_says_who_made_it_and_invents_nobody(
    tmp_path: Path, told: dict[str, str], lines: list[str]
) -> None:
    made = render_quietly(tmp_path / "a", {"name": "small", "ci": [], **told})

    said = [line.strip().rstrip(",") for line in made["setup.py"].splitlines()]
    assert [line for line in said if line.startswith(("author", "project_urls"))] == lines
    compile(made["docs/conf.py"], "conf.py", "exec")
    name = author_name(told.get("author", told.get("git_author", "")))
    assert f"author = {literal(name or 'The authors of small')}\n" in made["docs/conf.py"]


@pytest.mark.parametrize(("task", "services", "length"), [
    ("classification", ["github", "jenkins", "gitlab"], 40), ("classification", ["github"], 28),
    ("regression", ["gitlab"], 40), ("regression", ["jenkins"], 17), ("regression", [], 3),
])  # fmt: skip
def test_what_is_rendered_is_clean_however_long_the_names_are(
    tmp_path: Path, task: str, services: list[str], length: int
) -> None:
    told = {"name": "n" * length, "package": "p" * length, "task": task, "ci": services}
    folder = tmp_path / "a b"
    made = render_quietly(folder, {**told, "index_url_env": "MODELS_URL"})

    assert any(name.startswith(".github/") for name in made) is ("github" in services)
    assert ("Jenkinsfile" in made) is ("jenkins" in services)
    of_gitlab = made.keys() & {".gitlab-ci.yml", "templates/model.yml"}
    assert len(of_gitlab) == (2 if "gitlab" in services else 0)
    left = [
        name for name, text in made.items() for mark in ("[=", "[%", "=]", "%]") if mark in text
    ]
    assert left == []
    assert not [name for name, text in made.items() if "NEXUS" in text or "oncology" in text]
    for argv in (("ruff", "check", "--no-cache", "."), ("ruff", "format", "--check", "."),
                 ("codespell",)):  # fmt: skip
        program = str(Path(sys.executable).with_name(argv[0]))
        done = subprocess.run(
            (program, *argv[1:]), cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


MODEL = '''"""A custom transformer, a classifier of one's own, and a training on tables."""

from __future__ import annotations

from typing import Self

import lightgbm
import numba
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline


class Clip(TransformerMixin, BaseEstimator):
    """Clip values to quantiles.

    Args:
        low: The lower quantile.
        high: The upper quantile.
    """

    def __init__(self, low: float = 0.01, high: float = 0.99) -> None:
        self.low, self.high = low, high

    def fit(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Learn the quantiles."""
        self.bounds_ = np.quantile(X, [self.low, self.high], axis=0)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the clipped values."""
        return X.clip(*self.bounds_)


class Majority(ClassifierMixin, BaseEstimator):
    """Say what most say."""

    def score(self, X: pd.DataFrame, y: pd.Series, sample_weight: pd.Series | None = None) -> float:
        """Return the share."""
        return y.mean()


@numba.njit
def double(value: float) -> float:
    """Return twice the value."""
    return 2 * value


def train(table: pd.DataFrame) -> Pipeline:
    """Return a fitted pipeline."""
    X, y = pd.get_dummies(table.drop(columns="label")), table["label"]
    X_train, _X_test, y_train, _y_test = train_test_split(X, y, random_state=0)
    encode = ColumnTransformer([("clip", Clip(), ["age"])])
    model = Pipeline([("encode", encode), ("model", lightgbm.LGBMClassifier(random_state=0))])
    return model.fit(X_train, y_train)
'''


@pytest.mark.slow
def test_lint_takes_the_code_that_the_libraries_ask_for(tmp_path: Path) -> None:
    render_quietly(tmp_path, {"name": "n", "package": "p", "task": "classification", "ci": []})
    libraries = ("geopandas", "cv2", "boto3", "lifelines", "yaml", "requests", "tensorflow.keras")
    imports = "".join(f"import {name}  # noqa: F401\n" for name in libraries)
    text = MODEL.replace("import lightgbm\n", f"{imports}import lightgbm\n")
    (tmp_path / "model" / "p_training" / "tables.py").write_text(text)
    folder = Path(sys.executable).parent

    for argv in (
        ("ruff", "check", "--no-cache", "--ignore", "I001", "model"),
        ("mypy", "model/p_training/tables.py"),
    ):
        done = subprocess.run(
            (str(folder / argv[0]), *argv[1:]), cwd=tmp_path, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    path = tmp_path / "model" / "p_training" / "wrong.py"
    path.write_text("import p_training.gone\n")
    argv = (str(folder / "mypy"), str(path.relative_to(tmp_path)))
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "p_training.gone" in done.stdout


def test_the_template_names_no_index_and_no_place() -> None:
    texts = [path.read_text("utf-8") for path in TEMPLATE.rglob("*") if path.is_file()]
    assert not [text for text in texts if 'simple/"' in text or "/home/" in text]


@pytest.mark.parametrize(("task", "subject"), [
    ("classification", r"\bwine"), ("regression", "diabetes|disease|centred"),
])  # fmt: skip
def test_what_is_published_of_the_example_is_in_the_list_of_its_sentences(
    tmp_path: Path, task: str, subject: str
) -> None:
    made = render_quietly(tmp_path / "own", {"name": "own", "task": task})
    example = json.loads(EXAMPLES.read_bytes())[["classification", "regression"].index(task)]
    published = [text for name, text in made.items()
                 if name.startswith(("model/own/", "docs/")) or "/" not in name]  # fmt: skip
    paragraphs = [" ".join(each.split()) for text in published for each in text.split("\n\n")]

    found = {sentence: [each for each in paragraphs if sentence in each]
             for sentence in example["sentences"]}  # fmt: skip
    assert all(found.values())
    about = {each for each in paragraphs if re.search(subject, each, re.IGNORECASE)}
    assert about - {each for places in found.values() for each in places} == set()
    names = re.findall(r"(?m)^    (\w+): (?:Amount|float)$", made["model/own/datamodel.py"])
    assert names == example["inputs"]
