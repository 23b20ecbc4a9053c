"""Which names a new model repository may have."""

from __future__ import annotations

import pytest

from trainwheel.scaffold.names import (
    name_of,
    package_of,
    prefix_of,
    problem_of_name,
    problem_of_package,
    problem_of_services,
    problem_of_variable,
    training_of,
)


@pytest.mark.parametrize(
    ("name", "package"),
    [("churn-model", "churn_model"), ("Churn.Model", "churn_model"), ("churn", "churn")],
)
def test_a_package_is_named_after_its_distribution(name: str, package: str) -> None:
    assert package_of(name) == package
    assert problem_of_name(name) == problem_of_package(package) == ""


@pytest.mark.parametrize(
    ("folder", "name"),
    [("a new  Model", "a-new-model"), ("churn_model", "churn-model"), ("churn", "churn")],
)
def test_a_distribution_is_named_after_its_folder(folder: str, name: str) -> None:
    assert name_of(folder) == name
    assert problem_of_name(name) == ""


@pytest.mark.parametrize(
    ("package", "training"),
    [("churn_model", "churn_training"), ("churn", "churn_training")],
)
def test_the_training_is_named_after_the_package(package: str, training: str) -> None:
    assert training_of(package) == training


@pytest.mark.parametrize(
    ("package", "problem"),
    [
        ("my-model", "no name of a package"),
        ("1model", "no name of a package"),
        ("", "no name of a package"),
        ("modèle", "no name of a package"),
        ("Model", "no name of a package"),
        ("class", "a word of Python's own"),
        ("match", "a word of Python's own"),
        ("json", "a module of Python's own"),
        ("model", "reserved"),
        ("tests", "reserved"),
        ("noxfile", "reserved"),
        ("sklearn", "taken"),
        ("trainwheel", "taken"),
        ("installed_here", "taken"),
        ("a" * 25, "longer than 24"),
    ],
)
def test_a_package_that_will_not_do_is_told_why(package: str, problem: str) -> None:
    assert problem in problem_of_package(package, {"installed_here"})


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "takes letters"),
        ("-model", "takes letters"),
        ("my model", "takes letters"),
        ("scikit_learn", "a package that models need"),
        ("NumPy", "a package that models need"),
        ("a" * 25, "longer than 24"),
    ],
)
def test_a_name_that_will_not_do_is_told_why(name: str, problem: str) -> None:
    assert problem in problem_of_name(name)


@pytest.mark.parametrize(
    ("variable", "prefix"),
    [("NEXUS_LOCAL_REPO_URL", "NEXUS"), ("MODELS_URL", "MODELS"), ("TEAM_A_URL", "TEAM_A")],
)
def test_the_variables_of_an_index_are_named_alike(variable: str, prefix: str) -> None:
    assert prefix_of(variable) == prefix
    assert problem_of_variable(variable) == ""


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("models_url", "no name of a variable"),
        ("https://models.example", "no name of a variable"),
        ("MODELS", "must end with _URL"),
        ("_URL", "no name of a variable"),
        ("PYPI_URL", "means something else"),
        ("PIP_INDEX_URL", "means something else"),
        *(
            (f"{prefix}_URL", "means something else")
            for prefix in ("NEXUS", "NEXUS_READ", "DISTUTILS", "SERVER_LOGIN", "BUILD", "JENKINS")
        ),
        *(
            (f"{prefix}_URL", "means something else")
            for prefix in (
                "GITHUB_MODELS",
                "UV_INDEX",
                "TRAINWHEEL_TEAM",
                "TWINE_REPOSITORY",
                "GIT",
            )
        ),
    ],
)
def test_a_variable_that_will_not_do_is_told_why(variable: str, problem: str) -> None:
    assert problem in problem_of_variable(variable)


def test_ci_services_are_those_that_the_template_has_files_for() -> None:
    assert problem_of_services(["github", "jenkins"]) == problem_of_services([]) == ""
    assert "knows no 'gitlab'" in problem_of_services(["github", "gitlab"])
