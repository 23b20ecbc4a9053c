"""The lines that a publisher prints at its end work as they are printed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.steps.shared.publish import Publisher
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from unit.model_wheels import proof_of, write_model_wheel
from unit.wheels import write_wheel


def announced(registry: Registry, wheel: Path, *, shows_wheel: bool = True) -> list[str]:
    """Return what is printed of a wheel, each line without the blanks after its label."""
    environment, stream = Environment(), io.StringIO()
    publisher = Publisher(environment, Console(environment, stream), registry, Path)
    publisher.announce(proof_of(wheel), wheel if shows_wheel else None)
    return [" ".join(line.split()) for line in stream.getvalue().splitlines()]


@dataclass(frozen=True)
class ListedRegistry(Registry):
    """An index that is known by what its page lists, which needs no network."""

    url: str = ""

    def wheels(self, project: str) -> dict[str, PublishedFile]:
        """Return 0.1.0, at the address."""
        assert project == "small-model"
        return {"0.1.0": PublishedFile("small_model-0.1.0-py3-none-any.whl", self.url)}


def nexus(install_url: str | None = None) -> Target:
    return Target("nexus", "https://n.invalid/m/", "https://n.invalid/m/simple/", install_url)


def test_the_embedded_index_is_installed_from_as_printed(tmp_path: Path) -> None:
    wheel = write_model_wheel(tmp_path / "dist")

    published, install = announced(Registry(None, tmp_path / "an index"), wheel)

    assert proof_of(wheel).sha256 in published
    assert published.startswith("published small-model 0.1.0 ")
    folder = tmp_path / "an index"
    assert install == f"install: pip install --find-links '{folder}' small-model==0.1.0"


def test_an_index_with_an_address_for_installing_is_printed_with_it(tmp_path: Path) -> None:
    wheel = write_model_wheel(tmp_path / "dist")
    target = nexus("https://all.invalid/s&p/")

    published, install = announced(Registry(target, tmp_path), wheel)

    assert published.endswith("in index nexus")
    where = "'https://all.invalid/s&p/'"
    assert install == f"install: pip install --index-url {where} small-model==0.1.0"


PLAIN = "https://n.invalid/m/w.whl"
SIGNED = f"{PLAIN}?X-Amz-Signature=abcdef0123456789"


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (PLAIN, f"'{PLAIN}#sha256={{}}'"),
        (SIGNED, "--index-url https://n.invalid/m/simple/ small-model==0.1.0"),
    ],
    ids=["plain", "signed"],
)
def test_an_index_of_one_s_own_never_stands_beside_the_public_one(
    tmp_path: Path, url: str, what: str
) -> None:
    requires = ["six>=1.16", "dask; extra == 'cluster'", "joblib; python_version > '3'"]
    wheel = write_wheel(tmp_path / "dist", "small_model", "0.1.0", requires=requires)
    registry = ListedRegistry(nexus(), tmp_path, url=url)

    _, install, then = announced(registry, wheel)

    sha256 = proof_of(wheel).sha256
    assert install == f"install: pip install --no-deps {what.format(sha256)}"
    assert then == """then: pip install 'six>=1.16' 'joblib; python_version > "3"'"""


@pytest.mark.parametrize("shows_wheel", [True, False], ids=["needs nothing", "not at hand"])
def test_nothing_more_is_printed_without_requirements(tmp_path: Path, *, shows_wheel: bool) -> None:
    requires = () if shows_wheel else ("six",)
    wheel = write_wheel(tmp_path / "dist", "small_model", "0.1.0", requires=requires)
    registry = ListedRegistry(nexus(), tmp_path, url=PLAIN)

    assert len(announced(registry, wheel, shows_wheel=shows_wheel)) == 2
