"""List the models that an environment holds: the entry points of the group ``trainwheel.models``.

Run by file path with that environment's Python, or imported where it is our own. Importing a
model, or anything that it needs, is not necessary: the provenance is in the metadata.
"""

import json
from importlib import metadata
from typing import Any

GROUP = "trainwheel.models"
_PROVENANCE = ".dist-info/trainwheel/provenance.json"


def main() -> None:
    """Print one JSON object for each model."""
    print(json.dumps(installed_models()))  # noqa: T201 - what was asked for


def installed_models() -> list[dict[str, Any]]:
    """Return each model's entry point, distribution and version, and its provenance or null."""
    models = []
    for entry in metadata.entry_points(group=GROUP):
        if entry.dist is None:
            continue
        models.append(
            {
                "entry": entry.name,
                "object": entry.value,
                "name": entry.dist.name,
                "version": entry.dist.version,
                "provenance": read_provenance(entry.dist),
            }
        )
    return sorted(models, key=lambda model: (model["name"], model["entry"]))


def read_provenance(distribution: metadata.Distribution) -> dict[str, Any] | None:
    """Return the provenance in the wheel; None where there is none or it cannot be read."""
    for file in distribution.files or ():
        if file.as_posix().endswith(_PROVENANCE):
            try:
                document = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                return None
            return document if isinstance(document, dict) else None
    return None


if __name__ == "__main__":
    main()
