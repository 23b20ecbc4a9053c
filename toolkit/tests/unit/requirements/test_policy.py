from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from trainwheel.errors import ConfigurationError, LockfileError, SetupPyError
from trainwheel.requirements.lockfile import (
    Lockfile,
    Pipfile,
    check_fresh,
    parse_lockfile,
    parse_pipfile,
)
from trainwheel.requirements.pep508 import meaning
from trainwheel.requirements.policy import describe_drift, plan_requirements, sync_setup_py
from trainwheel.requirements.setup_py import read_install_requires

_CORPUS = Path(__file__).parents[2] / "projects" / "sync-corpus"
_CASES = sorted(path.name for path in _CORPUS.iterdir() if path.is_dir())
_GROUPS = {"default": "packages", "dev": "dev-packages"}
# A Pipfile, a lock and a package without a name that leave nothing to write.
_BROKEN = {"bad_lock_json", "merge_conflict_pipfile", "remote_files"}


def _read(case: str) -> tuple[Pipfile | None, Lockfile | None, bytes, dict[str, Any]]:
    folder = _CORPUS / case
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    has_lock = "locked" in expected["default"]
    has_pipfile = "declared" in expected["default"]
    pipfile = (folder / "Pipfile").read_text(encoding="utf-8")
    lock = (folder / "Pipfile.lock").read_text(encoding="utf-8")
    return (
        parse_pipfile(pipfile) if has_pipfile else None,
        parse_lockfile(lock) if has_lock else None,
        (folder / "setup.py").read_bytes(),
        expected,
    )


def _parse(pipfile: str, **locked: object) -> tuple[Pipfile, Lockfile]:
    return parse_pipfile(f"[packages]\n{pipfile}"), parse_lockfile(
        json.dumps({"_meta": {}, "default": locked})
    )


def _cases() -> list[tuple[str, str, str]]:
    return [
        (case, group, policy)
        for case in _CASES
        for group in _GROUPS
        for policy in _read(case)[3][group]
    ]


class TestCorpus:
    def test_it_is_all_there(self) -> None:
        assert len(_CASES) == 25
        assert len(_cases()) > 130

    @pytest.mark.parametrize(("case", "group", "policy"), _cases())
    def test_each_policy_requires_what_is_right(self, case: str, group: str, policy: str) -> None:
        pipfile, lock, _, expected = _read(case)
        right = expected[group][policy]
        if right["problems"]:
            with pytest.raises(LockfileError, match=r"has no name|is not in Pipfile\.lock"):
                plan_requirements(pipfile, lock, policy, category=_GROUPS[group])
            return
        plan = plan_requirements(pipfile, lock, policy, category=_GROUPS[group])
        assert Counter(map(meaning, plan.requirements)) == Counter(
            map(meaning, right["requirements"])
        )
        assert all(Requirement(text).name for text in plan.requirements)

    @pytest.mark.parametrize("case", _CASES)
    def test_its_locks_are_fresh(self, case: str) -> None:
        pipfile, lock, _, _ = _read(case)
        if pipfile is not None and lock is not None:
            check_fresh(pipfile, lock)

    @pytest.mark.parametrize(
        ("file", "parse", "message"),
        [
            ("bad_lock_json/Pipfile.lock", parse_lockfile, "not valid JSON: .* line 1 column 27"),
            ("merge_conflict_pipfile/Pipfile", parse_pipfile, "not valid TOML: .* line 6"),
        ],
    )
    def test_a_broken_file_is_named_with_its_line(
        self, file: str, parse: Any, message: str
    ) -> None:
        with pytest.raises(LockfileError, match=message):
            parse((_CORPUS / file).read_text(encoding="utf-8"))

    @pytest.mark.parametrize("case", sorted(set(_CASES) - _BROKEN))
    @pytest.mark.parametrize("policy", ["locked", "direct", "compatible", "declared"])
    def test_setup_py_is_edited_or_refused(self, case: str, policy: str) -> None:
        pipfile, lock, source, expected = _read(case)
        plan = plan_requirements(pipfile, lock, policy)
        if "refuse" in expected["action"]:
            with pytest.raises(SetupPyError, match=r"setup\.py:\d+: "):
                sync_setup_py(source, plan)
            return
        new = sync_setup_py(source, plan)
        assert Counter(map(meaning, read_install_requires(new))) == Counter(
            map(meaning, plan.requirements)
        )
        assert sync_setup_py(new, plan) is new


class TestCompatible:
    @pytest.mark.parametrize(
        ("declared", "locked", "expected"),
        [
            ("*", "2.1.3", ">=2.1.3,<3"),
            ("*", "0.4.2", ">=0.4.2,<0.5"),
            ("*", "0.0.7", ">=0.0.7,<0.1"),
            ("*", "2024.2.2", ">=2024.2.2,<2025"),
            ("*", "1!2.0", ">=1!2.0,<1!3"),
            ("*", "1.0+cpu", ">=1.0,<2"),
            ("*", "3.0rc1", ">=3.0rc1,<4"),
            (">=1.5", "2.1", ">=2.1,<3"),
            (">=1,<2.5", "2.1", ">=2.1,<2.5"),
            (">1,!=2.2", "2.1", ">=2.1,<3,!=2.2"),
            ("~=2.0", "2.1", ">=2.1,~=2.0"),
            ("==2.*", "2.1", ">=2.1,==2.*"),
            ("==2.1", "2.1", "==2.1"),
            ("===2.1", "2.1", "==2.1"),
        ],
    )
    def test_the_range_starts_at_the_lock_and_stays_within_the_pipfile(
        self, declared: str, locked: str, expected: str
    ) -> None:
        pair = _parse(f"numpy = '{declared}'\n", numpy={"version": f"=={locked}"})
        assert plan_requirements(*pair).requirements == (f"numpy{expected}",)

    def test_scikit_learn_is_pinned_for_its_pickles_bind_to_one_version(self) -> None:
        pair = _parse("Scikit_Learn = '*'\n", **{"scikit-learn": {"version": "==1.7.2"}})
        assert plan_requirements(*pair).requirements == ("scikit-learn==1.7.2",)

    def test_other_packages_can_be_pinned_too(self) -> None:
        pair = _parse("xgboost = '*'\n", xgboost={"version": "==3.0.1"})
        assert plan_requirements(*pair, exact={"xgboost"}).requirements == ("xgboost==3.0.1",)

    def test_the_marker_comes_from_the_pipfile_and_the_extras_from_both(self) -> None:
        pair = _parse(
            "a = {version = '*', extras = ['x'], sys_platform = \"== 'linux'\"}\nb = '*'\n",
            a={"version": "==1.0", "extras": ["y"], "markers": "python_version >= '3.9'"},
            b={"version": "==1.0", "markers": "python_version >= '3.9'"},
        )
        assert plan_requirements(*pair).requirements == (
            'a[x,y]>=1.0,<2; sys_platform == "linux"',
            "b>=1.0,<2",
        )

    @given(
        st.builds("{}.{}.{}".format, st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)),
        st.sampled_from(["*", ">=0", "<9", "!=1.2.3", ">=0,!=0.0.1"]),
    )
    def test_what_is_locked_is_always_allowed_and_the_next_major_never(
        self, locked: str, declared: str
    ) -> None:
        pair = _parse(f"numpy = '{declared}'\n", numpy={"version": f"=={locked}"})
        (text,) = plan_requirements(*pair).requirements
        specifier = Requirement(text).specifier
        assert (locked in specifier) == (locked in SpecifierSet(declared.replace("*", "")))
        if "<9" not in declared:
            assert f"{Version(locked).major + 1}.0" not in specifier


class TestRefusals:
    def test_an_unknown_policy_is_named(self) -> None:
        with pytest.raises(ConfigurationError, match="'loose' is not known; use one of locked"):
            plan_requirements(*_parse(""), "loose")

    @pytest.mark.parametrize(
        ("policy", "missing"),
        [("locked", 1), ("direct", 0), ("direct", 1), ("compatible", 1), ("declared", 0)],
    )
    def test_a_missing_file_is_named(self, policy: str, missing: int) -> None:
        pair: list[Any] = list(_parse(""))
        pair[missing] = None
        name = "Pipfile is missing" if missing == 0 else r"Pipfile\.lock is missing"
        with pytest.raises(LockfileError, match=name):
            plan_requirements(pair[0], pair[1], policy)

    def test_a_package_that_is_not_locked_is_named(self) -> None:
        with pytest.raises(LockfileError, match=r"\[packages\] numpy is not in Pipfile\.lock"):
            plan_requirements(*_parse("numpy = '*'\n"))

    @pytest.mark.parametrize("key", ["git", "file"])
    @pytest.mark.parametrize(
        "address", ["https://${TOKEN}@x.example/a-1.tar.gz", "https://me:$PASS@x.example/a-1.whl",
                    "https://x.example/a-1.whl?token=${TOKEN}"],
    )  # fmt: skip
    def test_a_variable_that_nobody_else_has_is_not_published(self, key: str, address: str) -> None:
        entry = f"a = {{{key} = '{address}'}}\n"
        with pytest.raises(LockfileError, match="a needs a variable") as caught:
            plan_requirements(*_parse(entry), "declared")
        assert address not in str(caught.value)

    def test_a_git_user_is_no_password(self) -> None:
        entry = "a = {git = 'ssh://git@x.example/a.git', ref = 'v1'}\n"
        plan = plan_requirements(*_parse(entry), "declared")
        assert plan.requirements == ("a @ git+ssh://git@x.example/a.git@v1",)


class TestNotices:
    def test_local_packages_are_left_out_and_told(self) -> None:
        plan = plan_requirements(*_parse("lib = {path = './lib', editable = true}\n"))
        assert plan.requirements == ()
        assert plan.notices == ("lib is local (./lib) and was left out",)

    def test_a_direct_reference_is_told(self) -> None:
        pipfile = "a = {git = 'https://x.example/a.git'}\n"
        plan = plan_requirements(*_parse(pipfile), "declared")
        assert "a is a direct reference" in plan.notices[0]

    def test_several_indexes_are_told_once(self) -> None:
        pipfile = "".join(
            f"{n} = {{version = '*', index = '{i}'}}\n" for n, i in [("a", "x"), ("b", "y")]
        )
        (notice,) = plan_requirements(*_parse(pipfile), "declared").notices
        assert "x, y" in notice


class TestDrift:
    def test_a_diff_shows_both_sides(self) -> None:
        text = describe_drift(b"a\nb\n", b"a\nc", name="setup.py")
        assert text.splitlines() == [
            "--- setup.py",
            "+++ setup.py (synced)",
            "@@ -1,2 +1,2 @@",
            " a",
            "-b",
            "+c",
        ]

    def test_the_same_bytes_are_no_drift(self) -> None:
        assert describe_drift(b"\xff\n", b"\xff\n") == ""

    def test_an_old_address_with_a_secret_is_not_shown(self) -> None:
        before = b"a = [\n    'six @ https://me:s3cret@x.example/six.whl',\n]\n"
        text = describe_drift(before, b"a = [\n]\n")
        assert "-(a line with a password is not shown)\n" in text
        assert "s3cret" not in text

    def test_bytes_of_any_encoding_can_be_shown(self) -> None:
        assert "+\\xff" in describe_drift(b"", b"\xff\n")
