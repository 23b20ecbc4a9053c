"""What is removed by a clean, and what is not."""

from __future__ import annotations

import io
from pathlib import Path

from trainwheel.steps.clean import STEP
from unit.recording_tools import RecordingTools
from unit.repository import FILES, open_here, write

MODEL = "model/small_model/artefact/model.joblib"
KEEP = (".trainwheel/index/a.whl", ".trainwheel/cache/x", ".trainwheel/lock", ".nox/train/stamp",
        "model/small_model/artefact/other.joblib")  # fmt: skip


def clean(root: Path) -> str:
    stream, tools = io.StringIO(), RecordingTools()
    STEP.run(open_here(root, stream=stream, tools=tools))
    assert tools.calls == []
    return stream.getvalue()


def test_what_steps_made_is_removed_and_nothing_else(root: Path) -> None:
    for name in ("build/train/metrics.json", "build/.trainwheel/train.json", *KEEP):
        write(root, name, "made")

    clean(root)

    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert files == ({*FILES, *KEEP, "Pipfile.lock"}) - {MODEL, f"{MODEL}.json"}
    assert not (root / "build").exists()


def test_a_clean_with_nothing_to_remove_ends_well_and_needs_no_lock_file(root: Path) -> None:
    clean(root)
    (root / "Pipfile.lock").unlink()

    assert clean(root).startswith("clean ")
    assert not STEP.needs_lockfile
    assert STEP.takes_lock


def test_a_build_folder_that_stands_elsewhere_is_emptied(root: Path, tmp_path: Path) -> None:
    output = write(tmp_path, "large-disk/train/metrics.json", "{}")
    (root / "build").symlink_to(tmp_path / "large-disk")

    clean(root)

    assert not output.exists()
    assert (root / "build").is_symlink()
    assert list((root / "build").iterdir()) == []


def test_a_build_folder_whose_disk_is_gone_stops_nothing(root: Path, tmp_path: Path) -> None:
    (root / "build").symlink_to(tmp_path / "gone")

    clean(root)

    assert not (root / MODEL).exists()
