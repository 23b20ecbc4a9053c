"""What the metadata of distributions say, and which of them a model needs in an environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.wheel.distributions import (
    Distribution,
    parse_metadata,
    reach,
    read_environment_of,
)

TEXT = "Copyright (c) 2001 Somebody.\n        All rights reserved."
BSD = "Classifier: License :: OSI Approved :: BSD License\n"


@pytest.mark.parametrize(("lines", "licence", "names"), [
    ("License-Expression: bsd-3-clause and 0bsd\n" + BSD, "BSD-3-Clause AND 0BSD", ()),
    ("License-Expression: our own\n" + BSD, "", ("our own",)),
    ("License: MIT\n" + BSD, "", ("MIT",)), ("License: UNKNOWN\n" + BSD, "", ("BSD License",)),
    (f"License: {TEXT}\n{BSD}", "", ("BSD License",)), (f"License: {'x' * 81}\n", "", ()),
    ("Classifier: License :: Z\nClassifier: License :: A\n", "", ("A", "Z")), ("", "", ()),
    ("Classifier: Topic :: License :: X\nClassifier: License\n", "", ()),
])  # fmt: skip
def test_a_licence_is_an_spdx_expression_or_what_the_metadata_call_it(
    lines: str, licence: str, names: tuple[str, ...]
) -> None:
    one = parse_metadata(f"Name: a\n{lines}\n")

    assert (one.licence, one.licence_names) == (licence, names)


@pytest.mark.parametrize(("lines", "people"), [
    ("Author: Ann\nAuthor-email: a@x.org\n", (("Ann", "a@x.org"),)),
    ('Author-email: "Dr. Ann" <a@x.org>\n', (("Dr. Ann", "a@x.org"),)),
    ("Maintainer-email: b@x.org\n", (("", "b@x.org"),)), ("Author: Ann\n", (("Ann", ""),)),
    ("Author: A\nMaintainer: B\n", (("A", ""), ("B", ""))), ("", ()),
])  # fmt: skip
def test_its_people_are_authors_and_maintainers(
    lines: str, people: tuple[tuple[str, str], ...]
) -> None:
    assert parse_metadata(f"Name: a\n{lines}\n").people == people


def test_an_environment_is_read_by_its_metadata(tmp_path: Path) -> None:
    info = tmp_path / "Some_Package-1.5.dist-info"
    info.mkdir()
    lines = ("Name: Some.Package", "Version: 1.5", "Summary: é", "Requires-Dist: b>1; extra == 'x'")
    addresses = ("Home-page: https://h", "Project-URL: Bug Tracker, https://b")
    (info / "METADATA").write_text("\n".join((*lines, *addresses)), encoding="utf-8")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n")

    assert read_environment_of(tmp_path) == {
        "some-package": Distribution(
            "some-package", "1.5", ("b>1; extra == 'x'",), summary="é",
            tags=frozenset({"py2-none-any", "py3-none-any"}),
            addresses=(("homepage", "https://h"), ("bugtracker", "https://b")),
        )
    }  # fmt: skip


NEVER = "python_version < '3'"


@pytest.mark.parametrize(("requires", "edges"), [
    ({"model": ["A>1"], "a": ["b"], "b": []}, {"model": {"a"}, "a": {"b"}, "b": set()}),
    ({"model": ["a"], "a": [f"b; {NEVER}"], "b": []}, {"model": {"a"}, "a": set()}),
    ({"model": ["a"], "a": ["b; extra == 'x'"], "b": []}, {"model": {"a"}, "a": set()}),
    ({"model": ["a[x]"], "a": ["b; extra == 'x'"], "b": []},
     {"model": {"a"}, "a": {"b"}, "b": set()}),
    # An extra that another one asks for, and one that a second road asks for.
    ({"model": ["a[all]"], "a": ["a[x]; extra == 'all'", "b; extra == 'x'"], "b": []},
     {"model": {"a"}, "a": {"b"}, "b": set()}),
    ({"model": ["a", "c"], "a": ["b; extra == 'x'"], "b": [], "c": ["a[x]"]},
     {"model": {"a", "c"}, "a": {"b"}, "b": set(), "c": {"a"}}),
    ({"model": ["a"], "a": ["b"], "b": ["a"]}, {"model": {"a"}, "a": {"b"}, "b": {"a"}}),
    ({"model": ["a", "gone"], "a": []}, {"model": {"a"}, "a": set()}),
    ({"model": [], "a": []}, {"model": set()}),
    # A specifier that is not valid any more.
    ({"model": ["a >=1.*", f"b[x] >=1.* ; {NEVER}"], "a": [], "b": []},
     {"model": {"a"}, "a": set()}),
])  # fmt: skip
def test_a_model_needs_what_its_requirements_reach_here(
    requires: dict[str, list[str]], edges: dict[str, set[str]]
) -> None:
    present = {name: Distribution(name, "1", tuple(lines)) for name, lines in requires.items()}

    assert reach(present.pop("model"), present) == edges
