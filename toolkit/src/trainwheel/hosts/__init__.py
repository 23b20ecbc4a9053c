"""Scripts that run inside other environments, by file path; they import nothing of ours."""

from pathlib import Path
from typing import Final

__all__ = ["PREDICT"]

PREDICT: Final = Path(__file__).with_name("predict.py")
