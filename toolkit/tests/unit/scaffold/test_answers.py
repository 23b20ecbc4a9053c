from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainwheel.scaffold.answers import Source, table_answers
from trainwheel.scaffold.columns import Kind
from trainwheel.scaffold.draft import Draft, Field
from trainwheel.scaffold.table import Layout


def describe_field(tmp_path: Path, kind: Kind, **more: Any) -> dict[str, Any]:
    """Return what the template is told of a column."""
    made = Draft((Field("fee", "fee", kind, **more),), "target", "regression")
    source = Source(tmp_path / "fees.csv", Layout(("fee", "target")))
    (field,) = table_answers(made, source, tmp_path)["fields"]
    assert isinstance(field, dict)
    return field


@pytest.mark.parametrize(("kind", "ends", "rounded", "sample"), [
    (Kind.WHOLE, (2004, 2023), (2004, 2023), 2014),
    (Kind.WHOLE, (12, 98_765), (0, 99_000), 49_500),
    (Kind.WHOLE, (7, 7), (7, 7), 7),
    (Kind.NUMBER, (6.802, 542.2), (0, 550), 275),
    (Kind.NUMBER, (-9.96, -0.04), (-10, 0), -5),
    (Kind.NUMBER, (1013.213, 1013.579), (1013.21, 1013.58), 1013.21),
    (Kind.NUMBER, (2_603_017.5, 2_603_921.5), (2_603_010, 2_603_930), 2_603_010),
    (Kind.NUMBER, (0, 0), (0, 0), 0),
    (Kind.CATEGORY, (float("inf"), float("-inf")), (0, 0), "something"),
])  # fmt: skip
def test_a_made_up_value_is_one_that_the_column_could_have(
    tmp_path: Path, kind: Kind, ends: tuple[float, float], rounded: tuple[float, float],
    sample: object,
) -> None:  # fmt: skip
    field = describe_field(tmp_path, kind, lowest=ends[0], highest=ends[1])

    assert (field["lowest"], field["highest"]) == rounded
    assert field["sample"] == sample
    assert "-0.0" not in field["draw"]
