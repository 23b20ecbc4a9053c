"""What is shipped to workers: the modules of training, and nothing that would run by itself."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from trainwheel.guest import CLUSTER
from trainwheel.steps.shared.cluster import Shipment, pack
from unit.repository import PYPROJECT, make_repository, open_here, write

HOST = ".trainwheel/trainwheel_cluster/"


TRAINING = {
    "__main__.py": "import small_training.search\n", "__init__.py": "", "search.py": "",
    "grid.json": "{}", "unused.py": "raise SystemExit\n",
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_repository(tmp_path)
    for name, text in TRAINING.items():
        write(tmp_path, f"model/small_training/{name}", text)
    return tmp_path


def names(shipment: Shipment) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(shipment.content)) as packed:
        return {name for name in packed.namelist() if not name.startswith(HOST)}


def test_the_sources_are_shipped_and_what_lies_beside_those_that_training_imports(
    root: Path,
) -> None:
    shipment = pack(open_here(root).workspace)

    model = {f"model/small_model/{name}" for name in ("__init__.py", "classifier.py", "py.typed")}
    training = {f"model/small_training/{name}" for name in TRAINING}
    assert names(shipment) == model | training
    assert shipment.folders == ("model", ".", ".trainwheel")
    # Programs are not among what workers are to import.
    assert sorted(shipment.modules) == [
        "small_model", "small_model.classifier", "small_training", "small_training.search",
    ]  # fmt: skip


def test_the_part_of_the_library_is_whole(root: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(pack(open_here(root).workspace).content)) as packed:
        found = {name.removeprefix(HOST) for name in packed.namelist() if name.startswith(HOST)}

    assert found == {path.name for path in CLUSTER.glob("*.py")}
    assert "backend.py" in found


def test_a_script_is_shipped_but_not_imported(root: Path) -> None:
    command = PYPROJECT.replace("-m small_training", "model/fit.py")
    write(root, "pyproject.toml", command)
    write(root, "model/fit.py", "import small_training.search\n")

    shipment = pack(open_here(root).workspace)

    assert "model/fit.py" in names(shipment)
    assert "fit" not in shipment.modules
    assert "small_training.search" in shipment.modules


def test_data_that_the_command_names_stays_here(root: Path) -> None:
    write(root, "pyproject.toml", PYPROJECT.replace("-t {report}", "-d data/rows.csv"))

    assert "data/rows.csv" not in names(pack(open_here(root).workspace))


def test_a_module_that_an_import_names_when_it_runs_is_shipped(root: Path) -> None:
    write(root, "model/small_training/search.py", "name = input()\n__import__(name)\n")

    shipment = pack(open_here(root).workspace)

    assert "model/small_training/unused.py" in names(shipment)
    assert "small_training.unused" not in shipment.modules


def test_the_same_files_make_the_same_archive(root: Path) -> None:
    first = pack(open_here(root).workspace)
    (root / "model/small_training/search.py").touch()

    assert pack(open_here(root).workspace).digest == first.digest

    write(root, "model/small_training/search.py", "x = 1\n")
    assert pack(open_here(root).workspace).digest != first.digest
