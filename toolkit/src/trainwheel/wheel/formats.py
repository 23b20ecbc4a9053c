"""The format of a trained model's file."""

from __future__ import annotations

from pathlib import Path

__all__ = ["format_of"]


def format_of(path: Path) -> str:
    """Return the format of a file: ``joblib``, or ``unknown``."""
    return "joblib" if path.suffix in {".joblib", ".pkl", ".pickle"} else "unknown"
