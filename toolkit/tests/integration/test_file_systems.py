"""Steps on file systems that refuse what others do: in a namespace, where a test may mount them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.cli.main import main
from trainwheel.errors import StepFailedError
from trainwheel.system.lock import take
from unit.recording_tools import Call
from unit.repository import make_repository, write
from unit.steps.session import Session, configure, open_with
from unit.steps.training import training

FOLDER = "model/small_model/artefact"
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
Answer = Callable[[Call], str]


def mount(*words: str | Path) -> None:
    subprocess.run(("mount", *words), check=True, timeout=20)


def writing(text: str) -> Answer:
    """Return tools that train a model of a file and a folder."""
    others = training(text, {"metrics.json": "{}"})

    def answer(call: Call) -> str:
        folder = Path(call.argv[call.argv.index("-o") + 1]).parent
        write(folder, f"words/deep/{text}", text)
        return others(call)

    return answer


def train(root: Path, text: str = "again") -> Session:
    """Train on these data, if that is stale."""
    return open_with(root, writing(text)).step("train")


def trained(root: Path, text: str) -> None:
    """Check that a model is in place and whole, that it is up to date, and nothing is beside it."""
    names = {"model.joblib", "model.joblib.json", "words"}
    assert {path.name for path in (root / FOLDER).iterdir()} == names
    assert (root / FOLDER / "model.joblib").read_text() == text
    assert [path.name for path in (root / FOLDER / "words" / "deep").iterdir()] == [text]
    assert train(root).calls == []
    assert not list((root / "build" / ".trainwheel" / "tmp").iterdir())


def prepare(root: Path) -> Path:
    """Make a repository and train in it."""
    make_repository(root)
    configure(root, 'artefact = ["artefact/model.joblib", "artefact/words"]')
    train(root, "old")
    return root


def layered(folder: Path) -> None:
    """A layer of an image, and a container's own layer over it."""
    prepare(folder / "lower")
    root = folder / "merged"
    for name in ("upper", "work", "merged"):
        (folder / name).mkdir()
    layers = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work,userxattr"
    mount("-t", "overlay", "overlay", "-o", layers, root)
    with pytest.raises(OSError, match="cross-device"):
        (root / FOLDER).rename(root / "elsewhere")
    write(root, "data/rows.csv", "new")

    train(root, "new")

    trained(root, "new")
    write(root, "data/rows.csv", "1,2\n")
    assert "restored from the cache" in train(root).output


def beside(folder: Path) -> None:
    """The folder of outputs on another file system than the model."""
    root = make_repository(folder / "root")
    (root / "build").mkdir()
    mount("-t", "tmpfs", "tmpfs", root / "build")
    prepare(root)
    write(root, "data/rows.csv", "new")

    train(root, "new")

    trained(root, "new")


def bound(folder: Path) -> None:
    """The model's folder mounted from elsewhere, which is the same device."""
    root, other = make_repository(folder / "root"), folder / "other"
    other.mkdir()
    mount("--bind", other, root / FOLDER)
    prepare(root)
    write(root, "data/rows.csv", "new")

    train(root, "new")

    trained(root, "new")


def full(folder: Path) -> None:
    """No room where the model is: the old one stays whole, and the new one is not lost."""
    root = make_repository(folder / "root")
    mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", root / FOLDER)
    prepare(root)
    write(root, "data/rows.csv", "new")
    before = shape(root / FOLDER)
    with contextlib.suppress(OSError), (root / FOLDER / "filling").open("wb", 0) as stream:
        while stream.write(bytes(4096)):
            pass

    with pytest.raises(OSError, match="No space left") as caught:
        train(root, "new")

    assert "free some space" in str(StepFailedError.of_system(caught.value))
    (root / FOLDER / "filling").unlink()
    assert shape(root / FOLDER) == before
    assert "restored from the cache" in train(root).output


def read_only(folder: Path) -> None:
    """A checkout that cannot be written: it can be asked, and a run says so at once."""
    root = prepare(folder / "root")
    mount("--bind", root, root)
    mount("-o", "remount,bind,ro", root)
    os.chdir(root)
    assert main(["status"]) == main(["why", "train"]) == main(["status", "--json"]) == 0

    with pytest.raises(OSError, match="Read-only") as caught:
        take(root / ".trainwheel" / "lock", command="x", wait=False, notify=print)

    assert "a copy that can be written" in str(StepFailedError.of_system(caught.value))


def shape(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


SCENARIOS = {each.__name__: each for each in (layered, beside, bound, full, read_only)}
PROGRAM = """
import sys
from pathlib import Path
from integration.test_file_systems import SCENARIOS

SCENARIOS[sys.argv[1]](Path(sys.argv[2]))
"""


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_step_runs_or_says_what_it_needs(tmp_path: Path, name: str) -> None:
    if subprocess.run((*NAMESPACE, "true"), capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    argv = (*NAMESPACE, sys.executable, "-c", PROGRAM, name, str(tmp_path))
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    result = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=60, env=variables
    )

    assert result.returncode == 0, result.stdout + result.stderr
