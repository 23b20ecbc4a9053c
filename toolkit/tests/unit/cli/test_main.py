"""The command publishes, verifies, promotes and lists as the sessions do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.cli.main import main
from trainwheel.engine.records import Record, read_record, write_record
from trainwheel.errors import TrainwheelError
from trainwheel.steps import load_chain
from trainwheel.wheel.proof import proof_path
from unit.proved import package, publish
from unit.recording_tools import RecordingTools
from unit.repository import PYPROJECT, open_here, write, write_lock

TEAM = '\n[tool.trainwheel.index.team]\nurl = "https://team.example.com/"\n'
Way = Callable[[Path, str], int]


def by_session(root: Path, step: str) -> int:
    """Run a step as its session does; return the exit code that its error would have."""
    try:
        load_chain()[step].run(open_here(root, tools=RecordingTools()))
    except TrainwheelError as error:
        return error.exit_code
    return 0


def by_command(root: Path, step: str) -> int:
    words = [str(path) for path in (root / "build/dist").glob("*.whl")] if step == "upload" else []
    return main([step, *words])


def records(root: Path) -> dict[str, object]:
    """Return what each record says, without the times."""
    folder = root / "build/.trainwheel"
    found = {name: read_record(folder, name) for name in ("package", "upload", "verify")}
    return {
        name: (record.fingerprint, record.outputs, record.facts)
        for name, record in found.items()
        if record is not None
    }


def record_verified(root: Path) -> None:
    """Say that what was uploaded has been verified."""
    folder = root / "build/.trainwheel"
    uploaded = read_record(folder, "upload")
    assert uploaded is not None
    write_record(folder, Record("verify", uploaded.fingerprint, {}, 0, {}))


def test_both_ways_in_leave_the_same_record_of_an_upload(root: Path) -> None:
    package(root, is_published=True)
    assert by_session(root, "upload") == 0
    by_the_session = records(root)
    (root / "build/.trainwheel/upload.json").unlink()

    assert by_command(root, "upload") == 0

    assert records(root) == by_the_session
    assert by_the_session.keys() == {"package", "upload"}


@pytest.mark.parametrize("way", [by_session, by_command])
def test_neither_way_records_what_an_earlier_release_ships_already(root: Path, way: Way) -> None:
    package(root, is_published=True).unlink()
    package(root, version="0.1.1")

    assert way(root, "upload") == 0

    assert "upload" not in records(root)


@pytest.mark.parametrize("way", [by_session, by_command])
def test_a_verification_that_fails_takes_back_the_earlier_one_either_way(
    root: Path, way: Way
) -> None:
    wheel = package(root, is_published=True)
    assert way(root, "upload") == 0
    record_verified(root)
    (root / ".trainwheel/index" / wheel.name).unlink()

    assert way(root, "verify") == 1

    assert "verify" not in records(root)
    assert "upload" in records(root)


def test_where_no_step_has_run_nothing_is_recorded(root: Path, tmp_path: Path) -> None:
    wheel = package(root, is_published=True)
    elsewhere = tmp_path / "handed-over"
    elsewhere.mkdir()
    for path in (wheel, proof_path(wheel)):
        path.rename(elsewhere / path.name)
    (root / "build").rename(tmp_path / "gone")

    assert main(["upload", str(elsewhere / wheel.name)]) == 0

    assert not (root / "build").exists()


@pytest.mark.parametrize("source", ["byte-order mark", "plain"])
@pytest.mark.parametrize("way", [by_session, by_command])
def test_both_ways_in_read_the_same_configuration(root: Path, way: Way, source: str) -> None:
    mark = b"\xef\xbb\xbf" if source == "byte-order mark" else b""
    (root / "pyproject.toml").write_bytes(mark + (PYPROJECT + TEAM).encode())
    package(root, is_published=True)

    assert way(root, "upload") == 0

    assert "upload" in records(root)


@pytest.mark.parametrize("name", ["pyproject.toml", "proof"])
@pytest.mark.parametrize("command", ["upload", "verify"])
def test_a_file_of_another_encoding_is_one_line(
    root: Path, name: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = package(root, is_published=True)
    path = proof_path(wheel) if name == "proof" else root / name
    path.write_bytes(b"# \xff\n")

    assert by_command(root, command) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("configuration: ")
    assert path.name in shown
    assert len(shown.splitlines()) == 1


def test_each_wheel_is_settled_by_itself_and_every_error_is_told(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = package(root, is_published=True)
    first, last = tmp_path / "a-1-py3-none-any.whl", tmp_path / "not-a-wheel"

    assert main(["upload", str(first), str(good), str(last)]) == 2

    shown = capsys.readouterr().err.splitlines()
    assert [name in line for name, line in zip((first.name, last.name), shown, strict=True)] == [
        True,
        True,
    ]
    assert "upload" in records(root)


def test_a_wheel_of_another_name_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = package(root, is_published=True)

    assert main(["upload", "--name", "other-model", str(wheel)]) == 3
    assert "other-model" in capsys.readouterr().err
    assert "upload" not in records(root)
    assert main(["upload", "--name", "Small_Model", str(wheel)]) == 0


@pytest.mark.parametrize(("words", "named"), [
    (("verify", "--proofs", "nowhere"), "nowhere"),
    (("verify", "small-model==9.9"), "small-model==9.9"),
    (("verify", "--url-env", "TEAM_URL"), "--to"), (("verify", "--to", "nobody"), "nobody"),
    (("promote", "small-model"), "--from"), (("promote", "small-model", "--from", "team"), "--to"),
    (("promote", "small-model", "--from", "team", "--to", "team"), "team"),
    (("promote", "small-model", "--from", "nobody", "--to", "embedded"), "nobody"),
    (("promote", "other-model", "--from", "embedded", "--to", "nobody"), "nobody"),
    (("requirements", "packages", "nothing"), "nothing"),
])  # fmt: skip
def test_what_cannot_be_done_is_2_in_one_line_that_names_it(
    root: Path, words: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    package(root)

    assert main(words) == 2
    out, shown = capsys.readouterr()
    assert shown.startswith("configuration: ")
    assert named in shown
    assert (out, len(shown.splitlines())) == ("", 1)


def test_an_index_can_be_described_where_nothing_is_configured(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "pyproject.toml").unlink()
    monkeypatch.setenv("TEAM_URL", "not an address")
    wheel = package(root)
    words = ("--to", "team", "--url-env", "TEAM_URL", "--password-env", "TEAM_PASSWORD")

    assert main(["upload", str(wheel), *words]) == 2
    assert "TEAM_URL" in capsys.readouterr().err


def test_requirements_are_what_the_lock_has_and_nothing_else(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock(root, helper="./helper")

    assert main(["requirements", "packages", "test"]) == 0

    out, err = capsys.readouterr()
    assert out == open_here(root).workspace.locked("packages", "test")
    assert {"six==1.16.0", "pytest==9.0.0"} <= {*out.split()}
    assert err.startswith("notice: helper ")


def test_what_the_system_refuses_is_one_line(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, "build/dist", "a file where a folder should be")
    publish(root, write(root, "x-1-py3-none-any.whl", ""))

    assert main(["hand-over", "build/dist"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_status_for_programs_names_every_step(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package(root)

    assert main(["status", "--json"]) == 0
    steps = [row["step"] for row in json.loads(capsys.readouterr().out)]
    assert steps == list(load_chain().by_name)


def test_a_secret_that_the_command_has_read_is_starred_in_its_errors(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    password = "demo-3-py3"
    write(root, "pyproject.toml", f'{PYPROJECT}{TEAM}username = "ci"\npassword-env = "PW"\n')
    monkeypatch.setenv("PW", password)
    wheels = (f"{password}-none-any.whl", f"build/{password}.whl")

    assert main(["upload", "--to", "team", *wheels]) == 2

    shown = capsys.readouterr().err
    assert password not in shown
    assert ["***" in line for line in shown.splitlines()] == [True, True]
