"""The newest published version of the release series, as far as a run can see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.steps.shared.baseline import Published, find_published
from trainwheel.system.digest import digest_file
from unit.repository import open_here, write
from unit.steps.session import open_with, publish
from unit.wheels import write_wheel

TARGET = Target("corporate", "https://models.invalid/", "https://models.invalid/simple/")
NO_SECRETS = {"NEXUS_USERNAME": "", "NEXUS_PASSWORD": ""}


def find(root: Path, name: str | None = None, **variables: str) -> Published:
    return find_published(open_here(root, variables), name)


@pytest.mark.parametrize(("versions", "newest"), [
    ((), ""), (("0.1.0",), "0.1.0"), (("0.1.9", "0.1.10", "0.1.2"), "0.1.10"),
    (("0.2.0", "1.1.0"), ""), (("0.1.3", "0.2.0"), "0.1.3"),
])  # fmt: skip
def test_the_newest_version_of_the_series_counts(
    root: Path, versions: tuple[str, ...], newest: str
) -> None:
    write_wheel(root / ".trainwheel/index", "small_model_two", "0.1.50")
    for version in versions:
        publish(root, version, {})

    result = find(root)

    assert (result.version, result.error, result.is_deferred) == (newest, None, False)
    assert ("the embedded index" in result.reason) is (not newest)


def test_another_version_or_other_bytes_have_another_mark(root: Path) -> None:
    nothing = find(root)
    publish(root, "0.1.0", {"f1": 0.5})
    first = find(root)
    wheel = publish(root, "0.1.0", {"f1": 0.6})

    assert nothing.mark == nothing.reason
    assert first.mark.startswith("0.1.0 ")
    assert find(root).mark == f"0.1.0 {digest_file(wheel)}" != first.mark


def test_a_job_without_credentials_defers_which_is_not_an_error(root: Path) -> None:
    result = find(root, **NO_SECRETS)

    assert result.is_deferred
    assert result.reason
    assert (result.error, result.registry) == (None, None)


@pytest.mark.parametrize(("name", "variable"), [("other", ""), (None, "other")])
def test_an_index_that_cannot_be_read_is_returned_as_an_error(
    root: Path, name: str | None, variable: str
) -> None:
    result = find(root, name, TRAINWHEEL_INDEX=variable)

    assert isinstance(result.error, ConfigurationError)
    assert result.error.message in result.reason
    assert not result.is_deferred


def test_a_setup_py_that_cannot_be_read_is_raised(root: Path) -> None:
    write(root, "setup.py", "print('no setup')\n")

    with pytest.raises(ConfigurationError):
        find(root)


@pytest.mark.parametrize("metrics", [{"f1": 0.5}, {}])
def test_the_baseline_has_the_metrics_in_its_wheel(root: Path, metrics: dict[str, float]) -> None:
    if metrics:
        publish(root, "0.1.0", metrics)
    else:
        write_wheel(root / ".trainwheel/index", "small_model", "0.1.0")
    session = open_with(root)

    baseline = find(root).baseline(session.run)

    assert (baseline.version, baseline.metrics, baseline.reason) == ("0.1.0", metrics, "")
    assert ("0.1.0 cannot be read" in session.output) is (not metrics)


@pytest.mark.parametrize("is_deferred", [True, False])
def test_without_a_version_the_baseline_has_the_reason(root: Path, *, is_deferred: bool) -> None:
    result, run = Published(reason="the index is shut", is_deferred=is_deferred), open_here(root)

    baseline = result.baseline(run)

    assert (baseline.version, baseline.reason) == ("", "the index is shut")
    assert baseline.is_deferred is is_deferred
    with pytest.raises(StepFailedError, match="the index is shut"):
        result.wheel(run.workspace)


def test_the_wheel_in_the_embedded_index_is_not_copied(root: Path) -> None:
    wheel = publish(root, "0.1.0", {})

    assert find(root).wheel(open_here(root).workspace) == wheel
    assert not (root / ".trainwheel/published").exists()


def test_a_fetched_wheel_replaces_earlier_ones(root: Path) -> None:
    workspace = open_here(root).workspace
    layout = workspace.layout
    # Fetched before, so the index is not asked for it again.
    wheel = write(layout.published, "ab12/small_model-0.1.1-py3-none-any.whl", "")
    write(layout.published, "cd34/small_model-0.1.0-py3-none-any.whl", "")
    write(layout.published, "half-written.tmp", "")
    file = PublishedFile(wheel.name, f"https://models.invalid/{wheel.name}", {"sha256": "ab12"})
    result = Published("0.1.1", registry=Registry(TARGET, layout.index), file=file)

    assert result.wheel(workspace) == wheel
    assert [path.name for path in layout.published.iterdir()] == ["ab12"]


@pytest.mark.parametrize("content", ["packaged here", "packaged again"])
def test_a_published_wheel_that_was_packaged_here_is_not_fetched(root: Path, content: str) -> None:
    workspace = open_here(root).workspace
    layout, name = workspace.layout, "small_model-0.1.1-py3-none-any.whl"
    own = write(layout.dist, name, "packaged here")
    digest = digest_file(own)
    fetched = write(layout.published, f"{digest}/{name}", "packaged here")
    own.write_text(content)
    file = PublishedFile(name, f"https://models.invalid/{name}", {"sha256": digest})
    result = Published("0.1.1", registry=Registry(TARGET, layout.index), file=file)

    assert result.wheel(workspace) == (own if content == "packaged here" else fetched)
