"""Small scripts that run inside other environments, by file path.

They import nothing of the toolkit: the environment that they run in does not have it.
"""

from pathlib import Path
from typing import Final

__all__ = [
    "ASK_EACH",
    "CHECK_COMPONENT",
    "CHECK_WHEEL",
    "CLUSTER",
    "CONVERT",
    "DESCRIBE_DATA",
    "DRAW",
    "ENTRY_POINT",
    "INSTALLED_MODELS",
    "MEASURING",
    "PREDICT",
    "PROVE",
    "READ_METADATA",
    "SEND",
    "TRAIN",
    "WATCH",
]

ASK_EACH: Final = Path(__file__).with_name("ask_each.py")
CHECK_COMPONENT: Final = Path(__file__).with_name("check_component.py")
CHECK_WHEEL: Final = Path(__file__).with_name("check_wheel.py")
CLUSTER: Final = Path(__file__).with_name("cluster")
CONVERT: Final = Path(__file__).with_name("convert.py")
DESCRIBE_DATA: Final = Path(__file__).with_name("describe_data.py")
DRAW: Final = Path(__file__).with_name("draw.py")
ENTRY_POINT: Final = Path(__file__).with_name("entry_point.py")
INSTALLED_MODELS: Final = Path(__file__).with_name("installed_models.py")
MEASURING: Final = Path(__file__).with_name("measuring")
PREDICT: Final = Path(__file__).with_name("predict.py")
PROVE: Final = Path(__file__).with_name("prove.py")
READ_METADATA: Final = Path(__file__).with_name("read_metadata.py")
SEND: Final = Path(__file__).with_name("send_with_twine.py")
TRAIN: Final = Path(__file__).with_name("train.py")
WATCH: Final = Path(__file__).with_name("watch.py")
