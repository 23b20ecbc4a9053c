from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trainwheel.errors import LockfileError
from trainwheel.requirements.freshness import STAMP_KEY, pipenv_hashes, pipfile_digest, stamp_lock
from trainwheel.requirements.lockfile import (
    Lockfile,
    check_fresh,
    local_packages,
    parse_lockfile,
    parse_pipfile,
    render_requirements,
    requirements,
    slice_digest,
)
from trainwheel.requirements.package import Package
from trainwheel.requirements.pep508 import format_requirement, meaning
from trainwheel.requirements.pipfile import parse_package

_DIGEST = "sha256:" + "ab" * 32
_OTHER = "sha256:" + "cd" * 32


def _lock(**categories: dict[str, Any]) -> Lockfile:
    return parse_lockfile(json.dumps({"_meta": {}, **categories}))


def _pin(version: str, **more: object) -> dict[str, object]:
    return {"version": f"=={version}", "hashes": [_DIGEST], **more}


def _requirement(key: str, value: object) -> str:
    return format_requirement(parse_package(key, value, where="Pipfile:"), where="Pipfile:")


class TestPipfile:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, "Pipfile is missing"),
            ("a = = 1", "Pipfile is not valid TOML: .*line 1"),
            ("packages = 1", "packages is not a table"),
            ("[source]\nurl = 'x'", "has a \\[source\\] table"),
            ("[packages]\na = true", "a is neither a version nor a table"),
            ("[packages]\na = ['1']", "a is neither a version nor a table"),
            ("[packages]\n'a b' = '*'", "'a b' is not a package name"),
            ("[packages]\na = {extras = 'x'}", "extras and hashes are lists"),
            ("[packages]\na = {git = 'https://x/y', commit = 'z'}", "has the key 'commit'"),
            ("[packages]\na = {ref = 1, subdir = 'z'}", "did you mean 'subdirectory'"),
        ],
    )
    def test_what_cannot_be_read_is_said_in_one_line(self, text: str | None, message: str) -> None:
        with pytest.raises(LockfileError, match=message) as caught:
            parse_pipfile(text)
        assert "\n" not in str(caught.value)
        assert caught.value.hint

    def test_every_category_is_read_and_no_other_table(self) -> None:
        pipfile = parse_pipfile(
            "[packages]\na='*'\n[dev-packages]\nb='*'\n[train]\nc='*'\n"
            "[scripts]\nx='y'\n[requires]\npython_version='3.11'\n[pipenv]\nsort_pipfile=true\n"
        )
        assert {name: [p.name for p in ps] for name, ps in pipfile.categories.items()} == {
            "packages": ["a"],
            "dev-packages": ["b"],
            "train": ["c"],
        }

    def test_the_names_of_the_lock_find_the_same_category(self) -> None:
        pipfile = parse_pipfile("[packages]\na='*'\n[dev-packages]\nb='*'\n")
        assert pipfile.packages("default") == pipfile.packages("packages")
        assert pipfile.packages("develop") == pipfile.packages("dev-packages")
        assert pipfile.packages("nowhere") == ()

    def test_a_byte_order_mark_is_no_part_of_it(self) -> None:
        assert parse_pipfile("\ufeff[packages]\na='*'\n").packages()[0].name == "a"


class TestRequirementText:
    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("a", "*", "a"),
            ("a", "", "a"),
            ("a", {}, "a"),
            ("a", "1.0", "a==1.0"),
            ("a", 1.5, "a==1.5"),
            ("a", ">= 1.0 , < 2", "a>=1.0,<2"),
            ("a", "===1.0", "a===1.0"),
            ("a", "~=1.0", "a~=1.0"),
            ("a", "==1.*", "a==1.*"),
            ("My_Package.X", "*", "my-package-x"),
            ("a[z,y]", "*", "a[y,z]"),
            ("a[z]", {"extras": ["b"], "version": ">1"}, "a[b,z]>1"),
            ("a", {"version": "*", "index": "corp"}, "a"),
            ("a", {"markers": "python_version<'3.12'"}, 'a; python_version < "3.12"'),
            ("a", {"sys_platform": "== 'linux'"}, 'a; sys_platform == "linux"'),
            (
                "a",
                {"os_name": "== 'nt'", "python_version": ">= '3.9'"},
                'a; os_name == "nt" and python_version >= "3.9"',
            ),
            (
                "a",
                {"markers": "os_name=='nt' or os_name=='posix'", "sys_platform": "=='linux'"},
                'a; (os_name == "nt" or os_name == "posix") and sys_platform == "linux"',
            ),
            ("a", {"git": "https://x.example/r.git"}, "a @ git+https://x.example/r.git"),
            (
                "a",
                {"git": "git+https://x.example/r.git", "ref": "v1"},
                "a @ git+https://x.example/r.git@v1",
            ),
            (
                "a",
                {"git": "git@x.example:o/r.git", "ref": "v1", "subdirectory": "d/e"},
                "a @ git+ssh://git@x.example/o/r.git@v1#subdirectory=d/e",
            ),
            (
                "a",
                {"git": "https://x.example/r.git@v1#egg=b&subdirectory=d", "ref": "v1"},
                "a @ git+https://x.example/r.git@v1#subdirectory=d",
            ),
            (
                "a",
                {"hg": "https://x.example/r", "extras": ["x"], "markers": "os_name=='nt'"},
                'a[x] @ hg+https://x.example/r ; os_name == "nt"',
            ),
            (
                "a",
                {"file": "https://x.example/a-1.0.tar.gz"},
                "a @ https://x.example/a-1.0.tar.gz",
            ),
            (
                "0a1b2c3",
                {"file": "https://x.example/My_Demo-1.2-py3-none-any.whl"},
                "my-demo @ https://x.example/My_Demo-1.2-py3-none-any.whl",
            ),
            (
                "0a1b2c3",
                {"file": "https://x.example/demo-1.2.tar.gz?x=y#z=1"},
                "demo @ https://x.example/demo-1.2.tar.gz?x=y#z=1",
            ),
            (
                "0a1b2c3",
                {"git": "https://x.example/r.git#egg=demo"},
                "demo @ git+https://x.example/r.git",
            ),
            ("0a1b2c3", "*", "0a1b2c3"),
        ],
    )
    def test_every_kind_of_entry_has_a_pep_508_form(
        self, key: str, value: object, expected: str
    ) -> None:
        assert _requirement(key, value) == expected
        Requirement(expected)

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("a", ">=x.y", "not a requirement"),
            ("a", {"markers": "nonsense == 'x'"}, "is not a marker"),
            ("a", {"sys_platform": "linux"}, "is not a marker"),
            ("0a1b2c3", {"file": "https://x.example/main.zip"}, "0a1b2c3 = .*main.zip has no name"),
            ("0a1b2c3", {"git": "https://x.example/r.git"}, "has no name"),
        ],
    )
    def test_what_has_none_is_refused(self, key: str, value: object, message: str) -> None:
        with pytest.raises(LockfileError, match=message):
            _requirement(key, value)

    @pytest.mark.parametrize("path", ["./lib", "../lib", "lib-1.0.whl", "file:///srv/lib", "."])
    def test_a_local_package_is_known_as_one(self, path: str) -> None:
        for key in ("path", "file"):
            package = parse_package("lib", {key: path, "editable": True}, where="Pipfile:")
            assert package.path == path
            assert package.editable
            assert not package.url

    @given(
        st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,8}[A-Za-z0-9]", fullmatch=True),
        st.lists(st.sampled_from([">=1", "<3", "!=1.5", "~=1.0", "==1.*"]), unique=True),
        st.lists(st.sampled_from(["a", "b-c", "D_e"]), unique=True),
        st.sampled_from(["", "os_name == 'nt'", "os_name == 'nt' or python_version < '4'"]),
    )
    def test_the_text_says_what_the_entry_says(
        self, name: str, clauses: list[str], extras: list[str], marker: str
    ) -> None:
        entry = {"version": ",".join(clauses), "extras": extras, "markers": marker}
        text = _requirement(name, entry)
        plain = f"{name}[{','.join(extras)}]" if extras else name
        plain += ",".join(clauses) + (f" ; {marker}" if marker else "")
        assert meaning(text) == meaning(plain)
        assert Requirement(text).name == canonicalize_name(name)


class TestLock:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, "Pipfile.lock is missing"),
            ('{"a": ', "Pipfile.lock is not valid JSON: .*line 1 column"),
            ("[]", "not a table of categories"),
            ('{"default": []}', "not a table of categories"),
            ('{"default": {"a": null}}', "a is neither a version nor a table"),
        ],
    )
    def test_what_cannot_be_read_is_said_in_one_line(self, text: str | None, message: str) -> None:
        with pytest.raises(LockfileError, match=message) as caught:
            parse_lockfile(text)
        assert "nox -s lock" in caught.value.hint or "null" in str(text)

    def test_categories_are_merged_and_sorted(self) -> None:
        lock = _lock(default={"b": _pin("1")}, train={"A": _pin("2"), "b": _pin("1")})
        found = requirements(lock, "packages", "train")
        assert [(r.name, r.pin, r.category) for r in found] == [
            ("a", "==2", "train"),
            ("b", "==1", "packages"),
        ]

    def test_two_pins_of_one_package_name_both_categories(self) -> None:
        lock = _lock(default={"numpy": _pin("2.1")}, train={"NumPy": _pin("2.2")})
        with pytest.raises(LockfileError) as caught:
            requirements(lock, "packages", "train")
        assert "numpy ==2.1 in [packages] and ==2.2 in [train]" in str(caught.value)

    def test_a_category_that_is_not_locked_is_named(self) -> None:
        with pytest.raises(LockfileError, match=r"no category \[train\]"):
            requirements(_lock(default={}), "train")

    def test_merging_keeps_what_either_category_needs(self) -> None:
        one = _pin("1", markers="os_name == 'nt'", extras=["x"])
        two = _pin("1", markers="os_name == 'posix'", extras=["y"]) | {"hashes": [_OTHER]}
        (merged,) = requirements(_lock(default={"a": one}, t={"a": two}), "default", "t")
        assert merged.extras == ("x", "y")
        assert merged.marker == 'os_name == "nt" or os_name == "posix"'
        assert merged.hashes == (_DIGEST, _OTHER)

    def test_a_marker_in_one_category_only_does_not_restrict_the_other(self) -> None:
        lock = _lock(default={"a": _pin("1", markers="os_name == 'nt'")}, t={"a": _pin("1")})
        assert requirements(lock, "packages", "t")[0].marker == ""

    def test_a_requirements_file_has_one_entry_with_its_digests(self) -> None:
        lock = _lock(default={"a": _pin("1", markers="os_name == 'nt'", extras=["x"])})
        assert render_requirements(requirements(lock, "packages")) == (
            f'a[x]==1 ; os_name == "nt" \\\n    --hash={_DIGEST}\n'
        )

    def test_an_archive_by_address_keeps_address_and_digest(self) -> None:
        entry = {"file": "https://x.example/a-1.tar.gz", "hashes": [_DIGEST]}
        text = render_requirements(requirements(_lock(default={"a": entry}), "packages"))
        assert text == f"a @ https://x.example/a-1.tar.gz \\\n    --hash={_DIGEST}\n"

    def test_local_packages_are_left_out_and_named(self) -> None:
        lock = _lock(default={"lib": {"path": "./lib", "editable": True}, "a": _pin("1")})
        found = requirements(lock, "packages")
        assert "lib" not in render_requirements(found)
        assert local_packages(found) == ("lib",)

    def test_what_pipenv_could_not_resolve_is_refused(self) -> None:
        lock = _lock(lint={"colorama": {"version": "*"}})
        with pytest.raises(LockfileError, match=r"\[lint\] colorama has no digest"):
            render_requirements(requirements(lock, "lint"))

    def test_a_package_for_another_platform_stays_without_digest(self) -> None:
        lock = _lock(lint={"colorama": {"version": "*", "markers": "sys_platform == 'win32'"}})
        text = render_requirements(requirements(lock, "lint"))
        assert text == 'colorama ; sys_platform == "win32"\n'

    def test_a_repository_has_no_digest_and_is_refused(self) -> None:
        lock = _lock(default={"a": {"git": "https://x.example/r.git", "ref": "1" * 40}})
        (found,) = requirements(lock, "packages")
        assert found.text == f"a @ git+https://x.example/r.git@{'1' * 40}"
        with pytest.raises(LockfileError, match="put a wheel of it on an index"):
            render_requirements((found,))

    def test_the_digest_of_a_slice_ignores_order_and_other_categories(self) -> None:
        one = _lock(default={"a": _pin("1"), "b": _pin("2")}, t={"c": _pin("3")}, u={})
        two = _lock(t={"c": _pin("3", index="corp")}, default={"b": _pin("2"), "a": _pin("1")})
        assert slice_digest(one, ["packages", "t"]) == slice_digest(two, ["t", "default"])
        assert slice_digest(one, ["packages", "t"]) != slice_digest(one, ["packages"])

    @pytest.mark.parametrize(
        "entry",
        [
            _pin("2"),
            _pin("1") | {"hashes": [_OTHER]},
            _pin("1", markers="os_name == 'nt'"),
            _pin("1", extras=["x"]),
            {"path": "./a"},
        ],
    )
    def test_the_digest_of_a_slice_moves_with_what_is_installed(
        self, entry: dict[str, object]
    ) -> None:
        before = slice_digest(_lock(default={"a": _pin("1")}), ["packages"])
        assert slice_digest(_lock(default={"a": entry}), ["packages"]) != before


_PIPFILE = "[packages]\nScikit_Learn = '*'\n[train]\nMatplotlib = {version = '>=3', index = 'x'}\n"
_SOURCE = {"name": "corp", "url": "https://index.example.org/simple", "verify_ssl": True}
_WITH_SOURCE = (
    "[[source]]\nname = 'corp'\nurl = 'https://index.example.org/simple'\nverify_ssl = true\n"
)


class TestFreshness:
    def _lock_of(self, pipfile: str, sources: list[dict[str, object]], **meta: object) -> Lockfile:
        digests = pipenv_hashes(parse_pipfile(pipfile), sources)
        digest = min(digests)
        section = {"hash": {"sha256": digest}, "sources": sources, **meta}
        return parse_lockfile(
            json.dumps({"_meta": section, "default": {"scikit-learn": _pin("1")}})
        )

    @pytest.mark.parametrize(
        "digest",
        [
            # As computed by pipenv 2026.10.3 for this Pipfile, and by the plette within it, as
            # older ones did.
            "f8dc58627d9808b9e9c996e4e6a41e6f987fae4ab747e59a9618af940eab2e5a",
            "cae03e1190ae393533f45c23177d1bb2e7f4d0af6df59b584c5fb869069e3722",
        ],
    )
    def test_a_lock_by_pipenv_itself_is_fresh(self, digest: str) -> None:
        pipfile = parse_pipfile(f"{_WITH_SOURCE}\n{_PIPFILE}")
        check_fresh(pipfile, parse_lockfile(json.dumps({"_meta": {"hash": {"sha256": digest}}})))

    def test_without_sources_in_the_pipfile_those_of_the_lock_count(self) -> None:
        check_fresh(parse_pipfile(_PIPFILE), self._lock_of(_PIPFILE, [_SOURCE]))

    def test_another_pipfile_makes_it_stale_and_the_missing_package_is_named(self) -> None:
        pipfile = parse_pipfile(_PIPFILE)
        with pytest.raises(LockfileError, match=r"Matplotlib of \[train\] is not in it"):
            check_fresh(pipfile, self._lock_of("[packages]\n", []))

    @pytest.mark.parametrize("meta", [{}, {"hash": {}}, {"hash": None}, {"sources": 3}])
    def test_a_lock_that_says_nothing_of_its_pipfile_is_stale(
        self, meta: dict[str, object]
    ) -> None:
        lock = parse_lockfile(json.dumps({"_meta": meta}))
        with pytest.raises(LockfileError, match="not the lock of this Pipfile"):
            check_fresh(parse_pipfile("[packages]\n"), lock)

    @pytest.mark.parametrize(
        "changed",
        [
            _PIPFILE.replace("'*'", "'>1'"),
            f"{_WITH_SOURCE}{_PIPFILE}",
            f"{_PIPFILE}[requires]\npython_version = '3.11'\n",
            f"{_PIPFILE}[lint]\nruff = '*'\n",
        ],
    )
    def test_a_stamp_is_for_one_pipfile(self, changed: str) -> None:
        stamp = {STAMP_KEY: pipfile_digest(parse_pipfile(_PIPFILE))}
        lock = parse_lockfile(json.dumps({"_meta": stamp}))
        check_fresh(parse_pipfile(_PIPFILE), lock)
        with pytest.raises(LockfileError):
            check_fresh(parse_pipfile(changed), lock)

    def test_comments_scripts_and_spelling_of_names_do_not_make_it_stale(self) -> None:
        stamp = {STAMP_KEY: pipfile_digest(parse_pipfile(_PIPFILE))}
        same = "# why\n" + _PIPFILE.replace("Scikit_Learn", "scikit-learn") + "[scripts]\na='b'\n"
        check_fresh(parse_pipfile(same), parse_lockfile(json.dumps({"_meta": stamp})))

    def test_a_stamped_lock_names_no_index(self) -> None:
        made: dict[str, dict[str, Any]] = {
            "_meta": {"hash": {"sha256": "0" * 64}, "sources": [_SOURCE]},
            "default": {"scikit-learn": _pin("1", index="corp")},
        }
        text = stamp_lock(json.dumps(made), parse_pipfile(_PIPFILE))
        assert "corp" not in text
        assert json.loads(text)["_meta"]["hash"] == made["_meta"]["hash"]
        check_fresh(parse_pipfile(_PIPFILE), parse_lockfile(text))

    def test_sources_that_the_pipfile_names_stay_in_the_lock(self) -> None:
        made = {"_meta": {"sources": [_SOURCE]}, "default": {"a": _pin("1", index="corp")}}
        text = stamp_lock(json.dumps(made), parse_pipfile(_WITH_SOURCE + _PIPFILE))
        assert json.loads(text)["_meta"]["sources"] == [_SOURCE]
        assert json.loads(text)["default"]["a"]["index"] == "corp"

    def test_stamping_twice_changes_nothing(self) -> None:
        once = stamp_lock('{"_meta": {}, "default": {}}', parse_pipfile(_PIPFILE))
        assert stamp_lock(once, parse_pipfile(_PIPFILE)) == once


def test_a_package_without_anything_special_is_plain() -> None:
    assert parse_package("A", "*", where="") == Package(key="A", name="a")
