"""What the embedded index holds, read from real wheels where they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from unit.wheels import provenance_of, write_wheel

ONE, OTHER = "1" * 64, "2" * 64


def publish(folder: Path, version: str, key: str | None = ONE, name: str = "tiny_model") -> Path:
    """Put a wheel into the folder of an index."""
    members = {} if key is None else provenance_of(key, name, version)
    return write_wheel(folder, name, version, members=members)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An embedded index without files."""
    return Registry(None, tmp_path / "index")


def test_an_index_that_was_never_used_is_empty(registry: Registry) -> None:
    assert registry.wheels("tiny-model") == {}
    assert registry.unchanged_since({}, "0.1.0", ONE) is None


def test_versions_are_normalised(registry: Registry) -> None:
    publish(registry.folder, "1.0.0rc1").rename(
        registry.folder / "tiny_model-1.0.0.RC1-py3-none-any.whl"
    )

    assert list(registry.wheels("tiny-model")) == ["1.0.0rc1"]


@pytest.mark.parametrize(
    ("published", "version", "since"),
    [
        ({"0.1.0": ONE}, "0.1.0", "0.1.0"),
        ({"0.1.0": ONE}, "0.1.9", "0.1.0"),
        ({"0.1.0": OTHER}, "0.1.0", None),
        ({"0.1.0": None}, "0.1.0", None),
        ({"0.1.0": ONE, "0.1.10": OTHER, "0.1.9": ONE}, "0.1.0", None),
        ({"0.1.0": OTHER, "0.1.10": ONE, "0.1.9": OTHER}, "0.1.0", "0.1.10"),
        ({"0.2.0": ONE, "1.1.0": ONE}, "0.1.0", None),
        ({"0.1.0": ONE, "0.2.0": OTHER}, "0.1.0", "0.1.0"),
    ],
    ids=["same", "later", "other", "no key", "newest differs", "newest same", "others", "series"],
)
def test_the_newest_release_of_the_series_is_compared(
    registry: Registry, published: dict[str, str | None], version: str, since: str | None
) -> None:
    for number, key in published.items():
        publish(registry.folder, number, key)

    wheels = registry.wheels("tiny-model")

    assert registry.unchanged_since(wheels, version, ONE) == since


def test_a_damaged_wheel_is_named(registry: Registry) -> None:
    wheel = publish(registry.folder, "0.1.0")
    wheel.write_bytes(wheel.read_bytes()[:-40])

    with pytest.raises(ConfigurationError, match=r"tiny_model-0.1.0.* is not a readable wheel"):
        registry.unchanged_since(registry.wheels("tiny-model"), "0.1.0", ONE)


def test_an_index_is_called_by_its_name(registry: Registry, tmp_path: Path) -> None:
    target = Target("corporate", "https://index.invalid/", "https://index.invalid/simple/")

    assert registry.label == "the embedded index"
    assert Registry(target, tmp_path).label == "index corporate"


def test_a_release_key_that_is_kept_needs_no_wheel(tmp_path: Path) -> None:
    target = Target("corporate", "https://models.invalid/", "https://models.invalid/simple/")
    registry = Registry(target, tmp_path, tmp_path / "keys")
    wheels = {"0.1.0": PublishedFile("tiny.whl", "https://shut.invalid/", {"sha256": OTHER})}
    registry.keep_key(OTHER, ONE)

    assert registry.unchanged_since(wheels, "0.1.0", ONE) == "0.1.0"
