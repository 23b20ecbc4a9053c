"""What sync makes of the files of real projects, beside the metadata that setuptools then makes.

Each set of files is given several plans. An answer is wrong if setuptools says anything else than
the plan, or something else about the rest of the project than before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from benchmarks.real_files import Headers, Recorder, fetch, projects
from packaging.requirements import Requirement

from trainwheel.errors import ConfigurationError
from trainwheel.requirements.pep508 import meaning
from trainwheel.requirements.policy import Plan
from trainwheel.requirements.target import choose_target, sync_target
from trainwheel.system.environ import read_environment

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

EXTRA = "dev"
NEW = ("added-one>=1", "added-two==2; python_version < '3.99'", "requests[socks]<3")
PLANS = ("no extra", "other packages", "other versions", "nothing")
WRITTEN, UNCHECKED, REFUSED, WRONG = "written", "not compared", "refused", "wrong"


def plan_for(which: str, before: Headers) -> Plan:
    """Return a plan for a project with this metadata."""
    old = [Requirement(value) for name, value in before if name == "Requires-Dist"]
    pins = [f"{r.name}==99.{i}" for i, r in enumerate(old) if "extra" not in str(r.marker)]
    plans = {
        "no extra": Plan((*pins[1:], NEW[1])),
        "other packages": Plan(NEW, extras={EXTRA: ("added-three",)}),
        "other versions": Plan((*pins[:-1], NEW[0]), extras={EXTRA: (*pins[:3], "added-three")}),
        "nothing": Plan((), extras={EXTRA: ()}),
    }
    return plans[which]


def divide(headers: Headers, plan: Plan) -> tuple[Counter[object], Counter[object]]:
    """Return the requirements that a plan decides on, and all other headers."""
    own: Counter[object] = Counter()
    rest: Counter[object] = Counter()
    for name, value in headers:
        if name == "Requires-Dist":
            extras = set(re.findall(r'extra == "([^"]*)"', value))
            (own if extras <= set(plan.extras) else rest)[meaning(value)] += 1
        elif name != "Dynamic" and (name, value) != ("Provides-Extra", EXTRA):
            rest[name, value] += 1
    return own, rest


def expected(plan: Plan) -> Counter[object]:
    """Return what setuptools is to make of a plan."""
    texts = [f'{text}; extra == "{EXTRA}"' for text in plan.extras.get(EXTRA, ())]
    return Counter(map(meaning, (*plan.requirements, *texts)))


def outcome(
    folder: Path, files: Mapping[str, bytes], recorder: Recorder, which: str
) -> tuple[str, str]:
    """Return what becomes of one set of files under one plan, and why."""
    before = recorder.ask(folder)
    plan = plan_for(which, [] if isinstance(before, str) else before)
    try:
        target = choose_target(files)
        after = sync_target(target, files, plan)
    except ConfigurationError as error:
        return REFUSED, error.message
    if isinstance(before, str):
        return UNCHECKED, before
    try:
        (folder / target).write_bytes(after)
        after_sync = recorder.ask(folder)
    finally:
        (folder / target).write_bytes(files[target])
    if isinstance(after_sync, str):
        return WRONG, after_sync
    (own, rest), rest_before = divide(after_sync, plan), divide(before, plan)[1]
    differences = [own - expected(plan), expected(plan) - own, rest - rest_before]
    differences.append(rest_before - rest)
    return (WRONG, str(differences)) if any(differences) else (WRITTEN, "")


def kind_of(reason: str) -> str:
    """Return a reason without what is particular to one file."""
    reason = re.sub(r"[\w.]+:\d+: | \(lines .*", "", reason)
    return re.sub(r"\bis \w+, which", "is a name, which", reason)


def table(outcomes: Mapping[str, Counter[tuple[str, str]]]) -> Iterable[str]:
    """Yield the rows: an outcome, and how often each plan has it."""
    yield f"{'':70}{''.join(f'{which:>16}' for which in PLANS)}"
    for name in (WRITTEN, UNCHECKED, REFUSED, WRONG):
        sums = [sum(n for (o, _), n in outcomes[which].items() if o == name) for which in PLANS]
        yield f"{name:70}{''.join(f'{number:16}' for number in sums)}"
        reasons = {kind for which in PLANS for o, kind in outcomes[which] if o == name == REFUSED}
        for kind in sorted(reasons):
            counts = [outcomes[which][name, kind] for which in PLANS]
            yield f"  {kind[:66]:68}{''.join(f'{number:16}' for number in counts)}"


def test_no_answer_about_real_files_is_wrong() -> None:
    variables = read_environment().variables
    home = variables.get("XDG_CACHE_HOME") or Path(variables["HOME"], ".cache")
    cache = Path(home, "trainwheel-real-files")
    trees = fetch(cache)
    outcomes: dict[str, Counter[tuple[str, str]]] = {which: Counter() for which in PLANS}
    mistakes = []
    with Recorder(cache) as recorder:
        for folder, files in list(projects(trees)):
            for which in PLANS:
                name, reason = outcome(folder, files, recorder, which)
                outcomes[which][name, kind_of(reason)] += 1
                if name == WRONG:
                    mistakes.append(f"{folder.relative_to(trees)}, {which}: {reason}")
    print("\n" + "\n".join(table(outcomes)))
    assert not mistakes, "\n".join(mistakes)
    assert sum(outcomes[PLANS[0]].values()) > 100
