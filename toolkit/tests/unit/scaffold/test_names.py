"""Which names a new model repository may have."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from trainwheel.scaffold.names import (
    class_of,
    field_of,
    name_of,
    package_of,
    prefix_of,
    problem_of_name,
    problem_of_package,
    problem_of_services,
    problem_of_variable,
    training_of,
)
from trainwheel.scaffold.rendering import TEMPLATE


@pytest.mark.parametrize(("folder", "name", "package", "training"), [
    ("churn-model", "churn-model", "churn_model", "churn_training"),
    ("Churn.Model", "churn-model", "churn_model", "churn_training"),
    ("a new  Model", "a-new-model", "a_new_model", "a_new_training"),
    ("churn", "churn", "churn", "churn_training"),
])  # fmt: skip
def test_names_follow_from_that_of_the_folder(
    folder: str, name: str, package: str, training: str
) -> None:
    assert (name_of(folder), package_of(name), training_of(package)) == (name, package, training)
    assert problem_of_name(name) == problem_of_package(package) == ""
    assert package_of("Churn.Model") == "churn_model"


@pytest.mark.parametrize(("problem", "packages"), [
    ("not the name of a package", ("my-model", "1model", "", "modèle", "Model")),
    ("a word of Python's own", ("class", "match")), ("a module of Python's own", ("json",)),
    ("reserved", ("model", "tests", "noxfile")),
    ("another package", ("sklearn", "trainwheel", "installed_here")),
    ("longer than 40", ("a" * 41,)),
])  # fmt: skip
def test_a_package_that_cannot_be_used_has_its_problem_named(
    problem: str, packages: tuple[str, ...]
) -> None:
    for package in packages:
        assert problem in problem_of_package(package, {"installed_here"})


def test_the_longest_name_is_accepted() -> None:
    assert problem_of_package("a" * 40) == problem_of_name("a" * 40) == ""


@pytest.mark.parametrize(("problem", "names"), [
    ("takes letters", ("", "-model", "my model")),
    ("a package that models need", ("scikit_learn", "NumPy")), ("longer than 40", ("a" * 41,)),
])  # fmt: skip
def test_a_name_that_cannot_be_used_has_its_problem_named(
    problem: str, names: tuple[str, ...]
) -> None:
    for name in names:
        assert problem in problem_of_name(name)


@pytest.mark.parametrize(
    ("variable", "prefix"),
    [("NEXUS_LOCAL_REPO_URL", "NEXUS"), ("MODELS_URL", "MODELS"), ("TEAM_A_URL", "TEAM_A")],
)
def test_the_variables_of_an_index_are_named_alike(variable: str, prefix: str) -> None:
    assert prefix_of(variable) == prefix
    assert problem_of_variable(variable) == ""


RESERVED = "PYPI NEXUS NEXUS_READ DISTUTILS SERVER_LOGIN BUILD JENKINS PIP_INDEX"
SET_BY_TOOLS = "GITHUB_MODELS GITLAB_MODELS UV_INDEX TRAINWHEEL_TEAM TWINE_REPOSITORY GIT"


@pytest.mark.parametrize(("problem", "variables"), [
    ("not the name of a variable", ("models_url", "https://models.example", "_URL")),
    ("must end with _URL", ("MODELS",)),
    ("means something else", [f"{prefix}_URL" for prefix in f"{RESERVED} {SET_BY_TOOLS}".split()]),
])  # fmt: skip
def test_a_variable_that_cannot_be_used_has_its_problem_named(
    problem: str, variables: Sequence[str]
) -> None:
    for variable in variables:
        assert problem in problem_of_variable(variable)


def test_ci_services_are_those_that_the_template_has_files_for() -> None:
    assert problem_of_services(["github", "jenkins", "gitlab"]) == problem_of_services([]) == ""
    assert "'travis'" in problem_of_services(["github", "travis"])


@pytest.mark.parametrize(("column", "field"), [
    ("Tenure", "tenure"), ("Body Mass (g)", "body_mass_g"), ("Größe in cm", "grosse_in_cm"),
    ("class", "class_"), ("match", "match_"), ("values", "values_"), ("2nd", "column_2nd"),
    ("年齢", "column_7"), ('the "best"', "the_best"), ("isActive", "is_active"), ("fee", "fee"),
    ("share %", "share_percent"), ("__", "column_7"), ("a" * 60, "a" * 40),
])  # fmt: skip
def test_a_column_has_a_name_in_python(column: str, field: str) -> None:
    assert field_of(column, 7) == field


def test_columns_that_would_have_the_same_name_are_numbered() -> None:
    assert field_of("Fee!", 1, {"fee", "fee_2"}) == "fee_3"


@pytest.mark.parametrize(("stem", "name"), [
    ("customers", "Customer"), ("house-prices", "HousePrice"), ("companies", "Company"),
    ("glass", "Glass"), ("records", "RecordRow"), ("2024", "Row"), ("c2", "C2Row"),
    ("all-seattle-weather-since-2012", "AllSeattleWeatherSince"), ("x" * 99, f"X{'x' * 21}"),
])  # fmt: skip
def test_a_class_is_called_after_its_table(stem: str, name: str) -> None:
    assert class_of(stem) == name


def test_no_class_is_called_like_what_the_modules_import() -> None:
    lines = (
        line
        for path in (TEMPLATE / "table").rglob("*.py.jinja")
        for line in path.read_text("utf-8").splitlines()
    )
    imports = " ".join(line for line in lines if re.match(r"\s*(from .* )?import |class ", line))
    taken = {name for name in re.findall(r"\b[A-Z][A-Za-z]+\b", imports) if not name.isupper()}
    assert "Mapping" in taken
    stems = {name: re.sub("(?<!^)([A-Z])", r"_\1", name) for name in taken}
    assert not {name for name, stem in stems.items() if class_of(stem) in taken}
