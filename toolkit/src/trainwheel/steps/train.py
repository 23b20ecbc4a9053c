"""Train the model in a process of its own and record its golden predictions."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainwheel.engine.chain import FORCE, JOBS, TO, VERBOSE, WAIT, Flag, Step
from trainwheel.engine.entry_points import words_of_python
from trainwheel.engine.execute import look, run_step
from trainwheel.engine.inputs import COMMAND, DATA, TRAINING
from trainwheel.engine.layout import manifest_of
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError
from trainwheel.evaluation.inputs import parse_ranges
from trainwheel.evaluation.metrics import parse_data_digests, parse_metrics, split_intervals
from trainwheel.evaluation.repeatability import Repeat, Repeatability, compare_predictions
from trainwheel.guest import CLUSTER, CONVERT, PREDICT, TRAIN
from trainwheel.requirements.lockfile import requirements
from trainwheel.steps.evaluate import evaluate_model
from trainwheel.steps.report import write_report
from trainwheel.steps.shared.artefact import (
    add_portable,
    collect,
    make_room,
    manifest_with,
    model_in,
    notice_unshipped,
)
from trainwheel.steps.shared.checkpoints import checkpoints_for, forget_checkpoints
from trainwheel.steps.shared.dependencies import check_entry_point
from trainwheel.steps.shared.loaded import (
    LOADED,
    OPENED,
    check_loaded,
    notice_unseen,
    opened_meanwhile,
)
from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.files import scratch_folder, write_atomically
from trainwheel.system.progress import show_progress
from trainwheel.system.secrets import SecretClass
from trainwheel.wheel.manifest import versions_that_matter

if TYPE_CHECKING:
    from trainwheel.wheel.provenance import TrainedFile

__all__ = ["STEP", "host_command", "train"]

REPEATABLE = Flag(
    "--check-repeatable", "train again with other hash seeds and on the other engine, and compare"
)
HASH_SEED, _OTHER_SEEDS = "0", ("1", "2")
"""PYTHONHASHSEED of training, and of its repetitions."""

_THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
_REAL_ROWS = "real_rows"
"""The fact of the record that says which golden rows are real; empty for none."""


def _run(run: Run) -> None:
    """Train if anything that training depends on has changed; then evaluate and report."""
    workspace, force = run.workspace, run.is_forced("train")
    inputs = look(workspace, STEP)
    key = inputs[0].key

    def work(scratch: Path) -> Mapping[str, str]:
        from trainwheel.steps.shared.golden import find_real_rows

        check_entry_point(run, scratch)
        facts = train(run, scratch, checkpoints_for(workspace.layout, key, is_fresh=force))
        report = scratch / workspace.layout.train.name
        return {**facts, _REAL_ROWS: find_real_rows(run, report)}

    record = run_step(run, STEP, work, inputs=inputs)
    if STEP.name in run.made:
        notice_unshipped(run)
        notice_unseen(run, record)
    for each in (key, record.fingerprint.key):
        forget_checkpoints(workspace.layout, each)
    if places := record.facts.get(_REAL_ROWS):
        from trainwheel.steps.shared.golden import refuse_real_rows

        refuse_real_rows(run, places)
    repeats = check_repeatable(run) if run.options.has("check-repeatable") else None
    for follower in ("evaluate", "report"):
        if follower in run.registered - run.steps:
            run.others.add([follower])
    if repeats is not None:
        # The report shows the result before a difference ends the run.
        evaluate_model(run, is_fresh=False)
        write_report(run)
        repeats.require()


def train(
    run: Run,
    scratch: Path,
    checkpoints: Path,
    *,
    hash_seed: str = HASH_SEED,
    is_quiet: bool = False,
) -> Mapping[str, str]:
    """Run the training command, and add golden predictions and a manifest to its results.

    Args:
        run: This run.
        scratch: A fresh folder for the results.
        checkpoints: A folder in which the command may keep unfinished work.
        hash_seed: PYTHONHASHSEED of the process.
        is_quiet: Show progress only, not the output.

    Raises:
        StepFailedError: The command failed or wrote no model, data.json or inputs.json is
            malformed, or the model is damaged or cannot predict.
        RefusedError: The model refers to what will not be where the wheel is installed.
        TrainwheelError: The cluster cannot be used.
    """
    model, report = model_in(run.workspace.layout, scratch), scratch / "train"
    make_room(run.workspace.layout, scratch)
    report.mkdir()
    measures = scratch / "measures.json"
    variables = _variables(run.workspace, checkpoints, hash_seed)
    with opened_meanwhile(run.workspace) as opened:
        _run_command(run, scratch, measures, variables, is_quiet=is_quiet)
    check_loaded(run, scratch / LOADED)
    trained = collect(run, scratch)
    _write_manifest(run, model, trained, scratch)
    from trainwheel.steps.shared.golden import record_golden

    carriers = record_golden(run, model, report, scratch)
    _record_run(measures, report, carriers)
    return {
        "summary": _describe(report),
        "model": digest_file(manifest_of(model)),
        OPENED: json.dumps(opened),
    }


def _write_manifest(
    run: Run, model: Path, trained: Mapping[str, TrainedFile], scratch: Path
) -> None:
    """Check what the model needs and training says of its data, and write the manifest."""
    from trainwheel.steps.shared.dependencies import check_dependencies

    report = scratch / "train"
    if (report / "data.json").exists():
        parse_data_digests((report / "data.json").read_bytes())
    inputs = report / "inputs.json"
    ranges = parse_ranges(inputs.read_bytes()) if inputs.exists() else {}
    # Before anything loads the model.
    needed = check_dependencies(run, [model.parent / name for name in trained])
    packages = requirements(run.workspace.lock, *STEP.categories(run.workspace.config))
    versions = versions_that_matter(packages, needed)
    portable = add_portable(run, model, report, scratch)
    text = manifest_with(model.name, trained, versions, ranges, portable)
    manifest_of(model).write_text(text, encoding="utf-8")


def _run_command(
    run: Run, scratch: Path, measures: Path, variables: Mapping[str, str], *, is_quiet: bool
) -> None:
    workspace = run.workspace
    plan, refusal = scratch / "plan.json", scratch / "refusal.json"
    from trainwheel.steps.shared.cluster import plan_for

    secrets = frozenset() if workspace.fetches_data else frozenset({SecretClass.DATA})
    with plan_for(run, scratch, variables, secrets) as cluster:
        files = {"measures": measures, "loaded": scratch / LOADED, "refusal": refusal}
        document = {**{name: str(path) for name, path in files.items()}, "cluster": cluster}
        plan.write_text(json.dumps(document), encoding="utf-8")
        model = model_in(workspace.layout, scratch)
        command = workspace.training_command(model, scratch / workspace.layout.train.name)
        try:
            run.tools.run(
                "train",
                host_command(command, plan),
                what="training",
                env=variables,
                secrets=secrets,
                echo=show_progress(run.console, is_quiet=is_quiet),
                timeout=None if cluster is None else workspace.config.dask_time_limit,
            )
        except StepFailedError:
            if refusal.is_file():
                raise StepFailedError(**json.loads(refusal.read_bytes())) from None
            raise


def host_command(argv: Sequence[str], plan: Path) -> tuple[str, ...]:
    """Return a training command in which the host runs the Python program.

    Any other command, and one with options of Python that are not known, is returned unchanged.

    Args:
        argv: The command.
        plan: The host's instructions, see `trainwheel.guest`.
    """
    parts = words_of_python(argv)
    if parts is None:
        return tuple(argv)
    options, target = parts
    return (argv[0], *options, "-P", str(TRAIN), str(plan), *target)


def _variables(workspace: Workspace, checkpoints: Path, hash_seed: str) -> dict[str, str]:
    """Return the variables that make training repeatable and its output unbuffered."""
    threads = workspace.config.threads
    return {
        "PYTHONPATH": str(workspace.layout.source),
        "PYTHONHASHSEED": hash_seed,
        "PYTHONUNBUFFERED": "1",
        "TRAINWHEEL_CHECKPOINTS": str(checkpoints),
        **(dict.fromkeys(_THREADS, str(threads)) if threads else {}),
    }


def _record_run(measures: Path, report: Path, carriers: Sequence[str]) -> None:
    """Write what the run cost, and which estimators contain training rows."""
    costs = json.loads(measures.read_bytes()) if measures.is_file() else {}
    document = {**costs, "carries_training_rows": list(carriers)}
    (report / "training.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _describe(report: Path) -> str:
    path = report / "metrics.json"
    if not path.exists():
        return "trained, without metrics.json"
    metrics, _ = split_intervals(parse_metrics(path.read_bytes()))
    values = [f"{name} {value:.3f}" for name, value in metrics.items() if isinstance(value, float)]
    return ", ".join(["trained", *values[:2]])


def check_repeatable(run: Run) -> Repeatability:
    """Train twice with other hash seeds and once on the other engine, and write the comparison.

    Raises:
        TrainwheelError: Training failed, or the other engine is configured but cannot be used.
    """
    repeats = Repeatability(digest_file(run.workspace.layout.manifest), tuple(_repeats(run)))
    text = json.dumps(repeats.as_json(), indent=1) + "\n"
    write_atomically(run.workspace.layout.repeatability, text.encode())
    run.console.outcome("repeat", repeats.told)
    return repeats


def _repeats(run: Run) -> Iterator[Repeat]:
    from trainwheel.steps.shared.cluster import scheduler_of

    engine = run.workspace.config.engine
    for seed in _OTHER_SEEDS:
        yield _repeat(run, engine, seed)
    if engine != "local":
        yield _repeat(run, "local", HASH_SEED)
    elif scheduler_of(run.workspace):
        yield _repeat(run, "dask", HASH_SEED)
    else:
        run.console.notice("no cluster is configured, so training is repeated on this machine only")


def _repeat(run: Run, engine: str, seed: str) -> Repeat:
    start, config = time.monotonic(), replace(run.workspace.config, engine=engine)
    with scratch_folder(run.workspace.layout.scratch, "repeat") as scratch:
        checkpoints = scratch / "checkpoints"
        checkpoints.mkdir()
        train(run.under(config), scratch, checkpoints, hash_seed=seed, is_quiet=True)
        artefact = digest_file(manifest_of(model_in(run.workspace.layout, scratch)))
        repeat = Repeat(engine, seed, artefact, _difference(run.workspace, scratch / "train"))
    is_same = artefact == digest_file(run.workspace.layout.manifest)
    result = "other predictions" if repeat.difference else "same predictions"
    result = "same bytes" if is_same and not repeat.difference else result
    run.console.outcome("repeat", f"{repeat.name}: {result}", time.monotonic() - start)
    return repeat


def _difference(workspace: Workspace, report: Path) -> str:
    """Return the first golden or held-out prediction that differs; empty for none."""
    from trainwheel.evaluation.golden import compare_answers, parse_golden

    current, tolerance = workspace.layout.train, workspace.config.tolerance
    paths = (folder / "golden.jsonl" for folder in (current, report))
    old, new = (parse_golden(path.read_text(encoding="utf-8")) for path in paths)
    if [row.input for row in old] != [row.input for row in new]:
        return "golden.jsonl has other inputs"
    for difference in compare_answers(old, new, tolerance):
        return str(difference)
    before, after = current / "predictions.csv", report / "predictions.csv"
    if before.is_file() != after.is_file():
        return "only one of the two wrote predictions.csv"
    if not before.is_file():
        return ""
    try:
        with (
            before.open(encoding="utf-8", newline="") as then,
            after.open(encoding="utf-8", newline="") as now,
        ):
            return compare_predictions(then, now, tolerance)
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"predictions.csv cannot be read: {error}"
        raise StepFailedError(message, hint="let training write CSV in UTF-8") from None


def _facts(workspace: Workspace) -> dict[str, str]:
    config = workspace.config
    return {
        **workspace.environment.facts,
        "the training command": config.train_command,
        "tool.trainwheel.artefact": " ".join(config.artefact_paths),
        "tool.trainwheel.data": " ".join(config.training_data),
        "tool.trainwheel.train.threads": str(config.threads),
        "tool.trainwheel.predict": config.predict,
        "tool.trainwheel.portable": config.portable,
        **(_converter_facts() if config.portable != "off" else {}),
        "the script around predictions": digest_file(PREDICT),
        "the script around training": digest_file(TRAIN),
        # Not the cluster's address: the same work has the same result on any cluster.
        **(_cluster_facts() if config.engine != "local" else {}),
    }


def _converter_facts() -> dict[str, str]:
    scripts = [CONVERT, *sorted(CONVERT.with_name("portable").glob("*.py"))]
    return {"the converter": digest_json([digest_file(path) for path in scripts])}


def _cluster_facts() -> dict[str, str]:
    scripts = [digest_file(path) for path in sorted(CLUSTER.glob("*.py"))]
    return {
        "tool.trainwheel.train.engine": "dask",
        "the scripts of the cluster": digest_json(scripts),
    }


def _check(run: Run) -> None:
    """Check the configuration of the cluster and, if there is work, that its scheduler answers.

    Raises:
        TrainwheelError: The configuration is wrong.
        StepFailedError: The scheduler accepts no connection.
    """
    if run.workspace.config.engine == "local":
        return
    from trainwheel.steps.shared.cluster import cluster_of, reach

    cluster = cluster_of(run.workspace)
    if cluster is not None and cluster.address and run.is_stale(STEP.name):
        reach(cluster)


STEP = Step(
    name="train",
    target="train",
    help="Train the model and record its golden predictions",
    run=_run,
    needs=("data",),
    is_link=True,
    is_heavy=True,
    category="train",
    more_categories=lambda config: () if config.engine == "local" else ("engine",),
    inputs=(COMMAND, DATA),
    assumed=(TRAINING,),
    facts=_facts,
    outputs=lambda layout: (*layout.trained, layout.train),
    beside=lambda layout: (
        *(layout.report, layout.metrics_table, layout.card),
        layout.repeatability,
    ),
    flags=(TO, REPEATABLE, FORCE, WAIT, VERBOSE, JOBS),
    check=_check,
    watches_writes=True,
)
