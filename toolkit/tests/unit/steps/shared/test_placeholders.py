"""What the scaffold says of its example is not published with another model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from trainwheel.errors import RefusedError
from trainwheel.steps.shared.staging import EXAMPLES, refuse_placeholders
from unit.repository import open_here, write

Sentence = Callable[[str], None]
WINE, DIABETES = json.loads(EXAMPLES.read_bytes())
DESCRIBED = f"setup(\n    description='{WINE['sentences'][0]}',\n)\n"


def trained(root: Path, columns: Sequence[str], name: str = "golden") -> None:
    """Let the model of a repository be one that reads these columns."""
    row = {"input": dict.fromkeys(columns, 1), "prediction": 1, "truth": 1}
    write(root, f"build/train/{name}.jsonl", f"{json.dumps(row)}\n" * 2)


def check(root: Path) -> None:
    refuse_placeholders(open_here(root).workspace)


@pytest.mark.parametrize("name", ["golden", "holdout"])
def test_the_example_itself_is_published(root: Path, name: str) -> None:
    write(root, "build/train/golden.jsonl", "")
    write(root, "setup.py", DESCRIBED)
    # A table may have them in any order, and come from anywhere.
    trained(root, WINE["inputs"][::-1], name)

    check(root)


@pytest.mark.parametrize("columns", [["age", "sex"], WINE["inputs"][1:], DIABETES["inputs"], None])
def test_another_model_is_not_described_as_the_example(
    root: Path, columns: list[str] | None
) -> None:
    write(root, "setup.py", DESCRIBED)
    if columns is not None:
        trained(root, columns)

    with pytest.raises(RefusedError, match=r"setup\.py line 2 says"):
        check(root)


def test_every_place_is_named(root: Path, sentence: Sentence) -> None:
    trained(root, ["x", "y"])
    write(root, "README.md", "# Churn\n\nTells  kinds of wine\napart by thirteen measurements.\n")
    write(root, "docs/deep/page.md", "\nIt is trained on the wine data\nthat scikit-learn ships:\n")
    write(root, "model/small_model/__init__.py", f'"""{DIABETES["sentences"][0].upper()}."""\n')
    # Neither is published.
    write(root, "model/small_training/data.py", f'"""{WINE["sentences"][0]}."""\n')
    write(root, "NEWS.md", WINE["sentences"][0])

    with pytest.raises(RefusedError) as caught:
        check(root)

    sentence("\n".join((str(caught.value), *caught.value.details)))


def test_words_of_the_same_subject_pass(root: Path) -> None:
    trained(root, ["sweetness", "price"])
    write(root, "README.md", "Tells kinds of wine apart by their price. See scikit-learn.\n")

    check(root)
