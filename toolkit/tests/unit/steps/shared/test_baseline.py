"""What is published in the release series, as far as a run may know."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.steps.shared.baseline import Published, find_published
from trainwheel.system.digest import digest_file
from unit.repository import make_repository, write
from unit.steps.opened import open_with, publish
from unit.wheels import write_wheel

NO_SECRETS = {"NEXUS_LOCAL_REPO_URL": "https://nexus.invalid/models/", "NEXUS_PASSWORD": ""}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose version is 0.1.0."""
    return make_repository(tmp_path / "small")


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        ((), ""),
        (("0.1.0",), "0.1.0"),
        (("0.1.9", "0.1.10", "0.1.2"), "0.1.10"),
        (("0.2.0", "1.1.0"), ""),
        (("0.1.3", "0.2.0"), "0.1.3"),
    ],
)
def test_the_newest_version_of_the_series_counts(
    root: Path, versions: tuple[str, ...], newest: str
) -> None:
    for version in versions:
        publish(root, version, {})

    published = find_published(open_with(root).run, None)

    assert published.version == newest
    assert bool(published.reason) is (not newest)
    assert (published.error, published.is_deferred) == (None, False)


def test_another_project_is_not_taken_for_this_one(root: Path) -> None:
    write_wheel(root / ".trainwheel/index", "small_model_two", "0.1.5")

    published = find_published(open_with(root).run, None)

    assert published.version == ""
    assert "the embedded index" in published.reason


def test_what_stands_in_the_index_marks_what_was_compared(root: Path) -> None:
    run = open_with(root).run
    nothing = find_published(run, None)
    wheel = publish(root, "0.1.0", {"f1": 0.5})
    one = find_published(run, None)
    publish(root, "0.1.0", {"f1": 0.6})
    other = find_published(run, None)

    assert nothing.mark == nothing.reason
    assert one.mark.startswith("0.1.0 ")
    assert other.mark == f"0.1.0 {digest_file(wheel)}"
    assert one.mark != other.mark


def test_a_job_without_credentials_defers_and_is_no_error(root: Path) -> None:
    published = find_published(open_with(root, variables=NO_SECRETS).run, None)

    assert published.is_deferred
    assert published.error is None
    assert published.reason
    assert published.registry is None


@pytest.mark.parametrize(("name", "variables"), [("other", {}), (None, {"TRAINWHEEL_INDEX": "o"})])
def test_an_index_that_cannot_be_asked_is_kept_as_an_error(
    root: Path, name: str | None, variables: dict[str, str]
) -> None:
    published = find_published(open_with(root, variables=variables).run, name)

    assert isinstance(published.error, ConfigurationError)
    assert published.error.message in published.reason
    assert not published.is_deferred


def test_a_setup_py_that_cannot_be_read_is_an_error_of_its_own(root: Path) -> None:
    write(root, "setup.py", "print('no setup')\n")

    with pytest.raises(ConfigurationError):
        find_published(open_with(root).run, None)


def test_the_baseline_has_the_metrics_of_its_wheel(root: Path) -> None:
    publish(root, "0.1.0", {"f1": 0.5})
    run = open_with(root).run

    baseline = find_published(run, None).baseline(run)

    assert (baseline.version, baseline.metrics, baseline.reason) == ("0.1.0", {"f1": 0.5}, "")


def test_a_wheel_without_a_record_is_a_baseline_without_metrics(root: Path) -> None:
    write_wheel(root / ".trainwheel/index", "small_model", "0.1.0")
    opened = open_with(root)

    baseline = find_published(opened.run, None).baseline(opened.run)

    assert (baseline.version, baseline.metrics) == ("0.1.0", {})
    assert "0.1.0 cannot be read" in opened.said


@pytest.mark.parametrize("is_deferred", [True, False])
def test_without_a_version_the_baseline_says_why(root: Path, *, is_deferred: bool) -> None:
    published = Published(reason="the index is shut", is_deferred=is_deferred)

    baseline = published.baseline(open_with(root).run)

    assert (baseline.version, baseline.reason) == ("", "the index is shut")
    assert baseline.is_deferred is is_deferred
    assert published.mark == "the index is shut"


def test_a_wheel_of_nothing_is_refused_with_the_reason(root: Path) -> None:
    with pytest.raises(StepFailedError, match="the index is shut"):
        Published(reason="the index is shut").wheel(open_with(root).run.workspace.layout)


def test_the_embedded_index_hands_out_its_own_file(root: Path) -> None:
    wheel = publish(root, "0.1.0", {})
    run = open_with(root).run

    assert find_published(run, None).wheel(run.workspace.layout) == wheel
    assert not (root / ".trainwheel/published").exists()


def test_wheels_that_are_the_newest_no_more_are_not_kept(root: Path) -> None:
    layout = open_with(root).run.workspace.layout
    # As it was fetched before: the index is not asked for it again.
    kept = write(layout.published, "ab12/small_model-0.1.1-py3-none-any.whl", "")
    write(layout.published, "cd34/small_model-0.1.0-py3-none-any.whl", "")
    write(layout.published, "half-written.tmp", "")
    target = Target("corporate", "https://models.invalid/", "https://models.invalid/simple/")
    file = PublishedFile(kept.name, f"https://models.invalid/{kept.name}", {"sha256": "ab12"})
    published = Published("0.1.1", registry=Registry(target, layout.index), file=file)

    assert published.wheel(layout) == kept
    assert [path.name for path in layout.published.iterdir()] == ["ab12"]
