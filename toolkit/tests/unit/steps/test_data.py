"""The data is fetched by a command or from DVC, and refused if it is not what was accepted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from trainwheel.engine.records import read_record
from trainwheel.errors import ConfigurationError, LockfileError, RefusedError, StepFailedError
from trainwheel.guest import DESCRIBE_DATA
from trainwheel.system.secrets import SecretClass
from unit.recording_tools import Call
from unit.repository import PYPROJECT, write
from unit.steps.session import Answer, Session, fail, lock_more, open_with

COMMAND = 'data.command = "python -m fetch --into {folder} --again={folder}"'
VERSION = 'data.version-command = "latest --id"'
COLUMNS, OTHER = {"a": "number", "b": "text"}, {"a": "text", "b": "text"}
SECRETS = frozenset({SecretClass.DATA})


@pytest.fixture
def fetching(root: Path) -> Path:
    """A repository whose data a command fetches."""
    lock_more(root, "data")
    write(root, "pyproject.toml", PYPROJECT.replace('data = ["data"]\n', f"{COMMAND}\n"))
    return root


@pytest.fixture
def with_dvc(root: Path) -> Path:
    """A repository whose data DVC tracks."""
    lock_more(root, "data", "dvc")
    write(root, "data.dvc", "outs: 1\n")
    return root


def add_key(root: Path, line: str) -> None:
    write(root, "pyproject.toml", f"{(root / 'pyproject.toml').read_text()}{line}\n")


def source(
    rows: int | None = 2, columns: Mapping[str, Any] | None = None, *, version: str = "v1",
    files: Mapping[str, str] | None = None,
) -> Answer:  # fmt: skip
    """Return tools that fetch a snapshot of this shape."""

    def answer(call: Call) -> str:
        if call.argv[0] == "latest":
            return version
        if str(DESCRIBE_DATA) in call.argv:
            shape: dict[str, Any] = {"rows": rows, "columns": columns or COLUMNS}
            Path(call.argv[4]).write_text(json.dumps({"rows.csv": shape}))
        else:
            for name, text in ({"rows.csv": "a,b\n"} if files is None else files).items():
                write(Path(call.argv[-2]), name, text)
        return ""

    return answer


def fetch(root: Path, answer: Answer | None = None, *flags: str) -> Session:
    """Run the step; with flags, as if it was requested by name."""
    named = ["data"] if flags else []
    return open_with(root, answer or source(), *flags, named=named).step("data")


def facts(root: Path) -> Mapping[str, str]:
    record = read_record(root / "build" / ".trainwheel", "data")
    assert record is not None
    return record.facts


def test_the_command_writes_a_snapshot_that_is_described(fetching: Path) -> None:
    session = fetch(fetching)

    fetch_call, describe_call = session.calls
    folder = fetch_call.argv[fetch_call.argv.index("--into") + 1]
    assert fetch_call.secrets == SECRETS
    assert fetch_call.env == {"PYTHONPATH": str(fetching / "model")}
    python = str(fetching / ".nox/data/bin/python")
    assert describe_call.argv[:4] == (python, "-P", str(DESCRIBE_DATA), folder)
    assert not describe_call.secrets
    assert (fetching / "build/data/rows.csv").read_text() == "a,b\n"
    assert not (fetching / "build/data/shape.json").exists()
    assert json.loads(facts(fetching)["shape"]) == {"rows.csv": {"rows": 2, "columns": COLUMNS}}
    assert "2 rows" in session.output


def test_where_rows_cannot_be_counted_files_are(fetching: Path) -> None:
    assert "1 files" in fetch(fetching, source(rows=None)).output


def test_it_is_fetched_again_by_force_and_for_another_command_only(fetching: Path) -> None:
    fetch(fetching)

    assert fetch(fetching).calls == []
    assert fetch(fetching, source(), "force").calls
    assert open_with(fetching, source(), "force", named=["train"]).step("data").calls == []
    text = (fetching / "pyproject.toml").read_text()
    write(fetching, "pyproject.toml", text.replace("-m fetch", "-m f"))
    assert fetch(fetching).calls


@pytest.mark.parametrize(("version", "fetches"), [("noise\n v1 \n\n", False), ("v2", True)])
def test_a_version_command_decides_whether_to_fetch(
    fetching: Path, version: str, *, fetches: bool
) -> None:
    add_key(fetching, VERSION)
    fetch(fetching)

    first, *more = fetch(fetching, source(version=version)).calls

    assert (first.argv, first.secrets) == (("latest", "--id"), SECRETS)
    assert bool(more) is fetches
    assert facts(fetching)["version"] == ("v2" if fetches else "v1")


def describe_badly(call: Call) -> str:
    return fail("row 3 has 1 cells")(call) if str(DESCRIBE_DATA) in call.argv else source()(call)


@pytest.mark.parametrize(("answer", "name"), [
    (source(files={}), "{folder}"), (fail("the store is closed"), "the store is closed"),
    (describe_badly, "row 3 has 1 cells"), (source(version=" \n"), "version-command"),
])  # fmt: skip
def test_a_fetch_that_fails_leaves_nothing(
    fetching: Path, answer: Answer, name: str, sentence: Callable[[object], None]
) -> None:
    add_key(fetching, VERSION)

    with pytest.raises(StepFailedError) as caught:
        fetch(fetching, answer)

    assert name in str(caught.value)
    sentence(caught.value)
    assert not (fetching / "build/data").exists()
    assert read_record(fetching / "build/.trainwheel", "data") is None


def test_columns_must_be_those_of_the_snapshot_before(
    fetching: Path, sentence: Callable[[object], None]
) -> None:
    fetch(fetching)

    with pytest.raises(RefusedError) as caught:
        fetch(fetching, source(columns=OTHER), "force")

    sentence(caught.value)
    assert (fetching / "build/data/rows.csv").is_file()


@pytest.mark.parametrize("reads_cells", [False, True])
def test_a_new_marker_is_named_where_the_record_names_them_too(
    fetching: Path, *, reads_cells: bool
) -> None:
    files = ["data-schema.json"]
    if reads_cells:
        record = "class Record:\n    missing: ClassVar[tuple[str, ...]] = ()\n"
        write(fetching, "model/small_model/record.py", record)
        write(fetching, "model/small_model/datamodel.py", "class Row(Record): ...\n")
        files.append("model/small_model/datamodel.py")
    fetch(fetching)
    columns = {**COLUMNS, "a": {"type": "text", "strays": ["unknown"]}}

    with pytest.raises(RefusedError, match=rf"'unknown'.*`missing` in {' and '.join(files)} can"):
        fetch(fetching, source(columns=columns), "force")


def test_the_accepted_file_counts_before_the_snapshot_before(
    fetching: Path, sentence: Callable[[object], None]
) -> None:
    fetch(fetching)
    schema = {"rows.csv": {"rows": 2, "columns": {"c": "text", "d": "text"}}}
    write(fetching, "data-schema.json", json.dumps(schema))

    with pytest.raises(RefusedError) as caught:
        fetch(fetching, source(), "force")

    assert len(caught.value.details) == 4
    sentence(caught.value)


def test_accepting_writes_the_file_to_commit(fetching: Path) -> None:
    fetch(fetching)

    assert "data-schema.json" in fetch(fetching, source(columns=OTHER), "accept", "force").output

    schema = json.loads((fetching / "data-schema.json").read_bytes())
    assert schema == {"rows.csv": {"rows": 2, "columns": OTHER}}
    fetch(fetching, source(columns=OTHER), "force")


GAPS = {"a": {"type": "integer", "absent": 3, "first": 2}, "b": "text"}


def test_accepting_shows_the_change_and_keeps_what_was_declared(fetching: Path) -> None:
    declared = {"type": "number", "missing": ["?"]}
    schema = {"rows.csv": {"rows": 9, "columns": {"a": declared, "b": "integer"}}}
    write(fetching, "data-schema.json", json.dumps(schema))

    session = fetch(fetching, source(columns=GAPS), "accept")

    describing = session.calls[-1]
    assert json.loads(describing.argv[5]) == {"rows.csv": {"a": ["?"]}}
    assert "  b: integer → text" in session.output
    assert "rows.csv: 2 rows, were 9" in session.output
    assert json.loads((fetching / "data-schema.json").read_bytes()) == {
        "rows.csv": {"rows": 2, "columns": {"a": declared, "b": "text"}}
    }
    again = fetch(fetching, source(columns=GAPS), "accept")
    assert "data-schema.json is up to date" in again.output
    assert again.calls == []


def test_a_missing_value_is_refused_where_none_was_seen_and_not_where_one_was(
    fetching: Path,
) -> None:
    fetch(fetching)
    with pytest.raises(RefusedError, match="3 values are missing, the first in row 2"):
        fetch(fetching, source(columns=GAPS), "force")

    fetch(fetching, source(columns=GAPS), "accept", "force")
    fetch(fetching, source(), "force")
    (fetching / "data-schema.json").unlink()

    assert fetch(fetching, source(columns=GAPS), "force").calls


def test_accepting_after_a_refusal_fetches_what_was_refused(fetching: Path) -> None:
    fetch(fetching)
    with pytest.raises(RefusedError):
        fetch(fetching, source(columns=OTHER), "force")

    fetch(fetching, source(columns=OTHER), "accept")

    schema = json.loads((fetching / "data-schema.json").read_bytes())
    assert schema["rows.csv"]["columns"] == OTHER
    assert fetch(fetching, source(columns=OTHER), "accept").calls == []


def test_a_fetch_that_fails_accepts_nothing(fetching: Path) -> None:
    with pytest.raises(StepFailedError):
        fetch(fetching, fail("the store is closed"), "accept")

    assert not (fetching / "data-schema.json").exists()


@pytest.mark.parametrize(("command", "name"), [
    ("python tools/get.py {folder}", "tools/get.py"), ("sh tools/get.sh {folder}", "tools/get.sh"),
    ("python -m fetching.main {folder}", "model/fetching/main.py"),
    # What a shell script runs.
    ("sh tools/all.sh {folder}", "tools/queries.py"),
    # What the script imports.
    ("python tools/get.py {folder}", "tools/queries.py"),
    ("python -c 1 {folder} --sql tools/all.sql", "tools/all.sql"),
])  # fmt: skip
def test_an_edited_script_fetches_again(fetching: Path, command: str, name: str) -> None:
    write(fetching, "tools/get.py", "import queries\n")
    write(fetching, "tools/all.sh", 'python tools/get.py "$1"\n')
    for path in ("tools/get.sh", "tools/queries.py", "model/fetching/main.py", "tools/all.sql"):
        write(fetching, path, "")
    text = (fetching / "pyproject.toml").read_text()
    write(fetching, "pyproject.toml", text.replace(COMMAND, f'data.command = "{command}"'))
    answer = source()

    def tools(call: Call) -> str:
        if str(DESCRIBE_DATA) in call.argv:
            return answer(call)
        folder = next(word for word in call.argv if word.endswith("data"))
        write(Path(folder), "rows.csv", "a,b\n")
        return ""

    fetch(fetching, tools)
    write(fetching, "README.md", "other")
    assert fetch(fetching, tools).calls == []
    write(fetching, name, "# edited\n" if name.endswith(".py") else "edited")

    assert fetch(fetching, tools).calls


def test_the_number_of_rows_may_change_by_the_configured_share(fetching: Path) -> None:
    add_key(fetching, "data.max-row-change = 0.5")
    fetch(fetching, source(rows=10))

    fetch(fetching, source(rows=15), "force")
    with pytest.raises(RefusedError, match="23 rows and were 15"):
        fetch(fetching, source(rows=23), "force")


@pytest.mark.parametrize(("name", "speaks"), [("data", True), ("train", False)])
def test_a_repository_that_fetches_nothing_is_silent_unless_requested(
    root: Path, name: str, *, speaks: bool
) -> None:
    session = open_with(root, named=[name]).step("data")

    assert session.calls == []
    assert bool(session.output) is speaks
    assert read_record(root / "build/.trainwheel", "data") is None


def pull(root: Path) -> Answer:
    def answer(_: Call) -> str:
        write(root, "data/rows.csv", "pulled\n")
        return ""

    return answer


def test_dvc_pulls_the_tracked_files_by_name_with_the_secrets_of_data(with_dvc: Path) -> None:
    session = fetch(with_dvc, pull(with_dvc))

    (call,) = session.calls
    assert call.argv == ("python", "-P", "-m", "dvc", "pull", "--quiet", "data.dvc")
    assert call.secrets == SECRETS
    assert call.env == {"DVC_NO_ANALYTICS": "1", "CI": "true"}
    assert "1 tracked by DVC" in session.output
    assert not any((with_dvc / "build/data").iterdir())


@pytest.mark.parametrize(("name", "text", "pulls"), [
    ("README.md", "", 0), ("data/rows.csv", "by hand\n", 1), ("data/new.csv", "", 1),
    ("data.dvc", "o: 2\n", 1),
])  # fmt: skip
def test_dvc_pulls_again_where_anybody_wrote(
    with_dvc: Path, name: str, text: str, pulls: int
) -> None:
    fetch(with_dvc, pull(with_dvc))
    write(with_dvc, name, text)

    assert len(fetch(with_dvc, pull(with_dvc)).calls) == pulls


def test_dvc_has_to_be_locked(root: Path) -> None:
    lock_more(root, "data", "other")
    write(root, "data.dvc", "outs: 1\n")

    session = open_with(root)
    with pytest.raises(LockfileError, match="data is tracked by DVC"):
        session.step("data")

    assert session.calls == []


def test_a_pull_that_fails_is_tried_again(with_dvc: Path) -> None:
    with pytest.raises(StepFailedError, match="no such remote"):
        fetch(with_dvc, fail("no such remote"))

    assert len(fetch(with_dvc, pull(with_dvc)).calls) == 1


def test_without_a_command_there_is_no_snapshot_to_accept(with_dvc: Path) -> None:
    with pytest.raises(ConfigurationError, match="no snapshot"):
        fetch(with_dvc, pull(with_dvc), "accept")

    assert not (with_dvc / "data-schema.json").exists()
