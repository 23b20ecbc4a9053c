"""The model with tables of pandas, polars and Arrow, records that are not all numbers, and schemas.

None of these libraries is needed by a model, nor by the library, so they are installed for this.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import jsonschema
import pytest

from integration.once import once_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
LIBRARIES = ("pandas==3.0.6", "polars==1.45.0", "pyarrow==25.0.0")
