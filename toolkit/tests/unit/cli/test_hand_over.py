"""What a job without a checkout is given, whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from trainwheel.cli.hand_over import seal
from trainwheel.cli.main import main
from trainwheel.requirements.pylock import pylock_path
from trainwheel.wheel.proof import proof_path
from trainwheel.wheel.sbom import bill_path
from unit.proved import package
from unit.repository import PIPFILE, open_here, write, write_lock

Capture = pytest.CaptureFixture[str]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def check_sums(folder: Path, printed: str) -> None:
    """Check the list as ``sha256sum --check`` does, and that its own digest was printed."""
    sums = (folder / "SHA256SUMS").read_bytes()
    assert printed == f"{hashlib.sha256(sums).hexdigest()}\n"
    lines = [line.split("  ", 1) for line in sums.decode().splitlines()]
    listed = {name: digest for digest, name in lines}
    assert listed.keys() == names(folder) - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("is_there", [False, True])
def test_the_wheel_goes_with_its_proof_and_with_nothing_that_lies_beside_it(
    root: Path, capsys: Capture, *, is_there: bool
) -> None:
    wheel, out = package(root), root / "handed" / "over"
    for path in (pylock_path(wheel), bill_path(wheel)):
        path.touch()
    write(root, "build/dist/rows.csv", "1,2\n")
    if is_there:
        out.mkdir(parents=True)

    assert main(["hand-over", str(out)]) == 0

    beside = {proof_path(wheel).name, pylock_path(wheel).name, bill_path(wheel).name}
    assert names(out) == {wheel.name, *beside, "SHA256SUMS"}
    check_sums(out, capsys.readouterr().out)


def test_nothing_to_release_is_one_word_for_a_program(root: Path, capsys: Capture) -> None:
    package(root, releases=False)

    assert main(["hand-over", "out"]) == 0

    out, err = capsys.readouterr()
    assert out == "unchanged\n"
    assert err.startswith("notice: ")
    assert not (root / "out").exists()


def test_what_publishes_is_the_library_its_needs_by_digest_and_the_models_name(
    root: Path, capsys: Capture
) -> None:
    write(root, "Pipfile", PIPFILE + "\n[dev-packages]\n")
    write_lock(root)

    assert main(["hand-over", "--command", "out"]) == 0

    (own,) = (root / "out").glob("*.whl")
    assert own.name.startswith("trainwheel-")
    assert (root / "out/name.txt").read_text() == "small-model\n"
    locked = open_here(root).workspace.locked("dev-packages", "upload")
    assert (root / "out/requirements.txt").read_text() == locked
    assert names(root / "out") == {own.name, "name.txt", "requirements.txt", "SHA256SUMS"}
    check_sums(root / "out", capsys.readouterr().out)


def test_a_folder_that_holds_something_is_left_as_it_is(root: Path, capsys: Capture) -> None:
    package(root)
    write(root, "out/mine", "")

    assert main(["hand-over", "out"]) == 2
    assert "out" in capsys.readouterr().err
    assert names(root / "out") == {"mine"}


@pytest.mark.parametrize("missing", ["version.json", "the wheel", "the proof"])
def test_what_was_not_packaged_is_not_handed_over_in_part(
    root: Path, missing: str, capsys: Capture
) -> None:
    wheel = package(root)
    files = {"the wheel": wheel, "the proof": proof_path(wheel)}
    files.get(missing, root / "build" / "version.json").unlink()

    assert main(["hand-over", "out"]) != 0

    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert not (root / "out").exists()


@pytest.mark.parametrize("missing", ["setup.py", "Pipfile.lock", "Pipfile"])
def test_what_publishes_is_not_handed_over_in_part(
    root: Path, missing: str, capsys: Capture
) -> None:
    (root / missing).unlink()

    assert main(["hand-over", "--command", "out"]) == 2

    assert missing in capsys.readouterr().err
    assert not (root / "out").exists()


def test_a_seal_lists_folders_below_and_changes_with_every_byte(tmp_path: Path) -> None:
    write(tmp_path, "a/name with spaces", "1")
    first = seal(tmp_path)
    (tmp_path / "SHA256SUMS").unlink()
    assert seal(tmp_path) == first

    (tmp_path / "SHA256SUMS").unlink()
    write(tmp_path, "a/name with spaces", "2")

    assert seal(tmp_path) != first
    assert (tmp_path / "SHA256SUMS").read_text().endswith("  a/name with spaces\n")
