"""The samples of tests/projects/sync-corpus, as folders to run sync in."""

from __future__ import annotations

from pathlib import Path

CORPUS = Path(__file__).parents[1] / "projects" / "sync-corpus"
CASES = sorted(path.name for path in CORPUS.iterdir() if path.is_dir())
FILES = ("Pipfile", "Pipfile.lock", "setup.py")

# What no policy can sync, and why.
REFUSED = {
    "bad_lock_json": r"Pipfile\.lock is not valid JSON",
    "list_with_call": r"setup\.py:\d+: an element of install_requires is computed",
    "merge_conflict_pipfile": "Pipfile is not valid TOML",
    "read_from_file": r"setup\.py:\d+: install_requires is computed",
    "remote_files": "does not name its project",
}


def copy_case(case: str, folder: Path) -> Path:
    """Write a sample's files into a folder, to be changed there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_bytes((CORPUS / case / name).read_bytes())
    return folder
