"""A model of several files: what training must write, what ships, and what an earlier one left."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwheel.engine.execute import require_current
from trainwheel.errors import InputChangedError, StepFailedError
from trainwheel.steps.shared.artefact import describe_artefact
from trainwheel.steps.shared.staging import release_key
from trainwheel.steps.train import STEP
from trainwheel.system.digest import digest_file
from unit.recording_tools import Call
from unit.repository import write
from unit.steps.session import Session, configure, open_with
from unit.steps.training import training

PACKAGE = "model/small_model"
FOLDER = f"{PACKAGE}/artefact"
THREE = """artefact = ["artefact/m.txt", "artefact/words/a b,'é.json", "artefact/encoder"]"""
FILES = {"m.txt": "tree", "words/a b,'é.json": "{}", "encoder/config": "x", "encoder/deep/e": ""}
Sentence = Callable[[object], None]
Change = Callable[[Path], object]


def writing(files: dict[str, str], then: Change = lambda _: None) -> Callable[[Call], str]:
    """Return tools that train: they write files beside the model, and change them."""
    others = training(weights=None)

    def answer(call: Call) -> str:
        folder = Path(call.argv[call.argv.index("-o") + 1]).parent
        for name, text in files.items():
            write(folder, name, text)
        then(folder)
        return others(call)

    return answer


def train(
    root: Path, artefact: str, files: dict[str, str], then: Change = lambda _: None
) -> Session:
    configure(root, *filter(None, [artefact]))
    return open_with(root, writing(files, then)).step("train")


def read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def in_package(root: Path) -> set[str]:
    paths = (path for path in (root / PACKAGE).rglob("*") if path.is_file())
    return {path.relative_to(root / PACKAGE).as_posix() for path in paths} - {
        *("__init__.py", "classifier.py", "py.typed")
    }


def test_a_folder_beside_one_whose_name_is_the_same_but_for_old_is_placed_anew(root: Path) -> None:
    names = ("encoder", "encoder.old", "encoder.old.old")
    artefact = "artefact = [" + ", ".join(f'"{name}"' for name in names) + "]"
    for text in ("first", "second"):
        write(root, "data/rows.csv", text)
        train(root, artefact, {f"{name}/file": f"{text} {name}" for name in names})

    assert [(root / PACKAGE / name / "file").read_text() for name in names] == [
        f"second {name}" for name in names
    ]


@pytest.fixture
def three(root: Path) -> Session:
    """A repository whose model is a file, a file in a folder, and a folder."""
    for path in (root / FOLDER).iterdir():
        path.unlink()
    return train(root, THREE, FILES)


def test_all_files_are_placed_and_listed_in_the_manifest_and_in_provenance(
    root: Path, three: Session
) -> None:
    manifest = read_json(root / FOLDER / "m.txt.json")
    assert in_package(root) == {f"artefact/{name}" for name in (*FILES, "m.txt.json")}
    assert {name: each["size"] for name, each in manifest["files"].items()} == {
        name: len(text) for name, text in FILES.items()
    }
    assert all(
        each["sha256"] == digest_file(root / FOLDER / name)
        for name, each in manifest["files"].items()
    )
    # A loader of before there were several files finds the chief one.
    assert manifest["files"]["m.txt"].items() <= manifest.items()

    artefact = describe_artefact(three.run.workspace)

    assert artefact.path == "small_model/artefact/m.txt"
    assert artefact.files.keys() == {f"small_model/artefact/{name}" for name in FILES}
    assert "notice" not in three.output


def test_what_a_system_leaves_in_a_model_is_not_part_of_it(root: Path, three: Session) -> None:
    names = "\nignore = ['model/small_model/artefact/encoder/cache']"
    left = dict.fromkeys(("encoder/.DS_Store", "encoder/cache/x", ".m.txt.swp"), "left")
    before = describe_artefact(three.run.workspace)

    other = train(root, f"{THREE}{names}", FILES | left)

    assert in_package(root) == {f"artefact/{name}" for name in (*FILES, "m.txt.json")}
    for name in left:
        write(root / FOLDER, name, "left")
    assert describe_artefact(other.run.workspace) == before
    assert open_with(root, writing(FILES)).step("train").calls == []
    assert "notice" not in other.output


def test_a_folder_alone_is_a_model_with_one_digest_of_all_its_files(root: Path) -> None:
    session = train(root, 'artefact = "artefact/encoder"', {"encoder/a": "x", "encoder/b": "yz"})
    manifest = read_json(root / FOLDER / "encoder.json")
    before = describe_artefact(session.run.workspace)
    (root / FOLDER / "encoder/b").rename(root / FOLDER / "encoder/c")
    after = describe_artefact(session.run.workspace)

    assert manifest["files"].keys() == {"encoder/a", "encoder/b"}
    assert "sha256" not in manifest
    assert before.path == "small_model/artefact/encoder"
    assert (before.size, before.format) == (3, "folder")
    assert before.sha256 != after.sha256


BROKEN: dict[str, tuple[dict[str, str], Change, str]] = {
    "no chief": ({"encoder/x": "x", "words/a b,'é.json": "x"}, lambda _: None, "artefact/m.txt is"),
    "no other": ({"m.txt": "x", "encoder/x": "x"}, lambda _: None, "words/a b,"),
    "an empty other": ({**FILES, "words/a b,'é.json": ""}, lambda _: None, "é.json is empty"),
    "no folder": ({"m.txt": "x", "words/a b,'é.json": "x"}, lambda _: None, "encoder is missing"),
    "an empty folder": ({**FILES, "encoder/config": ""}, lambda _: None, "encoder is empty"),
    "a link": (FILES, lambda to: (to / "encoder/l").symlink_to("config"), "l, which is a sym"),
    "a link to a folder": (FILES, lambda to: (to / "encoder/l").symlink_to("deep"), "encoder/l"),
    "a link to nothing": (FILES, lambda to: (to / "encoder/l").symlink_to("gone"), "encoder/l"),
    "a linked chief": ({k: v for k, v in FILES.items() if k != "m.txt"},
                       lambda to: (to / "m.txt").symlink_to("encoder/config"), "m.txt, which is a"),
    "a pipe": (FILES, lambda to: os.mkfifo(to / "encoder/p"), "encoder/p, which is not a regular"),
    "a bad name": (FILES, lambda to: write(to, "encoder/a\nb", ""), "a\\nb' cannot be the name"),
    "two of a name": (FILES, lambda to: write(to, "encoder/CONFIG", ""), "share a name"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.usefixtures("three")
def test_a_model_that_is_not_whole_is_refused_with_the_name_of_the_file(
    root: Path, sentence: Sentence, case: str
) -> None:
    files, then, name = BROKEN[case]
    before = {path: (root / PACKAGE / path).read_bytes() for path in in_package(root)}
    write(root, "data/rows.csv", "changed")

    with pytest.raises(StepFailedError) as caught:
        train(root, THREE, files, then)

    assert name in str(caught.value)
    sentence(caught.value)
    assert {path: (root / PACKAGE / path).read_bytes() for path in in_package(root)} == before


def test_what_training_writes_besides_is_named_and_does_not_ship(root: Path) -> None:
    files = {"model.joblib": "x", "vocab.json": "{}", "more/a": "", "model.joblib.json": "own"}
    session = train(root, "", files, lambda to: (to / "link").symlink_to("more"))

    assert "training wrote artefact/link and 3 more, which tool." in session.output
    assert in_package(root) == {"artefact/model.joblib", "artefact/model.joblib.json"}


def test_a_file_of_the_folder_that_is_not_the_models_is_not_shipped_unless_it_is_code(
    root: Path,
) -> None:
    for name in ("left.joblib", "__init__.py", "stub.pyi", "deep/left.txt", ".gitkeep"):
        write(root, f"{FOLDER}/{name}", "")
    session = train(root, "", {"model.joblib": "x"})

    shipped = {path.name for path in session.run.workspace.shipped_package()}
    assert shipped == {"__init__.py", "classifier.py", "py.typed", "stub.pyi"}
    assert f"not in the wheel: {FOLDER}/deep/left.txt and 1 more" in session.output


@pytest.mark.parametrize("former", ["old/model.joblib", "model.joblib", "artefact/model.joblib"])
def test_the_model_of_an_earlier_configuration_goes_with_the_next_training(
    root: Path, former: str
) -> None:
    train(root, f'artefact = ["{former}", "{former}.words"]', {
        Path(former).name: "x", f"{Path(former).name}.words": "x",
    })  # fmt: skip
    session = train(root, 'artefact = "new.bin"', {"new.bin": "y"})

    assert in_package(root) - {"artefact/model.joblib", "artefact/model.joblib.json"} == {
        "new.bin", "new.bin.json"
    }  # fmt: skip
    assert require_current(session.run.workspace, STEP).outputs.keys() == {
        f"{PACKAGE}/new.bin", f"{PACKAGE}/new.bin.json", "build/train"
    }  # fmt: skip


def test_an_earlier_model_that_was_not_made_here_stays_but_ships_no_more(root: Path) -> None:
    before = train(root, 'artefact = ["m.bin", "words", "folder"]', {
        "m.bin": "x", "words": "y", "folder/z": "z"
    })  # fmt: skip
    for path in (root / "build/.trainwheel").glob("*.json"):
        path.unlink()
    key = release_key(before.run.workspace)
    session = train(root, "artefact = 'artefact/new.bin'", {"new.bin": "y"})

    workspace = session.run.workspace
    assert {"m.bin", "m.bin.json", "words", "folder/z"} <= in_package(root)
    assert {p.name for p in workspace.shipped_package()} == {
        *("__init__.py", "classifier.py", "py.typed")
    }
    assert f"not in the wheel: {FOLDER}/model.joblib and 5 more" in session.output
    assert release_key(workspace) != key


def test_an_earlier_model_that_was_edited_stays_with_a_notice(
    root: Path, sentence: Sentence
) -> None:
    train(root, 'artefact = "own.json"', {"own.json": "x"})
    write(root, f"{PACKAGE}/own.json", "edited")

    output = train(root, "artefact = 'new.bin'", {"new.bin": "y"}).output

    sentence("\n".join(line for line in output.splitlines() if "own.json" in line))
    assert in_package(root) >= {"own.json", "new.bin"}
    assert "own.json.json" not in in_package(root)


@pytest.mark.usefixtures("three")
def test_a_kill_between_two_renames_ships_no_mixture(root: Path) -> None:
    write(root, "data/rows.csv", "changed")
    (root / FOLDER / "words").rename(root / "words")
    write(root, f"{FOLDER}/words", "in the way")  # the first file is placed, the second cannot be

    with pytest.raises(OSError, match="words"):
        train(root, THREE, {**FILES, "m.txt": "other tree"})

    assert (root / FOLDER / "m.txt").read_text() == "other tree"
    (root / FOLDER / "words").unlink()
    (root / "words").rename(root / FOLDER / "words")
    session = open_with(root, writing({}))
    with pytest.raises(InputChangedError, match=r"rows\.csv|m\.txt"):
        require_current(session.run.workspace, STEP)
    assert session.run.is_stale("train")
    output = session.step("train").output
    assert "restored from the cache" in output
    manifest = read_json(root / FOLDER / "m.txt.json")
    assert manifest["sha256"] == digest_file(root / FOLDER / "m.txt")
    require_current(session.run.workspace, STEP)


@pytest.mark.parametrize("name", ["m.txt", "encoder/config", "m.txt.json"])
def test_a_file_that_changed_after_training_is_made_again(
    root: Path, three: Session, name: str
) -> None:
    key = release_key(three.run.workspace)
    write(root, f"{FOLDER}/{name}", "changed")

    session = open_with(root, writing(FILES))
    assert session.run.is_stale("train")
    assert release_key(session.run.workspace) != key
    assert (session.step("train").run.workspace.layout.artefact).read_text() == "tree"
    assert release_key(session.run.workspace) == key


@pytest.mark.usefixtures("three")
def test_a_clean_removes_all_of_the_model_and_of_an_earlier_one(root: Path) -> None:
    configure(root, "artefact = 'other.bin'")
    open_with(root).step("clean")

    assert in_package(root) == set()
