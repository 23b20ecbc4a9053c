"""One package of a Pipfile or its lock."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Package"]


@dataclass(frozen=True, slots=True)
class Package:
    """One package as a Pipfile or its lock names it.

    Attributes:
        key: The key as written; `name` is its PEP 503 form.
        specifier: PEP 440 clauses in the order written; empty for any version.
        markers: Every marker, in the order written; all of them must be true.
        vcs: ``git``, ``hg``, ``svn`` or ``bzr`` when `url` is a repository.
        path: A local file or folder, as written, instead of a release.
    """

    key: str
    name: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    vcs: str = ""
    url: str = ""
    ref: str = ""
    subdirectory: str = ""
    path: str = ""
    editable: bool = False
    index: str = ""
    hashes: tuple[str, ...] = ()
