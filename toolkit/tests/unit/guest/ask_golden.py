"""Ask the portable forms in files of `portable_golden`, all in this process, with numpy alone.

Run by its path with the folder of the model package and the files; it prints which scikit-learn
made each file's models, and how many they are.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

BLOCKED = ("joblib", "pandas", "scipy", "sklearn", "threadpoolctl")
TOLERANCE = 1e-12


class Blocked:
    """Finds no package that a consumer need not have."""

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse an import."""
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(name)


def load(folder: str, file: str) -> list[tuple[dict[str, Any], Any]]:
    """Return the models in a file: what is known of each, and its form."""
    package = ModuleType("portable_form")
    package.__path__ = [folder]
    sys.modules.setdefault("portable_form", package)
    load_portable = importlib.import_module("portable_form.portable").load_portable
    models = json.loads(Path(file).read_bytes())
    return [(model, load_portable(base64.b64decode(model["form"]))) for model in models]


def differs(answer: Any, expected: Any) -> bool:
    """Whether answers are not the same, numbers within the tolerance."""
    numpy = importlib.import_module("numpy")
    found, wanted = numpy.asarray(answer), numpy.asarray(expected)
    if found.shape != wanted.shape or found.dtype.kind not in "fiu":
        return bool(found.tolist() != wanted.tolist())
    return not numpy.allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocked())
    files = [load(sys.argv[1], file) for file in sys.argv[2:]]
    for models in files:
        for model, form in models:
            for method, expected in model["answers"].items():
                if differs(getattr(form, method)(model["rows"]), expected):
                    sys.exit(f"{form.made_with}: {model['name']}: {method}")
        versions = sorted({form.made_with for _, form in models})
        sys.stdout.write(f"{' '.join(versions)} {len(models)}\n")
