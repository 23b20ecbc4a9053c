"""What ``trainwheel models installed`` shows."""

from __future__ import annotations

from typing import Any

import pytest

from trainwheel.cli.models import render_models

MODEL: dict[str, Any] = {
    "entry": "tiny_model", "object": "tiny_model:predict", "name": "tiny-model", "version": "0.1.0",
    "provenance": {"commit": "c" * 40, "dirty": False, "metrics": {"accuracy": 0.97}},
}  # fmt: skip


def test_an_environment_without_models_says_so() -> None:
    assert list(render_models([])) == ["no model is installed here"]


def test_a_model_is_a_line() -> None:
    head, line = render_models([MODEL])

    assert head.split() == ["model", "version", "commit", "metrics"]
    assert line.split() == ["tiny-model", "0.1.0", "c" * 10, "accuracy", "0.970"]


@pytest.mark.parametrize(
    "provenance",
    [
        None,
        {},
        {"commit": None},
        {"metrics": "high"},
        {"metrics": {"accuracy": "high"}},
        {"card": "good"},
        {"card": {}},
        {"card": {"limits": " "}},
        {"card": None},
    ],
    ids=str,
)
def test_a_model_that_says_little_is_a_line_all_the_same(provenance: object) -> None:
    _, line = render_models([{**MODEL, "provenance": provenance}])

    assert line.split() == ["tiny-model", "0.1.0"]


def test_below_the_table_stands_what_each_model_is_for() -> None:
    card = {"intended_use": "Sorts\n letters.", "limits": "\x1b[31m", "data_licence": "MIT"}
    others = ({**MODEL, "name": name, "provenance": {"card": card}} for name in ("b", "c"))

    lines = [*render_models([MODEL, *others])][4:]

    texts = ["  intended use: Sorts letters.", "  limits: \\x1b[31m"]
    assert lines == ["", "b", *texts, "", "c", *texts]


def test_a_model_of_a_changed_work_tree_says_so() -> None:
    provenance = {**MODEL["provenance"], "dirty": True}

    _, line = render_models([{**MODEL, "provenance": provenance}])

    assert "cccccccccc with changes" in line
