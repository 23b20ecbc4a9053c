"""Which packages come from one index and from nowhere else.

Installers take a name that both a team's own index and the public one have from whichever has the
higher version. A package that is bound to an index is looked up there alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError
from trainwheel.requirements.pipfile import Pipfile
from trainwheel.settings.tables import IndexSettings

__all__ = ["Bindings", "check_pipfile"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True)
class Bindings:
    """The ``packages`` of the configured indexes.

    Args:
        patterns: Name of an index → patterns of package names.
    """

    patterns: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, indexes: Mapping[str, IndexSettings]) -> Bindings:
        """Return the bindings of the configuration."""
        return cls({name: index.packages for name, index in indexes.items() if index.packages})

    def index_of(self, package: str) -> str | None:
        """Return the index that a package is bound to; None for none.

        Raises:
            ConfigurationError: It is bound to two.
        """
        name = canonicalize_name(package)
        indexes = [index for index, patterns in self.patterns.items() if _matches(name, patterns)]
        if len(indexes) > 1:
            message = f"{name} is bound to the indexes {' and '.join(indexes)}"
            raise ConfigurationError(message, hint="let the packages of one index match it")
        return indexes[0] if indexes else None

    def divide(self, requirements: str) -> dict[str | None, str]:
        """Return index → the lines of a requirements file that it serves; None for no binding.

        Args:
            requirements: As `trainwheel.requirements.lockfile.render_requirements` writes them.

        Raises:
            ConfigurationError: A bound package is locked by its own address instead of a version.
        """
        shares: dict[str | None, str] = {}
        for line in requirements.replace("\\\n", "").splitlines():
            match = _NAME.match(line)
            if match is None:
                continue
            index = self.index_of(match[0])
            if index is not None and " @ " in line.partition(";")[0]:
                message = f"{match[0]} is bound to index {index}, and locked by another address"
                raise ConfigurationError(message, hint="name a version in the Pipfile, and lock")
            shares[index] = f"{shares.get(index, '')}{line}\n"
        return shares


def check_pipfile(pipfile: Pipfile, bindings: Bindings) -> None:
    """Check that locking can take every package of a Pipfile from the index that it names.

    Raises:
        ConfigurationError: An entry names an index that is not a source, which pipenv would ignore;
            or the Pipfile has sources of its own beside bindings.
    """
    if pipfile.sources and bindings.patterns:
        message = "the Pipfile has a [[source]], and pyproject.toml binds packages to indexes"
        hint = "take the sources out: the machine's pip configuration says where the rest is"
        raise ConfigurationError(message, hint=hint)
    sources = {str(source.get("name", "")) for source in pipfile.sources}
    for category, packages in pipfile.categories.items():
        for package in packages:
            is_source = not package.index or package.index in sources
            if is_source or bindings.index_of(package.name) == package.index:
                continue
            message = (
                f"Pipfile: [{category}] {package.key} asks for index {package.index!r},"
                " but neither a [[source]] nor a binding defines it"
            )
            table = f"[tool.trainwheel.index.{package.index}]"
            hint = f'bind it: packages = ["{package.name}"] in {table}'
            raise ConfigurationError(message, hint=hint)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, _SEPARATORS.sub("-", text).lower()) for text in patterns)
