"""The distribution that this package was installed from."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from oncology_model.load_lock import LOAD_LOCK

if TYPE_CHECKING:
    from importlib.metadata import Distribution

UNKNOWN = "0+unknown"


def find_distribution(package: Path) -> "Distribution | None":
    """Find what a package was installed from.

    Args:
        package: the folder of this package, wherever it is installed.

    Returns:
        None in a checkout of the sources.
    """
    # Only here, as it takes longer to import than the package itself.
    from importlib.metadata import distributions  # noqa: PLC0415

    parts = __package__.split(".")
    # No other folder of the path: what is installed there is not what was imported.
    folder = package.parents[len(parts) - 1]
    module = "/".join([*parts, "__init__.py,"])
    for distribution in distributions(path=[str(folder)]):
        members = (distribution.read_text("RECORD") or "").splitlines()
        if any(line.startswith(module) for line in members):
            return distribution
    return None


@cache
def read_version() -> str:
    """Return the version of this package; "0+unknown" in a checkout of the sources."""
    with LOAD_LOCK.hold():  # as a process that forks meanwhile could not import it again
        distribution = find_distribution(Path(__file__).parent)
    return distribution.version if distribution else UNKNOWN
