"""The info command shows the record of the installed wheel, or says that there is none."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oncology_model
from oncology_model.__main__ import main
from oncology_model.provenance import render

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
NOTHING = "oncology_model: no provenance: this package is not from a wheel that trainwheel made\n"
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
    provenance: str | bytes, record: str = "oncology_model/__init__.py,,"
) -> dict[str, str | bytes]:
    metadata = "Metadata-Version: 2.4\nName: oncology-model\nVersion: 0.1.174\n"
    return {
        "METADATA": metadata,
        "RECORD": f"oncology_model/table.py,,\n{record}\n",
        "trainwheel/provenance.json": provenance,
    }


@pytest.fixture
def inform(capsys: pytest.CaptureFixture[str]) -> Inform:
    """Run the command on an installed package: its exit code, its output and its errors."""

    def inform(folder: Path, *options: str) -> tuple[int, str, str]:
        code = main(["info", *options], package=folder / "oncology_model")
        return code, *capsys.readouterr()

    return inform


def test_the_record_is_shown_as_a_table(install: Install, inform: Inform) -> None:
    assert inform(install(wheel(json.dumps(RECORD)))) == (0, TABLE, "")


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
    assert err.startswith("oncology_model: the provenance is damaged, install the package again: ")


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
    table = render(json.dumps({"name": "\x1b[2Jé\n", "packages": {"\u202e": "1"}}))
    assert table.isascii()
    assert table.count("\n") == 3
    assert "\x1b" not in table


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
    assert table.isascii()
    assert all(line.isprintable() for line in table.split("\n"))
