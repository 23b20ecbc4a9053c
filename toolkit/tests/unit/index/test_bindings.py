"""Which package comes from which index, and what a Pipfile may ask for."""

from __future__ import annotations

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.index.bindings import Bindings, check_pipfile
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.settings.config import parse_config

BINDINGS = Bindings({"team": ("acme-*", "Other_Lib"), "forge": ("smith",)})
CONFIG = '[tool.trainwheel]\npackage = "p"\ntrain.command = "python -m t"\n'


@pytest.mark.parametrize(("name", "index"), [
    ("acme-core", "team"), ("Acme_Core", "team"), ("acme.core.more", "team"), ("other-lib", "team"),
    ("smith", "forge"), ("acme", None), ("blacksmith", None), ("my-acme-core", None),
])  # fmt: skip
def test_a_name_is_compared_as_installers_compare_it(name: str, index: str | None) -> None:
    assert BINDINGS.index_of(name) == index


def test_a_name_that_two_indexes_claim_is_refused() -> None:
    bindings = Bindings({"a": ("acme-*",), "b": ("*-core",)})

    with pytest.raises(ConfigurationError, match="acme-core is bound to the indexes a and b"):
        bindings.index_of("acme-core")


def test_requirements_are_divided_with_their_digests() -> None:
    text = (
        "acme-core==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "numpy==2.0 ; python_version > '3' \\\n    --hash=sha256:cc\n"
        "smith[x]==1.0 \\\n    --hash=sha256:dd\n"
    )

    shares = BINDINGS.divide(text)

    assert {index: " ".join(share.split()) for index, share in shares.items()} == {
        "team": "acme-core==1.0 --hash=sha256:aa --hash=sha256:bb",
        None: "numpy==2.0 ; python_version > '3' --hash=sha256:cc",
        "forge": "smith[x]==1.0 --hash=sha256:dd",
    }


def test_a_bound_package_that_is_locked_by_another_address_is_refused() -> None:
    line = "acme-core @ https://elsewhere.example.com/acme_core-1.0.whl --hash=sha256:aa\n"

    with pytest.raises(ConfigurationError, match="acme-core is bound to index team, and locked"):
        BINDINGS.divide(line)


@pytest.mark.parametrize("name", ["acme-core", "numpy"])
def test_an_index_that_nothing_defines_for_a_package_is_refused(name: str) -> None:
    pipfile = parse_pipfile(f'[packages]\n{name} = {{version = "*", index = "nexus"}}\n')

    with pytest.raises(ConfigurationError, match=rf"{name} asks for index 'nexus', but neither"):
        check_pipfile(pipfile, BINDINGS)


def test_an_index_that_the_package_is_bound_to_may_be_named() -> None:
    pipfile = parse_pipfile('[packages]\nacme-core = {version = "*", index = "team"}\n')

    check_pipfile(pipfile, BINDINGS)


def test_a_source_of_the_pipfile_may_be_named() -> None:
    source = '[[source]]\nname = "nexus"\nurl = "https://index.example.com/simple"\n'
    pipfile = parse_pipfile(f'{source}[packages]\nx = {{version = "*", index = "nexus"}}\n')

    check_pipfile(pipfile, Bindings({}))
    with pytest.raises(ConfigurationError, match=r"the Pipfile has a \[\[source\]\]"):
        check_pipfile(pipfile, BINDINGS)


@pytest.mark.parametrize("value", ['"acme"', "[]", '["a b"]', '["-x"]', "[1]", '[""]'])
def test_patterns_that_are_no_names_are_refused(value: str) -> None:
    text = f"{CONFIG}[tool.trainwheel.index.team]\npackages = {value}\n"

    with pytest.raises(ConfigurationError, match="but it takes a list of package names"):
        parse_config(text)
