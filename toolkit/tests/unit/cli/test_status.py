"""What ``trainwheel status`` and ``trainwheel why`` print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trainwheel.cli.main import main
from trainwheel.cli.status import render_table
from trainwheel.engine.fingerprint import Reason
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import Failure, Record, write_record
from trainwheel.engine.status import StepStatus
from trainwheel.steps import load_chain
from trainwheel.system.lock import Owner
from unit.repository import make_repository, open_here, write

AT_NOON = 1_764_072_000.0


def test_the_table_has_a_line_for_each_step() -> None:
    reasons = (Reason("a.csv", None, "1"), Reason("b.csv", "1", "2"))
    steps = [
        StepStatus("train", "stale", AT_NOON - 86_400 * 40, 12.34, reasons),
        StepStatus("test", "waits", AT_NOON, 0.5, (), "train"),
        StepStatus("package", "not run"),
    ]

    lines = list(render_table(steps, now=AT_NOON))

    assert lines[0].split() == ["step", "state", "since", "took"]
    assert "stale: a.csv is new and 1 more" in lines[1]
    assert lines[1].endswith("12.3 s")
    assert "waits for train" in lines[2]
    assert lines[3] == "package  not run"


RUN = "nox -s upload, now at test (process 7 on elsewhere, since THEN)"


def test_what_is_at_work_what_failed_and_the_other_sessions_stand_below_the_table() -> None:
    owner = Owner(7, "elsewhere", "nox -s upload", AT_NOON, "test", AT_NOON)
    failure = Failure(AT_NOON, "the tests ended with exit code 1", "build/log/test.log")
    steps = [
        StepStatus("train", "stale", reasons=(Reason("a.csv", None, "1"),), is_cached=True),
        StepStatus("test", "not run", failure=failure, running=owner, passed=3, runs=5),
        StepStatus("lint", "always runs", failure=Failure(AT_NOON, "2 files are red")),
        StepStatus("sync", "always runs"),
    ]

    lines = list(render_table(steps, now=AT_NOON))

    assert lines[1] == "train  stale: a.csv is new; the cache holds it"
    assert [re.sub(r"2025-\S+ \S\S:\S\S", "THEN", line) for line in lines[3:]] == [
        f"test is at work since THEN: {RUN}; it cannot be seen from here whether it still runs",
        "test failed THEN: the tests ended with exit code 1; build/log/test.log",
        "test passed 3 of 5 for these inputs",
        "lint failed THEN: 2 files are red",
        "whenever they are asked for: lint, sync",
    ]


@pytest.mark.parametrize(("argv", "code"), [
    (("status",), 0), (("status", "--exit-code"), 1), (("status", "--json", "--exit-code"), 1),
    (("why", "train"), 0), (("why", "train", "--exit-code"), 1), (("why", "test", "--json"), 0),
    (("why", "doc", "--exit-code"), 0), (("why", "lint", "--exit-code"), 0),
])  # fmt: skip
def test_scripts_are_told_by_the_exit_code_only_if_they_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], code: int
) -> None:
    monkeypatch.chdir(make_repository(tmp_path))

    assert main(argv) == code


def test_where_all_is_up_to_date_the_exit_code_is_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_repository(tmp_path)
    write(root, "docs/conf.py", "")
    monkeypatch.chdir(root)
    workspace, doc = open_here(root).workspace, load_chain()["doc"]
    write(root, "build/doc/index.html", "made")
    made = {"build/doc": workspace.digests.output(root / "build/doc")}
    records = workspace.layout.records
    write_record(records, Record("doc", fingerprint(workspace, doc), made, 1.0, {}))

    assert main(["why", "doc", "--exit-code"]) == 0
    write(root, "docs/conf.py", "changed = True")
    assert main(["why", "doc", "--exit-code"]) == 1


def test_a_clock_that_was_set_back_breaks_no_table() -> None:
    lines = list(render_table([StepStatus("train", "up to date", AT_NOON, 1.0)], now=0.0))

    assert "2025-" in lines[1]


def test_why_offers_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["why", "--help"])

    assert not ended.value.code
    assert ", ".join(step.name for step in load_chain().steps) in " ".join(
        capsys.readouterr().out.split()
    )
