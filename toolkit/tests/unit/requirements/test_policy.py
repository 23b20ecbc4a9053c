"""What each policy requires, over the corpus and over entries made for one rule each."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import ConfigurationError, LockfileError
from trainwheel.requirements.lockfile import Lockfile, parse_lockfile
from trainwheel.requirements.pep508 import meaning
from trainwheel.requirements.pins import SyncSettings
from trainwheel.requirements.pipfile import Pipfile, parse_pipfile
from trainwheel.requirements.policy import (
    EXACT,
    Plan,
    describe_difference,
    describe_drift,
    plan_requirements,
    plan_sync,
)
from unit.sync_corpus import CASES, CORPUS

_EXPECTED = {
    case: json.loads((CORPUS / case / "expected.json").read_text(encoding="utf-8"))
    for case in CASES
}
_RIGHT = [
    (case, category, policy, right)
    for case in CASES
    for group, category in (("default", "packages"), ("dev", "dev-packages"))
    for policy, right in _EXPECTED[case][group].items()
]


def _parse(pipfile: str, **locked: object) -> tuple[Pipfile, Lockfile]:
    return parse_pipfile(f"[packages]\n{pipfile}"), parse_lockfile(
        json.dumps({"_meta": {}, "default": locked})
    )


@pytest.mark.parametrize(("case", "category", "policy", "right"), _RIGHT)
def test_each_policy_requires_what_is_right(
    case: str, category: str, policy: str, right: dict[str, Any]
) -> None:
    group = _EXPECTED[case]["default"]
    texts = [(CORPUS / case / name).read_text("utf-8") for name in ("Pipfile", "Pipfile.lock")]
    pipfile = parse_pipfile(texts[0]) if "declared" in group else None
    lock = parse_lockfile(texts[1]) if "locked" in group else None
    if right["problems"]:
        with pytest.raises(LockfileError, match=r"does not name|is not in Pipfile\.lock"):
            plan_requirements(pipfile, lock, policy, category=category)
        return
    plan = plan_requirements(pipfile, lock, policy, category=category)
    assert Counter(map(meaning, plan.requirements)) == Counter(map(meaning, right["requirements"]))


@pytest.mark.parametrize(
    ("name", "declared", "locked", "expected"),
    [
        ("numpy", "*", "2.1.3", ">=2.1.3,<3"),
        ("numpy", "*", "0.4.2", ">=0.4.2,<0.5"),
        ("numpy", "*", "0.0.7", ">=0.0.7,<0.1"),
        ("numpy", "*", "2024.2.2", ">=2024.2.2,<2025"),
        ("numpy", "*", "1!2.0", ">=1!2.0,<1!3"),
        ("numpy", "*", "1.0+cpu", ">=1.0,<2"),
        ("numpy", "*", "3.0rc1", ">=3.0rc1,<4"),
        ("numpy", ">=1.5", "2.1", ">=2.1,<3"),
        ("numpy", ">=1,<2.5", "2.1", ">=2.1,<2.5"),
        ("numpy", "<=2.5", "2.1", ">=2.1,<=2.5"),
        ("numpy", ">1,!=2.2", "2.1", ">=2.1,<3,!=2.2"),
        ("numpy", "~=2.0", "2.1", ">=2.1,~=2.0"),
        ("numpy", "==2.*", "2.1", ">=2.1,==2.*"),
        ("numpy", "==2.1", "2.1", "==2.1"),
        ("numpy", "===2.1", "2.1", "==2.1"),
        ("numpy", "no clause", "2.1", "==2.1"),
        # Its pickles need the version that wrote them.
        ("scikit-learn", "*", "1.7.2", "==1.7.2"),
    ],
)
def test_the_range_starts_at_the_lock_and_stays_within_the_pipfile(
    name: str, declared: str, locked: str, expected: str
) -> None:
    pair = _parse(f"{name} = '{declared}'\n", **{name: {"version": f"=={locked}"}})

    plan = plan_requirements(*pair)

    assert plan.requirements == (f"{name}{expected}",)


def test_the_marker_comes_from_the_pipfile_and_the_extras_from_both() -> None:
    pair = _parse(
        "a = {version = '*', extras = ['x'], sys_platform = \"== 'linux'\"}\nb = '*'\n",
        a={"version": "==1.0", "extras": ["y"], "markers": "python_version >= '3.9'"},
        b={"version": "==1.0", "markers": "python_version >= '3.9'"},
    )

    assert plan_requirements(*pair).requirements == (
        'a[x,y]>=1.0,<2; sys_platform == "linux"',
        "b>=1.0,<2",
    )


def test_an_extra_holds_a_category_and_its_notices_name_it() -> None:
    pipfile, _ = _parse("a = '*'\n[dev-packages]\nlib = {path = 'lib'}\n[gpu]\nb = '*'\n")
    settings = SyncSettings("declared", {"dev": "develop", "gpu": "gpu", "none": "default"})

    plan = plan_sync(pipfile, None, settings)

    assert plan.requirements == ("a",)
    assert plan.extras == {"dev": (), "gpu": ("b",), "none": ("a",)}
    assert [notice.partition(" is ")[0] for notice in plan.notices] == ["extra dev: lib"]


@pytest.mark.parametrize("key", ["git", "file"])
@pytest.mark.parametrize(
    "address", ["https://${TOKEN}@x.example/a-1.tar.gz", "https://me:$PASS@x.example/a-1.whl",
                "https://x.example/a-1.whl?token=${TOKEN}"],
)  # fmt: skip
def test_a_variable_that_nobody_else_has_is_not_published(key: str, address: str) -> None:
    entry = f"a = {{{key} = '{address}'}}\n"
    with pytest.raises(LockfileError, match=r"\[packages\] a needs a variable") as caught:
        plan_requirements(*_parse(entry), "declared")
    assert address not in str(caught.value)


@pytest.mark.parametrize(
    ("policy", "missing", "error", "names"),
    [
        ("loose", (), ConfigurationError, "'loose'.* locked, direct, compatible, declared"),
        ("locked", (1,), LockfileError, r"Pipfile\.lock is missing"),
        ("direct", (0,), LockfileError, "Pipfile is missing"),
        ("direct", (1,), LockfileError, r"Pipfile\.lock is missing"),
        ("compatible", (1,), LockfileError, r"Pipfile\.lock is missing"),
        ("declared", (0,), LockfileError, "Pipfile is missing"),
        ("compatible", (), LockfileError, r"\[packages\] numpy is not in Pipfile\.lock"),
    ],
)
def test_what_a_policy_needs_is_named(
    policy: str,
    missing: tuple[int, ...],
    error: type[Exception],
    names: str,
    sentence: Callable[[object], None],
) -> None:
    pair: list[Any] = list(_parse("numpy = '*'\n"))
    for index in missing:
        pair[index] = None

    with pytest.raises(error, match=names) as caught:
        plan_requirements(pair[0], pair[1], policy)
    sentence(caught.value)


@pytest.mark.parametrize(
    ("pipfile", "requirements", "local"),
    [
        ("lib = {path = './lib', editable = true}\n", (), ("lib",)),
        (
            "a = {git = 'ssh://git@x.example/a.git', ref = 'v1'}\n",
            ("a @ git+ssh://git@x.example/a.git@v1",),
            (),
        ),
        ("a = {version = '*', index = 'y'}\nb = {version = '*', index = 'x'}\n", ("a", "b"), ()),
    ],
    ids=["local", "reference", "indexes"],
)
def test_what_a_wheel_cannot_say_is_a_notice(
    pipfile: str,
    requirements: tuple[str, ...],
    local: tuple[str, ...],
    sentence: Callable[[object], None],
) -> None:
    plan = plan_requirements(*_parse(pipfile), "declared")

    assert (plan.requirements, plan.local) == (requirements, local)
    (notice,) = plan.notices
    sentence(notice)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (b"a\nb\n", b"a\nc", ["@@ -1,2 +1,2 @@", " a", "-b", "+c"]),
        (b"", b"\xff\n", ["@@ -0,0 +1 @@", "+\\xff"]),
        # What is taken out may be a secret, and a difference goes into logs.
        (
            b"'six @ https://me:s3cret@x.example/six.whl'\n",
            b"",
            ["@@ -1 +0,0 @@", "-(a line with a password is not shown)"],
        ),
    ],
)
def test_a_difference_shows_both_sides(before: bytes, after: bytes, lines: list[str]) -> None:
    text = describe_drift(before, after)

    assert text.splitlines() == ["--- setup.py", "+++ setup.py (synced)", *lines]
    assert describe_drift(after, after) == ""


def test_the_loader_checks_the_very_versions_that_the_requirements_pin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = Path(__file__).parents[4] / "model" / "oncology_model" / "manifest.py"
    monkeypatch.syspath_prepend(manifest.parents[1])
    assert runpy.run_path(str(manifest))["EXACT"] == EXACT


@pytest.mark.parametrize("name", ["lightgbm", "xgboost-cpu", "catboost", "imbalanced-learn"])
def test_what_another_version_may_not_load_is_pinned(name: str) -> None:
    plan = plan_requirements(
        *_parse(f"{name} = '*'\n", **{name: {"version": "==1.0"}}), "compatible"
    )
    assert plan.requirements == (f"{name}==1.0",)


@pytest.mark.parametrize(
    ("built", "lines"),
    [
        (["a<2,>=1.0", 'b ; extra == "dev-Tools"', "c; extra == 'other'"], ()),
        ([], ("+a>=1,<2", "+b (extra dev_tools)")),
        (["a>=1,<2", "b"], ("-b", "+b (extra dev_tools)")),
        (["a>=1,<2", "x", "b>1; extra == 'dev-tools'"],
         ("-b>1; extra == 'dev-tools' (extra dev_tools)", "+b (extra dev_tools)", "-x")),
        (["a>=1,<2; os_name == 'nt'", "b; extra == 'dev-tools'"],
         ("-a>=1,<2; os_name == 'nt'", "+a>=1,<2")),
        (["a>=1,<2", "z @ https://me:s3cret-Value@h.example/z.whl", "b; extra == 'dev-tools'"],
         ("-(a line with a password is not shown)",)),
    ],
)  # fmt: skip
def test_what_is_built_is_compared_requirement_by_requirement(
    built: list[str], lines: tuple[str, ...]
) -> None:
    plan = Plan(("a>=1,<2",), extras={"dev_tools": ("b",)})
    assert describe_difference(plan, built) == lines


@pytest.mark.parametrize("marker", ["extra == 'boto3'", "os_name == 'nt' and 'x' == extra"])
@pytest.mark.parametrize("policy", ["locked", "declared"])
def test_a_marker_that_names_an_extra_is_refused(marker: str, policy: str) -> None:
    entry = {"version": "==1.0", "markers": marker}
    lock = parse_lockfile(json.dumps({"_meta": {}, "default": {"s3fs": entry}, "develop": {}}))
    pipfile = parse_pipfile(f"[packages]\ns3fs = {{version = '*', markers = \"{marker}\"}}\n")
    with pytest.raises(LockfileError, match=r"\[packages\] s3fs .*extra"):
        plan_requirements(pipfile, lock, policy)


@pytest.mark.parametrize("entry", [{"version": "*"}, {"markers": "os_name == 'nt'"}])
def test_a_package_that_is_locked_without_a_version_is_refused(entry: dict[str, str]) -> None:
    lock = parse_lockfile(json.dumps({"_meta": {}, "default": {"pywin32": entry}, "develop": {}}))
    pipfile = parse_pipfile(
        "[packages]\npywin32 = {version = '*', markers = \"os_name == 'nt'\"}\n"
    )
    for policy in ("locked", "direct", "compatible"):
        with pytest.raises(LockfileError, match=r"\[packages\] pywin32 has neither") as caught:
            plan_requirements(pipfile, lock, policy)
        assert "remove its marker" in caught.value.hint
    assert plan_requirements(pipfile, lock, "declared").requirements
