"""The data is fetched by a command or from DVC, and refused where it is not what was accepted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from trainwheel.engine.records import read_record
from trainwheel.errors import RefusedError, StepFailedError
from trainwheel.guest import DESCRIBE_DATA
from trainwheel.system.secrets import SecretClass
from unit.recording_tools import Call
from unit.repository import PYPROJECT, make_repository, write
from unit.steps.opened import Answer, fail, lock_more, open_with

COMMAND = 'data.command = "python -m fetch --into {folder} --again={folder}"'
VERSION = 'data.version-command = "latest --id"'
COLUMNS = {"a": "integer", "b": "text"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose data a command fetches."""
    root = make_repository(tmp_path / "small")
    lock_more(root, "data")
    write(root, "pyproject.toml", PYPROJECT.replace('data = ["data"]\n', ""))
    add_key(root, COMMAND)
    return root


def add_key(root: Path, line: str) -> None:
    write(root, "pyproject.toml", f"{(root / 'pyproject.toml').read_text()}{line}\n")


def source(
    rows: int | None = 2,
    columns: Mapping[str, str] | None = None,
    *,
    version: str = "v1",
    files: Mapping[str, str] | None = None,
) -> Answer:
    """Return tools that fetch a snapshot of this shape."""

    def answer(call: Call) -> str:
        if call.argv[0] == "latest":
            return version
        if str(DESCRIBE_DATA) in call.argv:
            shape: dict[str, Any] = {"rows": rows, "columns": columns or COLUMNS}
            Path(call.argv[-1]).write_text(json.dumps({"rows.csv": shape}))
        else:
            for name, text in ({"rows.csv": "a,b\n"} if files is None else files).items():
                write(Path(call.argv[-2]), name, text)
        return ""

    return answer


def facts(root: Path) -> Mapping[str, str]:
    record = read_record(root / "build" / ".trainwheel", "data")
    assert record is not None
    return record.facts


def test_the_command_writes_a_snapshot_that_is_described(root: Path) -> None:
    opened = open_with(root, source()).step("data")

    fetched, described = opened.calls
    folder = fetched.argv[fetched.argv.index("--into") + 1]
    assert (fetched.secrets, fetched.env) == (
        frozenset({SecretClass.DATA}),
        {"PYTHONPATH": str(root / "model")},
    )
    assert described.argv[:4] == (
        str(root / ".nox/data/bin/python"), "-P", str(DESCRIBE_DATA), folder,
    )  # fmt: skip
    assert not described.secrets
    assert (root / "build/data/rows.csv").read_text() == "a,b\n"
    assert not (root / "build/data/shape.json").exists()
    assert json.loads(facts(root)["shape"]) == {"rows.csv": {"rows": 2, "columns": COLUMNS}}
    assert "2 rows" in opened.said


def test_rows_that_cannot_be_counted_are_told_as_files(root: Path) -> None:
    assert "1 files" in open_with(root, source(rows=None)).step("data").said


def test_a_snapshot_that_stands_is_not_fetched_again(root: Path) -> None:
    open_with(root, source()).step("data")

    assert open_with(root, source()).step("data").calls == []


def test_it_is_fetched_again_by_force_and_for_another_command(root: Path) -> None:
    open_with(root, source()).step("data")

    assert open_with(root, source(), "force", named=["data"]).step("data").calls
    assert open_with(root, source(), "force", named=["train"]).step("data").calls == []
    write(root, "pyproject.toml", (root / "pyproject.toml").read_text().replace("-m fetch", "-m f"))
    assert open_with(root, source()).step("data").calls


@pytest.mark.parametrize(("version", "fetches"), [("noise\n v1 \n\n", False), ("v2", True)])
def test_the_version_alone_is_asked_where_it_is_told(
    root: Path, version: str, *, fetches: bool
) -> None:
    add_key(root, VERSION)
    open_with(root, source()).step("data")

    asked, *more = open_with(root, source(version=version)).step("data").calls

    assert (asked.argv, asked.secrets) == (("latest", "--id"), frozenset({SecretClass.DATA}))
    assert bool(more) is fetches
    assert facts(root)["version"] == ("v2" if fetches else "v1")


def test_a_version_command_that_prints_nothing_is_refused(root: Path) -> None:
    add_key(root, VERSION)

    with pytest.raises(StepFailedError, match="version-command"):
        open_with(root, source(version=" \n")).step("data")


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (source(files={}), "{folder}"),
        (fail("the store is closed"), "the store is closed"),
    ],
)
def test_a_command_that_fetches_nothing_leaves_nothing(
    root: Path, answer: Answer, named: str
) -> None:
    with pytest.raises(StepFailedError) as caught:
        open_with(root, answer).step("data")

    assert named in str(caught.value)
    assert not (root / "build/data").exists()
    assert read_record(root / "build/.trainwheel", "data") is None


def test_a_snapshot_that_cannot_be_described_is_refused_with_the_reason(root: Path) -> None:
    def answer(call: Call) -> str:
        if str(DESCRIBE_DATA) in call.argv:
            return fail("rows.csv: row 3 has 1 cells")(call)
        return source()(call)

    with pytest.raises(StepFailedError, match=r"rows\.csv: row 3"):
        open_with(root, answer).step("data")


OTHER = {"a": "number", "b": "text"}


def test_columns_are_held_to_the_snapshot_before(root: Path) -> None:
    open_with(root, source()).step("data")

    with pytest.raises(RefusedError, match=r"column a .* was integer, is number") as caught:
        open_with(root, source(columns=OTHER), "force", named=["data"]).step("data")

    assert "--accept" in caught.value.hint
    assert "more" not in caught.value.message
    assert (root / "build/data/rows.csv").is_file()


def test_the_accepted_file_counts_before_the_snapshot_before(root: Path) -> None:
    open_with(root, source()).step("data")
    accepted = {"rows.csv": {"rows": 2, "columns": {"c": "text", "d": "text"}}}
    write(root, "data-schema.json", json.dumps(accepted))

    with pytest.raises(RefusedError) as caught:
        open_with(root, source(), "force", named=["data"]).step("data")

    assert len(caught.value.details) == 4
    assert "and 3 more" in caught.value.message


def test_accepting_writes_what_has_come_and_says_which_file_to_commit(root: Path) -> None:
    open_with(root, source()).step("data")

    opened = open_with(root, source(columns=OTHER), "accept", "force", named=["data"]).step("data")

    accepted = json.loads((root / "data-schema.json").read_bytes())
    assert accepted == {"rows.csv": {"rows": 2, "columns": OTHER}}
    assert "data-schema.json" in opened.said
    open_with(root, source(columns=OTHER), "force", named=["data"]).step("data")


def test_the_number_of_rows_counts_as_far_as_is_configured(root: Path) -> None:
    add_key(root, "data.max-row-change = 0.5")
    open_with(root, source(rows=10)).step("data")

    open_with(root, source(rows=15), "force", named=["data"]).step("data")
    with pytest.raises(RefusedError, match="23 rows and were 15"):
        open_with(root, source(rows=23), "force", named=["data"]).step("data")


@pytest.mark.parametrize(("named", "speaks"), [(["data"], True), (["train"], False), ([], False)])
def test_a_repository_that_fetches_nothing_is_silent_unless_asked(
    tmp_path: Path, named: list[str], *, speaks: bool
) -> None:
    opened = open_with(make_repository(tmp_path), named=named).step("data")

    assert opened.calls == []
    assert bool(opened.said) is speaks
    assert read_record(tmp_path / "build/.trainwheel", "data") is None
