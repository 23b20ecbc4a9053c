"""What a repository does not have yet, and that the lines to paste are all that is missing."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from trainwheel.cli.adoption import find_missing
from trainwheel.cli.checks import PROBLEM, WARNING, rows
from trainwheel.scaffold.rendering import render
from trainwheel.settings.config import parse_config
from unit.repository import write

ROOT = Path(__file__).resolve().parents[4]
CLASSIC = ROOT / "toolkit" / "benchmarks" / "peers" / "classic"
BELOW = "# below [dev-packages]"


@pytest.fixture
def classic(tmp_path: Path) -> Path:
    return shutil.copytree(CLASSIC, tmp_path / "a model", ignore=lambda *_: ["Pipfile.lock"])


def missing(root: Path) -> dict[str, tuple[str, ...]]:
    checks = list(find_missing(root))
    states = {check.name: check.state for check in checks}
    assert states.pop(".gitignore", WARNING) == WARNING
    assert set(states.values()) <= {PROBLEM}
    return {check.name: check.lines for check in checks}


def paste(root: Path, name: str, lines: tuple[str, ...]) -> None:
    """Do as a check says: add its lines at the end, or below the heading that it names."""
    path = root / name
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    own, mark, below = "\n".join(lines).partition(BELOW)
    if mark:
        _, _, packages = below.partition("\n")
        text = text.replace("[dev-packages]\n", f"[dev-packages]\n{packages}\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n{own}\n", encoding="utf-8")


def test_the_classic_chain_is_led_through_in_the_order_of_the_work(classic: Path) -> None:
    names = list(missing(classic))
    assert names == [
        "Pipfile", "pyproject.toml", "src/oncology_model/classifier.py", ".gitignore", "noxfile.py",
    ]  # fmt: skip

    for name, *rest in (names[place:] for place in range(len(names))):
        paste(classic, name, missing(classic)[name])
        assert list(missing(classic)) == rest

    config = parse_config((classic / "pyproject.toml").read_text())
    assert (config.source, config.package) == ("src", "oncology_model")
    assert config.artefact == ("model/model.joblib",)
    assert config.train_command == "python -m training -o {model} -t {report}"
    pipfile = tomllib.loads((classic / "Pipfile").read_text())
    assert {"nox", "pytest", "twine"} <= pipfile["dev-packages"].keys()
    assert {"test", "package", "upload", "doc"} <= pipfile.keys()
    compile((classic / "src/oncology_model/classifier.py").read_text(), "classifier", "exec")


def test_an_empty_folder_is_led_through_as_well(tmp_path: Path) -> None:
    for name, lines in missing(tmp_path).items():
        paste(tmp_path, name, lines)

    assert missing(tmp_path) == {}
    assert parse_config((tmp_path / "pyproject.toml").read_text()).package == "my_model"
    assert "import joblib" in (tmp_path / "model/my_model/classifier.py").read_text()


def test_the_sections_are_those_of_a_new_repository(tmp_path: Path) -> None:
    names = {"folder_name": "new-model", "wheel": "library.whl"}
    render(tmp_path / "new", names, asks=False)
    rendered = tomllib.loads((tmp_path / "new" / "Pipfile").read_text())
    # Where its wheel is, nobody knows yet.
    del rendered["dev-packages"]["trainwheel"]
    (tmp_path / "old" / "docs").mkdir(parents=True)

    printed = tomllib.loads("\n".join(missing(tmp_path / "old")["Pipfile"]))

    assert {"packages", "test", "package", "upload", "doc", "dev-packages"} == printed.keys()
    assert printed == {name: rendered[name] for name in printed}


def test_a_repository_of_trainwheel_has_all_of_it() -> None:
    assert missing(ROOT) == {}


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("pyproject.toml", "[tool", ["Pipfile"]),  # what is wrong with it, another check says
    ("pyproject.toml", "[tool.trainwheel]\nnonsense = 1\n", ["Pipfile"]),
    ("Pipfile", "[[", ["pyproject.toml", "model/my_model/classifier.py", ".gitignore",
                       "noxfile.py"]),
    ("setup.py", "from setuptools import setup\nsetup(name='Big.Model')\n",
     ["Pipfile", "pyproject.toml", "model/big_model/classifier.py", ".gitignore", "noxfile.py"]),
    ("own/__init__.py", "", ["Pipfile", "pyproject.toml", "own/classifier.py", ".gitignore",
                             "noxfile.py"]),
])  # fmt: skip
def test_what_can_be_read_decides(
    tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    write(tmp_path, name, text)

    assert list(missing(tmp_path)) == expected


@pytest.mark.parametrize(("makefile", "command"), [
    ("train:\n\tpipenv run python train.py --out model/x/artefact/m.pkl\n",
     "python train.py --out {model}"),
    ("train:\n\tpython3 -m a.training build/report $(MORE)\n",
     "python -m a.training {report} '(MORE)' -o {model} -t {report}"),
    ("test:\n\tpython -m pytest\n", "python -m x_training -o {model} -t {report}"),
])  # fmt: skip
def test_the_command_is_that_of_the_makefile(tmp_path: Path, makefile: str, command: str) -> None:
    write(tmp_path, "Makefile", makefile)
    write(tmp_path, "model/x/__init__.py", "")

    pasted = tomllib.loads("\n".join(missing(tmp_path)["pyproject.toml"]))

    assert pasted["tool"]["trainwheel"]["train"]["command"] == command


def test_what_to_paste_stands_below_its_check(classic: Path) -> None:
    *_, last = find_missing(classic)
    line, *below = rows([last])

    assert line.split()[:2] == ["noxfile.py", "problem"]
    assert below == ["    import trainwheel", "", "    trainwheel.register()"]
