"""What a run releases: the version that it requests, its wheel, and the index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint, Reason
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record, write_record
from trainwheel.errors import ConfigurationError, MissingCredentialsError, StepFailedError
from trainwheel.index.versions import Wish
from trainwheel.steps.shared.publish import publisher_of
from trainwheel.steps.shared.registry import (
    asked_version,
    is_unverified,
    registry_of,
    unpublished,
    wheel_of,
    wish_of,
)
from trainwheel.steps.shared.staging import is_published, release_key
from unit.model_wheels import ONE, OTHER, package
from unit.recording_tools import RecordingTools
from unit.repository import PYPROJECT, RELEASE, SETUP_PY, open_here, write
from unit.steps.session import open_with

TABLE = """
[tool.trainwheel.index.corporate]
url = "https://corporate.invalid/models/"
username-env = "CORPORATE_USER"
password-env = "CORPORATE_PASSWORD"
read-username-env = "READER"
read-password-env = "READER_PASSWORD"
"""
WRITER = {"CORPORATE_USER": "writer", "CORPORATE_PASSWORD": "writes-it-all"}
READER = {"READER": "reader", "READER_PASSWORD": "reads-it-all"}


@pytest.fixture
def with_index(root: Path) -> Path:
    """A small model repository with an index of its own."""
    write(root, "pyproject.toml", PYPROJECT + TABLE)
    return root


def test_the_default_is_a_folder_of_the_repository_and_a_name_wins_over_the_variable(
    with_index: Path,
) -> None:
    registry = registry_of(open_here(with_index), None)
    assert registry.target is None
    assert registry.folder == with_index / ".trainwheel/index"
    assert registry.keys == with_index / ".trainwheel/keys"

    run = open_here(with_index, {**WRITER, "TRAINWHEEL_INDEX": "corporate"})
    assert registry_of(run, None).label == "index corporate"
    assert registry_of(run, "embedded").target is None


@pytest.mark.parametrize(("variables", "to_read", "user"), [
    ({**WRITER, **READER}, False, "writer"), ({**WRITER, **READER}, True, "reader"),
    (WRITER, True, "writer"), (READER, True, "reader"),
])  # fmt: skip
def test_it_is_opened_with_the_credentials_for_the_purpose(
    with_index: Path, variables: dict[str, str], *, to_read: bool, user: str
) -> None:
    target = registry_of(open_here(with_index, variables), "corporate", to_read=to_read).target

    assert target is not None
    assert target.username is not None
    assert target.username.reveal() == user


def test_wrong_credentials_or_names_are_refused(with_index: Path) -> None:
    with pytest.raises(MissingCredentialsError, match="CORPORATE_PASSWORD"):
        registry_of(open_here(with_index, READER), "corporate")
    with pytest.raises(ConfigurationError, match="'corporat'"):
        registry_of(open_here(with_index), "corporat")


def test_credentials_are_redacted_and_notices_are_printed_once(with_index: Path) -> None:
    session = open_with(with_index, variables=WRITER)

    registry = registry_of(session.run, "corporate")
    session.run.console.line("it is writes-it-all")
    for _ in range(2):
        assert registry.notify is not None
        registry.notify("elsewhere")

    assert session.output == "it is ***\nnotice: elsewhere\n"


@pytest.fixture
def layout(root: Path) -> Layout:
    """The paths of the repository."""
    return open_here(root).workspace.layout


@pytest.mark.parametrize("step", ["upload", "verify", "promote"])
def test_every_step_publishes_with_the_tools_of_upload_and_a_log_of_its_own(
    layout: Layout, step: str
) -> None:
    publisher = publisher_of(open_here(layout.root, tools=RecordingTools()), step, None)

    assert publisher.python() == Path("/environments/upload/bin/python")
    assert (publisher.log, publisher.records) == (layout.log(step), layout.records)
    assert publisher.registry.folder == layout.index
    publisher_of(open_here(layout.root), step, None)
    assert not (layout.root / ".nox").exists()  # until the interpreter is used


def test_the_wheel_is_the_one_in_the_record(layout: Layout) -> None:
    proof = package(layout)
    write(layout.dist, "small_model-9.9.9-py3-none-any.whl", "left over")

    assert wheel_of(layout) == layout.dist / proof.wheel

    (layout.records / "package.json").write_text("cut sho")
    with pytest.raises(StepFailedError) as caught:
        wheel_of(layout)
    assert "package.model" in caught.value.hint


def reasons(layout: Layout, files: dict[str, str]) -> tuple[Reason, ...]:
    workspace = open_here(layout.root).workspace
    return unpublished(workspace, Record("upload", Fingerprint(files, {}), {}, 0.0, {}))


def test_another_wheel_than_the_packaged_one_is_a_reason(layout: Layout) -> None:
    assert reasons(layout, {"a.whl": ONE}) == ()  # nothing is packaged

    proof = package(layout)
    assert reasons(layout, {proof.wheel: proof.sha256}) == ()
    assert reasons(layout, {}) == (Reason(proof.wheel, None, proof.sha256),)
    assert reasons(layout, {"other.whl": ONE}) == (Reason(proof.wheel, None, proof.sha256),)
    assert reasons(layout, {proof.wheel: OTHER}) == (Reason(proof.wheel, OTHER, proof.sha256),)


def decide(root: Path, key: str | None = None, **changes: object) -> Path:
    """Write a decision about what is there now, or about what has another release key."""
    key = key or release_key(open_here(root).workspace)
    decision = replace(RELEASE, release_key=key, **changes)  # type: ignore[arg-type]
    return write(root, "build/version.json", decision.render())


def publish_here(root: Path, *, version: str = "0.1.0", key: str = "", sha256: str = ONE) -> Record:
    """Record that a wheel of what is there now, or of another key, was packaged and published."""
    records = open_here(root).workspace.layout.records
    key = key or release_key(open_here(root).workspace)
    facts = {"wheel": "a.whl", "sha256": ONE, "version": version, "release_key": key}
    write_record(records, Record("package", Fingerprint({}, {}), {}, 1.0, facts))
    upload = Record("upload", Fingerprint({"a.whl": sha256}, {}), {}, 1.0, {})
    write_record(records, upload)
    return upload


@pytest.mark.parametrize(("prepare", "expected"), [
    (lambda root: decide(root, releases=False), True),
    (lambda root: decide(root, OTHER, releases=False), False),
    (lambda root: decide(root, version="0.2.0", releases=False), False),  # of another series
    (decide, False),
    (lambda root: (decide(root), publish_here(root)), True),
    (lambda root: (decide(root, OTHER), publish_here(root)), True),
    (lambda root: (decide(root), publish_here(root, sha256=OTHER)), False),
    (lambda root: (decide(root), publish_here(root, key=OTHER)), False),
    (lambda root: (decide(root), publish_here(root, version="1.1.0")), False),
    (publish_here, False),  # the decision is missing
    (lambda _: None, False),
], ids=[
    "unchanged", "changed since", "another series", "to release", "released here",
    "decided on other files", "another wheel", "other files", "released in another series",
    "no decision", "nothing ran",
])  # fmt: skip
def test_what_would_be_released_is_published_by_what_is_recorded(
    root: Path, prepare: Callable[[Path], object], *, expected: bool
) -> None:
    prepare(root)

    assert is_published(open_here(root).workspace) is expected


@pytest.mark.parametrize(("line", "variables"), [
    ('version.release = "always"', {}), ("", {"TRAINWHEEL_VERSION": "0.1.9"}),
])  # fmt: skip
def test_a_release_that_is_asked_for_is_yet_to_be_made(
    root: Path, line: str, variables: dict[str, str]
) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}{line}\n")
    decide(root, releases=False)

    assert not is_published(open_here(root, variables).workspace)


def test_an_edit_of_what_ships_is_yet_to_be_released_and_of_other_files_is_not(root: Path) -> None:
    decide(root, releases=False)

    write(root, "tests/test_small.py", "def test_more(): ...\n")
    write(root, "Makefile", "all:\n")
    assert is_published(open_here(root).workspace)
    write(root, "model/small_model/classifier.py", "def predict_record(record): return 1\n")
    assert not is_published(open_here(root).workspace)
    (root / "setup.py").unlink()
    assert not is_published(open_here(root).workspace)


def test_an_upload_is_unverified_until_the_same_bytes_are(layout: Layout) -> None:
    assert not is_unverified(layout)
    upload = Record("upload", Fingerprint({"a.whl": ONE}, {}), {}, 1.0, {})
    write_record(layout.records, upload)
    assert is_unverified(layout)
    for digest, expected in ((OTHER, True), (ONE, False)):
        verification = Fingerprint({"a.whl": digest}, {})
        write_record(layout.records, Record("verify", verification, {}, 1.0, {}))
        assert is_unverified(layout) is expected


OFFSET = "version.build-number-offset = 1000"


@pytest.mark.parametrize(("key", "variables", "wish", "version"), [
    ("", {}, Wish(), "0.1.0"), ("", {"TRAINWHEEL_VERSION": "  "}, Wish(), "0.1.0"),
    ("", {"TRAINWHEEL_VERSION": "175"}, Wish(asked="175"), "0.1.175"),
    ("", {"BUILD_NUMBER": "007"}, Wish(build_number=7), "0.1.7"),
    ("", {"GITHUB_RUN_NUMBER": "8"}, Wish(build_number=8), "0.1.8"),
    ("", {"BUILD_NUMBER": "0", "GITHUB_RUN_NUMBER": "8"}, Wish(build_number=0), "0.1.0"),
    ("", {"BUILD_NUMBER": "", "GITHUB_RUN_NUMBER": "8"}, Wish(), "0.1.0"),
    ("", {"TRAINWHEEL_VERSION": "2.0rc1", "BUILD_NUMBER": "3"}, Wish("2.0rc1", 3), "2.0rc1"),
    (OFFSET, {"BUILD_NUMBER": "7"}, Wish(build_number=7, offset=1000), "0.1.1007"),
    ('version.release = "always"', {}, Wish(always=True), "0.1.0"),
    ('version.release = "changed"', {}, Wish(), "0.1.0"),
])  # fmt: skip
def test_variables_and_keys_make_a_wish_and_a_version(
    root: Path, key: str, variables: dict[str, str], wish: Wish, version: str
) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}{key}\n")
    workspace = open_here(root, variables).workspace

    assert wish_of(workspace) == wish
    assert asked_version(workspace) == version


@pytest.mark.parametrize("number", ["12a", "-3", "+3", "1.0", "1_0", "٣", "²"])
def test_a_build_number_is_made_of_digits(root: Path, number: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        wish_of(open_here(root, {"BUILD_NUMBER": number}).workspace)

    assert repr(number) in caught.value.message
    assert "BUILD_NUMBER" in caught.value.hint


@pytest.mark.parametrize(("old", "new", "version"), [
    ("", "", "next"), ('"0.1.0"', '"one"', ""), ('"0.1.0"', "compute()", ""),
    ('name="small-model",', "", "1.0"),
], ids=["requested", "no version", "computed", "no name"])  # fmt: skip
def test_what_cannot_become_a_version_is_refused(
    root: Path, old: str, new: str, version: str
) -> None:
    write(root, "setup.py", SETUP_PY.replace(old, new) if old else SETUP_PY)

    with pytest.raises(ConfigurationError):
        asked_version(open_here(root, {"TRAINWHEEL_VERSION": version}).workspace)
