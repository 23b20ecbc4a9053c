"""What CI services show of a run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.cli.ci import add_annotations, add_summary, list_metrics, mark_failures, sum_up
from trainwheel.system.secrets import Secrets

PLACE = "file=tests/unit/test_a.py,line=12"
JUNIT = """\
<testsuites><testsuite>
<testcase classname="tests.unit.test_a" name="test_fine"/>
<testcase classname="tests.unit.test_a" name="test_sum[1,2]">
<failure message="assert 3 == 4&#10; 50% wrong">tests/unit/helper.py:3: in check
tests/unit/test_a.py:12: AssertionError</failure></testcase>
<testcase classname="gate" name="accuracy at least 0.9">
<failure message="accuracy is 0.5"/></testcase>
</testsuite></testsuites>
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    for name, text in {
        "dist/tiny_model-0.1.7-py3-none-any.whl": "",
        "train/metrics.md": "### tiny-model\n\n| accuracy | 1 |\nGate: **passed**.\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return tmp_path


def test_the_summary_shows_the_wheel_the_metrics_and_the_verdict(build: Path) -> None:
    lines = list(sum_up(build))
    assert lines[0] == (
        "Built and proved: **tiny-model 0.1.7**, `tiny_model-0.1.7-py3-none-any.whl`"
    )
    assert "| accuracy | 1 |" in lines
    assert "Gate: **passed**." in lines
    assert list(mark_failures(build)) == []


def test_failures_are_marked_where_they_are_and_listed(build: Path) -> None:
    (build / "test").mkdir()
    (build / "test" / "junit.xml").write_text(JUNIT)

    assert list(mark_failures(build)) == [
        f"::error {PLACE},title=test_sum[1%2C2]::assert 3 == 4%0A 50%25 wrong",
        "::error title=accuracy at least 0.9::accuracy is 0.5",
    ]
    listed = [line for line in sum_up(build) if line.startswith("- failed")]
    assert listed == [
        "- failed: `test_sum[1,2]` in tests/unit/test_a.py, line 12",
        "- failed: `accuracy at least 0.9`",
    ]


@pytest.mark.parametrize(("trace", "place"), [
    ("tests/a.py:3: in f\n.nox/test/lib/site-packages/numpy/b.py:9: Error", "tests/a.py"),
    ("tests/a.py:3: in f\n.venv/lib/b.py:9: Error", "tests/a.py"),
    ("tests/a.py:3: in f\nenv/lib/site-packages/b.py:9: Error", "tests/a.py"),
    ("tests/a.py:3: in f\n/usr/lib/python3.13/b.py:9: Error", "tests/a.py"),
    ("tests/a.py:3: in f\n../elsewhere/b.py:9: Error", "tests/a.py"),
    ("/usr/lib/python3.13/b.py:9: Error", None),
])  # fmt: skip
def test_a_failure_is_marked_in_a_file_of_the_repository(
    build: Path, trace: str, place: str | None
) -> None:
    (build / "test").mkdir()
    case = f'<testcase name="test_a"><failure message="no">{trace}</failure></testcase>'
    (build / "test" / "junit.xml").write_text(f"<testsuite>{case}</testsuite>")
    (mark,) = mark_failures(build)
    assert mark == f"::error {f'file={place},line=3,' if place else ''}title=test_a::no"


@pytest.mark.parametrize(
    ("name", "text"),
    [("test/junit.xml", "<testsuites><testca"), ("test/junit.xml", ""), ("version.json", "{"),
     ("version.json", "[]")],
)  # fmt: skip
def test_a_file_that_was_cut_off_does_not_stop_the_summary(
    build: Path, name: str, text: str
) -> None:
    path = build / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    lines = list(sum_up(build))
    assert "Gate: **passed**." in lines
    assert f"`{name}` holds nothing that can be read." in lines
    assert list(mark_failures(build)) == []


def test_a_run_with_nothing_to_release_says_since_when(build: Path) -> None:
    release = '{"releases": false, "reason": "unchanged since 0.1.7"}'
    (build / "version.json").write_text(release)
    lines = list(sum_up(build))
    assert lines[0] == "Nothing to release: unchanged since 0.1.7."
    assert not [line for line in lines if "Built" in line or "No wheel" in line]


def test_a_run_that_came_to_nothing_says_so(tmp_path: Path) -> None:
    assert list(sum_up(tmp_path)) == ["No wheel was packaged: the log says why."]
    assert list(mark_failures(tmp_path)) == []


@pytest.mark.parametrize("add", [add_summary, add_annotations])
def test_a_secret_that_was_read_is_starred_in_what_the_service_shows(
    build: Path,
    add: Callable[[ArgumentParser], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (build / "build").mkdir()
    for name in ("dist", "train"):
        (build / name).rename(build / "build" / name)
    (build / "build" / "test").mkdir()
    (build / "build" / "test" / "junit.xml").write_text(JUNIT.replace("test_sum", "s3cret-key"))
    monkeypatch.chdir(build)
    parser, secrets = ArgumentParser(), Secrets()
    add(parser)
    secrets.read("s3cret-key")

    arguments = parser.parse_args([], Namespace(secrets=secrets))
    arguments.run(arguments)

    printed = capsys.readouterr().out
    assert "s3cret-key" not in printed
    assert "***[1" in printed


@pytest.mark.parametrize(("text", "lines"), [
    ('{"metrics": {"accuracy": 0.5, "roc-auc (0.9)": 1, "f1": 2e-7}}',
     ["accuracy 0.5", "roc_auc__0_9_ 1", "f1 2e-07"]),
    ("{}", []), ("[]", []), ("torn", []), (None, []),
])  # fmt: skip
def test_the_metrics_alone_are_what_gitlab_compares(
    tmp_path: Path, text: str | None, lines: list[str]
) -> None:
    if text is not None:
        (tmp_path / "evaluate").mkdir()
        (tmp_path / "evaluate" / "evaluation.json").write_text(text)

    assert list(list_metrics(tmp_path)) == [*lines, "# EOF"]
