"""What a CI service keeps of a build: the report, never the data or the held-out rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[4]
JENKINSFILE = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
MODEL = (ROOT / ".github" / "workflows" / "model.yml").read_text(encoding="utf-8")
COMPONENT = (ROOT / "templates" / "model.yml").read_text(encoding="utf-8")
FOLDER_INPUT = "$[[ inputs.working-directory ]]"

SHOWN = {
    *("build/train/report.html", "build/doc/index.html", "build/doc/guide/usage.html"),
    *("build/doc/_images/plot.svg", "build/doc/_static/css/theme.css", "build/doc/searchindex.js"),
    *("build/test/coverage/index.html", "build/test/coverage/style_cb.css"),
}
SHOWN_BY_JENKINS = SHOWN | {"build/report/index.html", "build/report/report.css"}
WITH_LOGS = {
    *("build/dist/a_model-1-py3-none-any.proof.json", "build/dist/a_model-1-py3-none-any.whl"),
    *(
        "build/dist/pylock.a_model-1.toml",
        "build/log/train.log",
        "build/test/coverage.xml",
        "build/test/junit.xml",
    ),
    *("build/train/metrics.md", "build/evaluate/verdict.md", "build/doc/objects.inv"),
}
PRIVATE = {
    *(f"build/train/{name}" for name in ("holdout.jsonl", "predictions.csv", "golden.jsonl")),
    *(f"build/{step}/rows.csv" for step in ("dist", "doc", "evaluate", "log", "test", "train")),
    "build/report/rows.csv",
    *("build/data/rows.csv", "build/data/page.html", "build/data/log/rows.log", "build/rows.csv"),
    *("build/.trainwheel/tmp/train-x/holdout.jsonl", "build/.trainwheel/tmp/doc-x/index.html"),
    *("build/doc/_downloads/1/rows.csv", "build/doc/.doctrees/environment.pickle"),
    *("build/dist/rows.json", "build/log/rows.jsonl", "build/test/coverage/rows.json"),
    *("build/log/kept/rows.log", "build/evaluate/evaluation.json"),
    *("build/evaluate/answers.jsonl", "build/test/data/rows.html"),
    *("data/rows.csv", "data/report.html", ".trainwheel/cache/rows", ".env", "build/command/.env"),
    *("model/a_model/artefact/model.joblib", "model/a_model/artefact/manifest.json"),
}


def fill(root: Path) -> None:
    """Make the files that a build leaves."""
    for name in SHOWN_BY_JENKINS | WITH_LOGS | PRIVATE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def matching(root: Path, patterns: Iterable[str]) -> set[str]:
    """Return the files that patterns of either service name; a folder names all in it."""
    matches = {path for pattern in patterns for path in root.glob(pattern.strip().rstrip("/"))}
    below = {file for path in matches for file in path.rglob("*")}
    return {path.relative_to(root).as_posix() for path in matches | below if path.is_file()}


def kept_by_github(root: Path) -> set[str]:
    """Return what the artifacts of ``build`` hold, apart from what is handed over to publish."""
    steps = YAML(typ="safe").load(MODEL)["jobs"]["build"]["steps"]
    uploads = [step["with"] for step in steps if "upload-artifact" in step.get("uses", "")]
    below = "${{ inputs.working-directory }}/"
    assert all(line.startswith(below) for one in uploads for line in one["path"].splitlines())
    paths = [upload["path"].replace(below, "") for upload in uploads]
    paths.remove("handed-over/")
    return matching(root, [line for path in paths for line in path.splitlines()])


def kept_by_gitlab(root: Path) -> set[str]:
    """Return what the jobs keep, as artifacts or as reports, apart from what is handed over."""
    *_, jobs = YAML(typ="safe", pure=True).load_all(COMPONENT.replace(FOLDER_INPUT, ""))
    kept = [job["artifacts"] for job in jobs.values() if "artifacts" in job]
    paths = [path for artifacts in kept for path in artifacts.get("paths", ())]
    reports = [report for artifacts in kept for report in artifacts.get("reports", {}).values()]
    paths += [report["path"] if isinstance(report, dict) else report for report in reports]
    return matching(root, (path for path in paths if path not in {"handed-over/", "command/"}))


def kept_by_jenkins(root: Path) -> set[str]:
    """Return what the controller is sent: the report, the archive, the stashes, the tests."""
    code = re.sub(r"'\s*\+\s*'", "", re.sub(r"^\s*//.*", "", JENKINSFILE, flags=re.MULTILINE))
    kept: set[str] = set()
    for report in re.findall(r"publishHTML\((.*?)\)", code, re.DOTALL):
        below = _value(report, "reportDir")
        names = matching(root / below, _patterns(report, "includes"))
        kept |= {f"{below}/{name}" for name in names}
    steps = {"archiveArtifacts": "artifacts", "stash": "includes", "junit": "testResults"}
    for step, arguments in re.findall(rf"\b({'|'.join(steps)}) (.*)", code):
        kept |= matching(root, _patterns(arguments, steps[step]))
    return kept


def _patterns(text: str, key: str) -> list[str]:
    # Without a pattern, all of it.
    return (_value(text, key) or "**/*").split(",")


def _value(text: str, key: str) -> str:
    return "".join(re.findall(rf"\b{key}: '([^']*)'", text)[:1])


@pytest.mark.parametrize(("list_kept", "shown"), [
    (kept_by_github, SHOWN), (kept_by_jenkins, SHOWN_BY_JENKINS), (kept_by_gitlab, SHOWN),
])  # fmt: skip
def test_the_report_is_kept_and_no_row_of_the_data(
    tmp_path: Path, list_kept: Callable[[Path], set[str]], shown: set[str]
) -> None:
    fill(tmp_path)

    kept = list_kept(tmp_path)

    assert kept & PRIVATE == set()
    assert shown | {"build/log/train.log", "build/test/junit.xml"} <= kept <= shown | WITH_LOGS
