"""The two steps for doit."""

from collections.abc import Mapping
from pathlib import Path

DOIT_CONFIG = {"default_tasks": ["prepare", "train"]}


def files(folder: str) -> list[str]:
    """Return the files below a folder."""
    return [str(path) for path in Path(folder).rglob("*") if path.is_file()]


def task_prepare() -> Mapping[str, list[str]]:
    """Count the data."""
    return {
        "actions": ["python work.py prepare"],
        "file_dep": ["work.py", *files("data")],
        "targets": ["build/prepared.txt"],
    }


def task_train() -> Mapping[str, list[str]]:
    """Write the model."""
    return {
        "actions": ["python work.py train"],
        "file_dep": ["work.py", "build/prepared.txt", *files("model")],
        "targets": ["build/model.txt"],
    }
