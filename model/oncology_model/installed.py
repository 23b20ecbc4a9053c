"""The distribution that this package was installed from."""

from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

UNKNOWN = "0+unknown"


def find_distribution(package: Path) -> Distribution | None:
    """Find what a package was installed from.

    Args:
        package: the folder of this package, wherever it is installed.

    Returns:
        None in a checkout of the sources.
    """
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
    distribution = find_distribution(Path(__file__).parent)
    return distribution.version if distribution else UNKNOWN
