"""Small scripts that run inside other environments, by file path.

They import nothing of the toolkit: the environment that they run in does not have it.
"""

from pathlib import Path
from typing import Final

__all__ = ["DESCRIBE_WHEEL", "INSTALLED_MODELS", "PREDICT", "SEND"]

DESCRIBE_WHEEL: Final = Path(__file__).with_name("describe_wheel.py")
INSTALLED_MODELS: Final = Path(__file__).with_name("installed_models.py")
PREDICT: Final = Path(__file__).with_name("predict.py")
SEND: Final = Path(__file__).with_name("send_with_twine.py")
