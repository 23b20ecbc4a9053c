"""What the wheel says of the model is shown, and what it answered is repeated."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oncology_model
from oncology_model.__main__ import main
from oncology_model.provenance import find_difference, render

DIGEST = "0123456789abcdef" * 4
RECORD: dict[str, object] = {
    "schema": 1,
    "name": "oncology-model",
    "version": "0.1.174",
    "release_key": DIGEST,
    "commit": "8174a0f" + 33 * "0",
    "dirty": False,
    "training": {
        "command": "python -m oncology_training",
        "parameters": {},
        "python": "cpython 3.11.7",
    },
    "metrics": {"accuracy": 0.9918032786885246, "train_rows": 447},
    "intervals": {"accuracy": [0.9550, 0.99856]},
    "gate": None,
    "packages": {"numpy": "2.4.6", "scikit-learn": "1.9.1"},
    "artefact": {"sha256": DIGEST, "size": 2369},
}
TABLE = f"""\
name            oncology-model
version         0.1.174
commit          {RECORD["commit"]}
training
  command       python -m oncology_training
  python        cpython 3.11.7
metrics
  accuracy      0.991803 (0.955 to 0.99856)
  train_rows    447
artefact
  sha256        {DIGEST}
  size          2369
packages
  numpy         2.4.6
  scikit-learn  1.9.1
"""
NOTHING = "oncology-model: no provenance: this package is not from a wheel that trainwheel made\n"
# In a Python that has no other package: none is needed.
PROGRAM = "import sys; from oncology_model.__main__ import main; sys.exit(main(sys.argv[1:]))"

Install = Callable[..., Path]
Inform = Callable[..., tuple[int, str, str]]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Install the package as pip does: the modules, and beside them what the wheel says."""

    def install(metadata: Mapping[str, str | bytes], name: str = "oncology_model-0.1.174") -> Path:
        folder = tmp_path / "site-packages"
        source = Path(oncology_model.__file__).parent
        ignored = shutil.ignore_patterns("artefact", "__pycache__")
        shutil.copytree(source, folder / "oncology_model", ignore=ignored, dirs_exist_ok=True)
        for path, content in metadata.items():
            target = folder / f"{name}.dist-info" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return install


def wheel(
    provenance: str | bytes, record: str = "oncology_model/__init__.py,,", more: str = ""
) -> dict[str, str | bytes]:
    metadata = "Metadata-Version: 2.4\nName: oncology-model\nVersion: 0.1.174\n"
    return {
        "METADATA": f"{metadata}{more}\nThe card\n",
        "RECORD": f"oncology_model/table.py,,\n{record}\n",
        "trainwheel/provenance.json": provenance,
    }


def golden_wheel(
    *rows: object, predict: str = "builtins:dict", **changes: object
) -> dict[str, str | bytes]:
    """Give a wheel whose golden predictions a function of Python's own repeats."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    golden = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "count": len(rows)}
    golden |= {"predict": predict, "tolerance": 1e-9} | changes
    return wheel(json.dumps(RECORD | {"golden": golden})) | {"trainwheel/golden.jsonl": text}


@pytest.fixture
def inform(capsys: pytest.CaptureFixture[str]) -> Inform:
    """Run the command on an installed package: its exit code, its output and its errors."""

    def inform(folder: Path, *options: str, command: str = "info") -> tuple[int, str, str]:
        code = main([command, *options], package=folder / "oncology_model")
        return code, *capsys.readouterr()

    return inform


def test_the_record_is_shown_as_a_table(install: Install, inform: Inform) -> None:
    assert inform(install(wheel(json.dumps(RECORD)))) == (0, TABLE, "")


def test_who_made_it_and_what_for_is_shown_with_it(install: Install, inform: Inform) -> None:
    limits = "Not for childrén.\nNot for \u202e pets."
    card = {"intended_use": "Screening.", "limits": limits, "contact": "a@example.com"}
    more = """\
Author: Ada
Author-email: ada@example.com
Maintainer-email: Bob <bob@example.com>
License-Expression: MIT
Project-URL: Home, https://example.com/a,b
Project-URL: Source, https://example.com/s
"""
    code, out, _ = inform(install(wheel(json.dumps(RECORD | {"card": card}), more=more)))
    assert code == 0
    assert out.startswith("""\
name            oncology-model
version         0.1.174
author          Ada <ada@example.com>
license         MIT
addresses
  Home          https://example.com/a,b
  Source        https://example.com/s
about
  intended use  Screening.
  limits        Not for childrén.
                "Not for \\u202e pets."
  contact       a@example.com
commit          8174a0f0""")


def test_no_other_package_is_needed_to_show_it(install: Install) -> None:
    folder = install(wheel(json.dumps(RECORD)))
    result = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, "info"],
        env={"PYTHONPATH": str(folder), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, TABLE, "")


def test_the_whole_record_is_given_as_it_is(install: Install, inform: Inform) -> None:
    document = json.dumps(RECORD, indent=1) + "\n"
    assert inform(install(wheel(document)), "--json") == (0, document, "")


def test_a_distribution_that_does_not_hold_the_package_has_no_say(
    install: Install, inform: Inform
) -> None:
    install({"METADATA": "Name: plain\n"}, name="plain-1.0")
    other = wheel("{}", record="other_model/__init__.py,,")
    assert inform(install(other, name="other_model-1.0")) == (1, "", NOTHING)
    assert inform(install(wheel(json.dumps(RECORD)))) == (0, TABLE, "")


@pytest.mark.parametrize(
    ("document", "options"), [(b"\xff{}", ()), (b"[]", ()), (b"{", ("--json",))]
)
def test_a_damaged_record_is_one_line(
    install: Install, inform: Inform, document: bytes, options: tuple[str, ...]
) -> None:
    code, out, err = inform(install(wheel(document)), *options)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("oncology-model: the provenance is damaged, install the package again: ")


@pytest.mark.parametrize(
    "document", ["", "{", "[]", '"name"', "7", "null", '{"a":' * 50_000], ids=range(7)
)
def test_what_is_no_json_object_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        render(document)


def test_outside_a_wheel_the_manifest_is_shown_and_what_is_missing_is_said(
    install: Install, inform: Inform, artefact: Path
) -> None:
    folder = install({})
    (folder / "oncology_model" / "artefact").mkdir()
    manifest = folder / "oncology_model" / "artefact" / "model.joblib.json"
    shutil.copy(f"{artefact}.json", manifest)
    code, out, err = inform(folder)
    assert (code, err) == (1, NOTHING)
    assert out.startswith("sha256          ")
    assert "\n  scikit-learn  " in out
    assert inform(folder, "--json") == (1, "", NOTHING)

    manifest.write_text("{}")
    assert inform(folder) == (1, "", NOTHING)


def test_what_would_garble_a_terminal_is_escaped() -> None:
    table = render(json.dumps({"name": "\x1b[2Jé\x85", "packages": {"\u202e": "1"}}))
    assert all(map(str.isprintable, table.split("\n")))
    assert table.count("\n") == 3


@pytest.mark.parametrize(
    ("predict", "answer"),
    [
        ("builtins:dict", {"a": 1, "b": [2.0, "x"]}),
        ("builtins:dict", {"a": 1 + 1e-10, "b": [2, "x"]}),
        ("builtins:list", ["a", "b"]), ("builtins:sorted", ["a", "b"]), ("builtins:len", 2),
        ("builtins:bool", True), ("builtins:str.lower", None),
    ],
)  # fmt: skip
def test_golden_predictions_are_repeated(
    install: Install, inform: Inform, predict: str, answer: object
) -> None:
    row = {"input": {"a": 1, "b": [2.0, "x"]}, "prediction": answer}
    code, out, err = inform(install(golden_wheel(row, row, predict=predict)), command="verify")
    if answer is None:
        assert (code, out) == (3, "")
        assert "2 of 2 golden predictions" in err
        assert "row 1: TypeError: " in err
    else:
        assert (code, err) == (0, "")
        assert out == "2 golden predictions repeat, within 1e-09\n"


@pytest.mark.parametrize(
    ("expected", "answer", "where"),
    [
        (1.0, 1.0 + 1e-8, "it was 1.0, is"), (0.0, 1e-300, "it"), ("a", "b", "it was 'a'"),
        (1, True, "it"), (True, 1, "it"), (0, False, "it"), (None, 0, "it"), ("1", 1, "it"),
        ({"p": 1, "q": {"r": 2}}, {"p": 1, "q": {"r": 3}}, "r was 2, is 3"),
        ({"p": 1}, {"p": 1, "q": 2}, "it"), ({}, [], "it"),
        ({"p": [1, [2, 3]]}, {"p": [1, [2, 4]]}, "p[1][1] was 3, is 4"), ([1], [1, 2], "it"),
        (10**400, 1.0, "it"),
    ],
    ids=range(14),
)  # fmt: skip
def test_the_part_of_an_answer_that_differs_is_named(
    expected: object, answer: object, where: str
) -> None:
    assert find_difference(expected, answer, 1e-9).startswith(where)
    assert find_difference(expected, expected, 0.0) == ""


def test_predictions_that_differ_are_counted_and_the_first_is_shown(
    install: Install, inform: Inform
) -> None:
    rows = [{"input": {"a": n}, "prediction": {"a": max(n, 2)}} for n in range(1, 4)]
    rows.append({"input": {"a": 1}, "prediction": {"a": 7}})
    code, out, err = inform(install(golden_wheel(*rows)), command="verify")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "2 of 4 golden predictions do not repeat; the first: row 1: a was 2, is 1" in err


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": DIGEST}, {"predict": "oncology_model:absent"}, {"predict": "absent:f"},
        {"tolerance": "1"}, {"rows": [7]}, {"rows": [{"input": {}}]}, {"rows": []},
    ],
    ids=range(7),
)  # fmt: skip
def test_damaged_golden_predictions_are_one_line(
    install: Install, inform: Inform, changes: dict[str, Any]
) -> None:
    rows = changes.pop("rows", [{"input": {}, "prediction": {}}])
    code, out, err = inform(install(golden_wheel(*rows, **changes)), command="verify")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "install the package again" in err


def test_without_a_record_nothing_can_be_verified(install: Install, inform: Inform) -> None:
    assert inform(install({}), command="verify") == (1, "", NOTHING)
    for damaged in (wheel("{}"), wheel("{}") | {"RECORD": b"\xff"}, wheel("")):
        code, out, err = inform(install(damaged), command="verify")
        assert (code, out, err.count("\n")) == (1, "", 1)


TEXTS = st.sampled_from(["", "scikit-learn", "1.9.1", "\x1b[2J", "\n", "\u202e\ud800é"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=9,
)


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from([*RECORD, "size", "versions"]), JSON))
def test_a_record_of_any_other_shape_is_shown_all_the_same(record: dict[str, object]) -> None:
    table = render(json.dumps(record))
    assert all(line.isprintable() for line in table.split("\n"))
