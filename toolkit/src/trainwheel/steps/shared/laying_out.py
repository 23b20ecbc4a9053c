"""Lay out the report page, the table for a pull request, and the model card."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jinja2

from trainwheel.engine.chain import REPEATABILITY
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.project import Project
from trainwheel.engine.records import read_record
from trainwheel.evaluation.repeatability import parse_repeatability
from trainwheel.evaluation.report import (
    PICTURES,
    Subject,
    headlines,
    number,
    render_metrics,
    rest,
    worst_rows,
)
from trainwheel.requirements.setup_py import read_distribution_name
from trainwheel.steps.shared.bringing import read_snapshot
from trainwheel.steps.shared.facts import TEMPLATES
from trainwheel.steps.shared.judging import Judged
from trainwheel.steps.shared.report_files import (
    read_data_digests,
    read_metrics,
    read_object,
    read_training,
)
from trainwheel.system.digest import digest_file
from trainwheel.system.git import read_commit
from trainwheel.system.markdown import code, inline
from trainwheel.system.text import describe_size, shown

__all__ = ["lay_out"]


def lay_out(project: Project, judged: Judged, folder: Path) -> Mapping[str, str]:
    """Write ``report.html``, ``metrics.md`` and ``model_card.md`` into a folder."""
    subject = _subject(project, judged)
    page = _context(project, subject)
    (folder / "report.html").write_text(_render("report.html.j2", page), encoding="utf-8")
    (folder / "model_card.md").write_text(_render("model_card.md.j2", page), encoding="utf-8")
    (folder / "metrics.md").write_text(render_metrics(subject), encoding="utf-8")
    return {"summary": "build/train/report.html"}


def _subject(project: Project, judged: Judged) -> Subject:
    return Subject(
        read_distribution_name(project.read_setup_py()),
        read_metrics(project),
        judged.measured,
        judged.baseline,
        judged.compared,
        judged.verdict,
        read_training(project).get("carries_training_rows", ()),
    )


def _context(project: Project, subject: Subject) -> dict[str, Any]:
    """Return what the templates lay out."""
    training = read_training(project)
    record, commit = read_record(project.records, "train"), read_commit(
        project.root, project.environment
    )  # fmt: skip
    files = {} if record is None else fingerprint(project, "train", {}).files
    data = {name: digest for name, digest in files.items() if _is_data(project, name)}
    inputs = _inputs_of_worst(project, subject) if project.config.show_rows else {}
    return {
        "subject": subject,
        "headlines": headlines(subject),
        "rest": rest(subject),
        "worst": list(worst_rows(subject, inputs)),
        "pictures": _pictures(project),
        "parameters": {
            name: json.dumps(value)
            for name, value in read_object(project, "build/train/params.json").items()
        },
        "data": {shown(n): d for n, d in {**read_data_digests(project), **data}.items()},
        "snapshot": read_snapshot(project),
        "command": project.config.train_command,
        "package": project.config.package,
        "predict": project.config.predict,
        "commit": commit.sha,
        "is_dirty": commit.is_dirty,
        "took": _taken(training),
        "repeats": _repeats(project),
        "packages": training.get("packages", {}),
        "python": training.get("python", ""),
    }


def _repeats(project: Project) -> str:
    """Return whether training repeats, as far as that is known of the model that stands."""
    found = parse_repeatability(read_object(project, REPEATABILITY))
    if found is None or found.artefact != digest_file(project.artefact):
        return ""
    return found.told


def _taken(training: Mapping[str, Any]) -> dict[str, str]:
    if "seconds" not in training:
        return {}
    return {
        "time": _seconds(training["seconds"]),
        "processor time": _seconds(training["processor_seconds"]),
        "peak memory": describe_size(training["peak_memory"]),
        **_on_cluster(training.get("cluster", {})),
    }


def _on_cluster(cluster: Mapping[str, Any]) -> dict[str, str]:
    if not cluster:
        return {}
    lost, repeated = cluster["lost_workers"], cluster["repeated_tasks"]
    told = f"{cluster['workers']} workers at the start"
    return {"cluster": f"{told}, {lost} lost, {repeated} tasks repeated" if lost else told}


def _seconds(value: float) -> str:
    minute = 60
    if value < minute:
        return f"{value:.1f} s"
    return str(timedelta(seconds=round(value)))


def _is_data(project: Project, name: str) -> bool:
    tracked = [f"{place}.dvc" for place in project.tracked_data]
    places = (*project.config.training_data, *project.config.inputs, *tracked)
    return any(Path(name).is_relative_to(place) for place in places)


def _pictures(project: Project) -> list[tuple[str, str, str]]:
    """Return name, description and SVG of each picture that was drawn."""
    folder = project.root / "build/judge"
    found = []
    for name, told in PICTURES.items():
        path = folder / f"{name}.svg"
        if path.is_file():
            svg = path.read_text(encoding="utf-8")
            label = told.partition(":")[0]
            # Whatever a reader uses, the picture is one thing with a name.
            named = re.sub(r"<svg ", f'<svg role="img" aria-label="{label}" ', svg, count=1)
            found.append((name, told, named))
    return found


def _inputs_of_worst(project: Project, subject: Subject) -> dict[int, Mapping[str, Any]]:
    path = project.root / "build/train/holdout.jsonl"
    wanted = {mistake["row"] for mistake in subject.measured.get("worst", ())}
    if not path.is_file() or not wanted:
        return {}
    with path.open(encoding="utf-8") as stream:
        return {
            row: json.loads(line)["input"] for row, line in enumerate(stream, 1) if row in wanted
        }


def _render(name: str, context: Mapping[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = number
    environment.filters |= {"inline": inline, "code": code}
    return environment.get_template(name).render(context)
