"""Read from pyproject.toml which packages a project names itself, as a Pipfile does.

``[project]`` and ``[tool.poetry]`` name those of run time and of each extra, and PEP 735's
``[dependency-groups]`` and Poetry's groups name others. Each is a category; a group goes before an
extra of the same name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from packaging.dependency_groups import resolve_dependency_groups
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name
from packaging.version import Version

from trainwheel.errors import LockfileError
from trainwheel.requirements.addresses import refuse_entry_secrets
from trainwheel.requirements.pep508 import Package
from trainwheel.requirements.pipfile import Pipfile, parse_package

__all__ = ["package_of", "parse_manifest"]

_FILE = "pyproject.toml"
_CLAUSE = re.compile(r"(?:===|~=|==|!=|<=|>=|<|>)\s*[^\s,;()]+")
_PLAIN = re.compile(r"=?([0-9][0-9a-zA-Z.!+*-]*)")


def parse_manifest(text: str) -> Pipfile:
    """Return what pyproject.toml names; a category that another file lists is missing.

    Raises:
        LockfileError: It is not TOML, or names a package in a way that is not known.
    """
    try:
        raw = tomllib.loads(text.removeprefix("\ufeff"))
        categories = dict(_categories(raw))
    except (ValueError, RecursionError) as error:
        message = f"{_FILE} is not valid TOML: {error}"
        raise LockfileError(message, hint="fix that line") from None
    except (TypeError, AttributeError):
        message = f"{_FILE} lists packages in a table where a list should be, or the reverse"
        raise LockfileError(message, hint="write them as their tool's manual says") from None
    return Pipfile(MappingProxyType(categories), (), MappingProxyType(raw), _FILE)


def package_of(text: str, *, where: str) -> Package:
    """Return the package that a PEP 508 requirement names.

    Args:
        text: The requirement.
        where: File and list, for messages.

    Raises:
        LockfileError: It is not a requirement, or its address holds a secret.
    """
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        message = f"{where}: {text!r} is not a requirement: {reason}"
        raise LockfileError(message, hint="write it as PEP 508 says") from None
    refuse_entry_secrets(requirement.name, requirement.url or "", f"{where}:")
    front = "" if requirement.url else text.partition(";")[0]
    return Package(
        key=requirement.name,
        name=canonicalize_name(requirement.name),
        # As written: packaging sorts them.
        specifier=",".join("".join(clause.split()) for clause in _CLAUSE.findall(front)),
        extras=tuple(sorted(map(canonicalize_name, requirement.extras))),
        markers=(str(requirement.marker),) if requirement.marker else (),
        url=requirement.url or "",
    )


def _categories(raw: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Package, ...]]]:
    project = raw.get("project", {})
    poetry = raw.get("tool", {}).get("poetry", {})
    dynamic = project.get("dynamic", ())
    for extra, texts in project.get("optional-dependencies", {}).items():
        yield canonicalize_name(extra), _listed(texts, f"[project] extra {extra}")
    yield from _poetry_extras(poetry)
    if "dependencies" in project and "dependencies" not in dynamic:
        yield "packages", _listed(project["dependencies"], "[project]")
    elif "dependencies" in poetry:
        rows = _poetry_rows(poetry["dependencies"], "[tool.poetry]")
        yield "packages", tuple(package for package, is_optional in rows if not is_optional)
    groups = {"dev": {"dependencies": poetry.get("dev-dependencies", {})}}
    for name, group in {**groups, **poetry.get("group", {})}.items():
        where = f"[tool.poetry.group.{name}]"
        rows = _poetry_rows(group.get("dependencies", {}), where)
        if packages := tuple(package for package, _ in rows):
            yield canonicalize_name(name), packages
    yield from _groups(raw.get("dependency-groups", {}))


def _listed(texts: Iterable[str], where: str) -> tuple[Package, ...]:
    if isinstance(texts, str):
        raise TypeError
    return tuple(package_of(text, where=f"{_FILE}: {where}") for text in texts)


def _groups(table: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Package, ...]]]:
    """Yield the groups of PEP 735, those that they include among them."""
    for group in table:
        try:
            texts = resolve_dependency_groups(table, group)
        except (ExceptionGroup, LookupError, ValueError, TypeError) as error:
            reason = next(iter(getattr(error, "exceptions", ())), error)
            message = f"{_FILE}: [dependency-groups] {group}: {reason}"
            raise LockfileError(message, hint="write it as PEP 735 says") from None
        yield canonicalize_name(group), _listed(texts, f"[dependency-groups] {group}")


def _poetry_extras(poetry: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Package, ...]]]:
    """Yield the extras of Poetry, which name packages of the list for run time."""
    rows = _poetry_rows(poetry.get("dependencies", {}), "[tool.poetry]")
    for extra, names in poetry.get("extras", {}).items():
        members = set(map(canonicalize_name, names))
        yield canonicalize_name(extra), tuple(p for p, _ in rows if p.name in members)


def _poetry_rows(table: Mapping[str, Any], where: str) -> list[tuple[Package, bool]]:
    """Return the packages of a table of Poetry, and whether an extra must be asked for each."""
    rows = []
    for key, value in table.items():
        for entry in value if isinstance(value, list) else [value]:
            if key != "python":
                is_optional = isinstance(entry, Mapping) and entry.get("optional") is True
                rows.append((_poetry_package(key, entry, f"{_FILE}: {where}"), is_optional))
    return rows


def _poetry_package(key: str, entry: object, where: str) -> Package:
    refuse_entry_secrets(key, entry, where)
    table = dict(entry) if isinstance(entry, Mapping) else {"version": entry}
    markers = [table["markers"]] if "markers" in table else []
    if "python" in table:
        markers += (_python_marker(c) for c in _clauses(str(table["python"]), f"{where} {key}"))
    if "platform" in table:
        markers.append(f"sys_platform == {str(table['platform'])!r}")
    pipfile_entry = {
        "version": ",".join(_clauses(str(table.get("version", "*")), f"{where} {key}")),
        "ref": table.get("rev") or table.get("tag") or table.get("branch") or "",
        **{k: table[k] for k in ("git", "path", "extras", "subdirectory") if k in table},
        **({"file": table["url"]} if "url" in table else {}),
        **({"markers": " and ".join(f"({m})" for m in markers)} if markers else {}),
    }
    return parse_package(key, pipfile_entry, where=where)


def _python_marker(clause: str) -> str:
    operator, version = re.split(r"(?=\d)", clause, maxsplit=1)
    name = "python_version" if version.count(".") < 2 else "python_full_version"  # noqa: PLR2004
    return f"{name} {operator} '{version}'"


def _clauses(constraint: str, where: str) -> list[str]:
    """Return a constraint of Poetry as clauses of PEP 440."""
    clauses: list[str] = []
    for part in re.sub(r"([\^~<>=!])\s+", r"\1", constraint).replace(",", " ").split():
        sign = "" if part.startswith(("~=", "==", "!=")) else part[0]
        try:
            if sign in {"^", "~"}:
                clauses += _range(sign, part[1:])
            elif plain := _PLAIN.fullmatch(part):
                clauses.append(f"=={plain[1]}")
            elif part != "*":
                clauses.append(str(Specifier(part)))
        except ValueError:
            message = f"{where}: {constraint!r} is not one range of versions"
            raise LockfileError(message, hint="write it as in >=1.2,<2") from None
    return clauses


def _range(sign: str, text: str) -> list[str]:
    """Return the bounds of ``^1.2`` or ``~1.2``, as Poetry's manual gives them."""
    version = Version(text)
    parts = list(version.release)
    if sign == "~":
        place = min(len(parts), 2) - 1
    else:
        place = next((n for n, part in enumerate(parts) if part), len(parts) - 1)
    upper = [*parts[:place], parts[place] + 1]
    # As Poetry writes them: ^1.2 is <2.0, and ~1.2.3 is <1.3.0.
    upper += [0] * (len(parts) - len(upper))
    epoch = f"{version.epoch}!" if version.epoch else ""
    return [f">={text}", f"<{epoch}{'.'.join(map(str, upper))}"]
