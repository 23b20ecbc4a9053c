"""The names of a new model repository: which ones can be used, and what follows from them."""

from __future__ import annotations

import itertools
import keyword
import re
import sys
import unicodedata
from collections.abc import Container, Iterable, Mapping

from packaging.utils import canonicalize_name

__all__ = [
    "CI_SERVICES",
    "TASKS",
    "class_of",
    "field_of",
    "name_of",
    "package_of",
    "prefix_of",
    "problem_of_name",
    "problem_of_package",
    "problem_of_services",
    "problem_of_variable",
    "training_of",
]

TASKS = ("classification", "regression")
CI_SERVICES = ("github", "jenkins", "gitlab")
NEXUS_VARIABLE = "NEXUS_LOCAL_REPO_URL"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_PACKAGE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_LONGEST = 40
# Two wheels with such a package would overwrite each other; the others stand at the root.
_RESERVED = frozenset(
    {"model", "models", "training", "artefact", "tests", "test", "docs", "data", "build", "dist"}
    | {"noxfile", "setup", "bootstrap", "wheels", "conftest", "toolkit"}
)
# What a model repository installs, or is likely to: distribution → what is imported.
_TAKEN: Mapping[str, str] = {
    **{name: name for name in ("joblib", "numpy", "scipy", "pandas", "nox", "pipenv", "pytest")},
    **{name: name for name in ("setuptools", "pip", "wheel", "twine", "uv", "sphinx", "mypy")},
    **{name: name for name in ("hypothesis", "matplotlib", "ruff", "dask", "distributed", "dvc")},
    **{name: name for name in ("trainwheel", "threadpoolctl", "cloudpickle", "pypiserver")},
    "scikit-learn": "sklearn",
}
_LONGEST_FIELD, _LONGEST_CLASS = 40, 22
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "µ": "u"}
    | {"Æ": "Ae", "Ø": "O", "Ł": "L", "€": " euro ", "%": " percent "}
)
_OF_RECORDS = frozenset(
    {"names", "values", "from_mapping", "from_cells", "to_features", "error"}
    | {"missing", "labels"}
    | {"date", "int", "float", "str", "bool"}
)
"""What every record has beside its fields, and what its module is written with."""

_CLASSES = frozenset(
    {"Annotated", "Any", "ArtefactError", "Category", "Classifier", "ColumnTransformer"}
    | {"DataError", "Day", "DummyClassifier", "DummyRegressor", "Field", "Flag", "Iterable"}
    | {"HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "InvalidRecordError"}
    | {"Iterator", "LogisticRegression", "Mapping", "Number", "Path", "Pipeline", "Record"}
    | {"Regressor", "Result", "Ridge", "Sequence", "Served", "ServedClassifier", "ServedRegressor"}
    | {"SimpleImputer", "TfidfVectorizer", "ValueError", "None", "True", "False"}
)
"""The names with a capital in the modules where a record's class is imported."""

# Indexes that have a meaning without a table, or have one for twine.
_RESERVED_INDEXES = frozenset(
    {"PYPI", "EMBEDDED", "DEFAULT", "DISTUTILS", "SERVER_LOGIN", "NEXUS", "NEXUS_READ"}
)
# Services and tools set or read variables that begin so; GitHub takes no secret called GITHUB_….
_SET_BY_OTHERS = frozenset(
    {
        "GITHUB",
        "GITLAB",
        "ACTIONS",
        "RUNNER",
        "JENKINS",
        "HUDSON",
        "BUILD",
        "JOB",
        "RUN",
        "CHANGE",
        "CI",
    }
    | {"GIT", "PIP", "PIPENV", "PYTHON", "UV", "TWINE", "NOX", "TRAINWHEEL"}
)


def name_of(folder: str) -> str:
    """Return the name that a distribution in a folder of this name would have."""
    return re.sub(r"[-_. ]+", "-", folder).lower()


def package_of(name: str) -> str:
    """Return the package that a distribution of this name would have."""
    return re.sub(r"[-_.]+", "_", name).lower()


def training_of(package: str) -> str:
    """Return the package that trains what ``package`` ships."""
    return f"{package.removesuffix('_model')}_training"


def prefix_of(url_env: str) -> str:
    """Return what the names of an index's variables begin with."""
    return "NEXUS" if url_env == NEXUS_VARIABLE else url_env.rpartition("_")[0]


def field_of(column: str, number: int, others: Container[str] = ()) -> str:
    """Return a name in Python for a column: small ASCII letters, digits and underscores.

    Args:
        column: Its name in the table.
        number: Its place, for a name without any letter that has a form in ASCII.
        others: Names that are taken.
    """
    plain = unicodedata.normalize("NFKD", column.translate(_LETTERS))
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", plain.encode("ascii", "ignore").decode())
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if not name or name[0].isdigit():
        name = f"column_{name or number}"
    name = name[:_LONGEST_FIELD].strip("_")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _OF_RECORDS:
        name += "_"
    numbered = (f"{name}_{n}" for n in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in others)


def class_of(stem: str, number: int = 0) -> str:
    """Return the name of a class for the rows of a table: ``customers`` has each a ``Customer``."""
    words = field_of(stem, number).strip("_").split("_")
    last = words[-1]
    if last.endswith("s") and not last.endswith(("ss", "us", "is")) and len(last) > 3:  # noqa: PLR2004
        words[-1] = f"{last[:-3]}y" if last.endswith("ies") else last[:-1]
    while len(words) > 1 and sum(map(len, words)) > _LONGEST_CLASS:
        words.pop()
    name = "".join(map(str.capitalize, words))[:_LONGEST_CLASS]
    if name.startswith("Column"):
        return "Row"
    # A name of capitals and digits alone is one of a constant.
    return f"{name}Row" if name in _CLASSES or name.isupper() else name


def problem_of_name(name: str) -> str:
    """Return what is wrong with the name of a distribution; empty where it can be used."""
    if len(name) > _LONGEST:
        return f"is longer than {_LONGEST} letters"
    if not _NAME.fullmatch(name):
        return (
            "takes letters, digits, dots and hyphens, and must start and end with a letter or digit"
        )
    if canonicalize_name(name) in _TAKEN:
        return "is the name of a package that models need"
    return ""


def problem_of_package(package: str, installed: Iterable[str] = ()) -> str:
    """Return what is wrong with the name of a package; empty where it can be used.

    Args:
        package: The name.
        installed: What can be imported in the environment that asks.
    """
    words = (*keyword.kwlist, *keyword.softkwlist)
    rules = (
        (len(package) > _LONGEST, f"is longer than {_LONGEST} letters"),
        (
            not _PACKAGE.fullmatch(package),
            "is not the name of a package: small letters, digits and underscores, a letter first",
        ),
        (package in words, "is a word of Python's own"),
        (package in sys.stdlib_module_names, "is a module of Python's own"),
        (package in _RESERVED, "is reserved, for it means something else in a model repository"),
        (
            package in {*_TAKEN.values(), *installed},
            "is the name of another package, which it would hide",
        ),
    )
    return next((reason for is_so, reason in rules if is_so), "")


def problem_of_variable(name: str) -> str:
    """Return what is wrong with the variable of an index's address; empty where it can be used."""
    if not _VARIABLE.fullmatch(name):
        return "is not the name of a variable: capitals, digits and underscores"
    prefix, _, last = name.rpartition("_")
    if last != "URL" or not prefix:
        return "must end with _URL, for the variables of its credentials are named alike"
    if name == NEXUS_VARIABLE:
        return ""
    if prefix in _RESERVED_INDEXES or prefix.partition("_")[0] in _SET_BY_OTHERS:
        return "means something else already: name one of your own, such as MODELS_URL"
    return ""


def problem_of_services(names: Iterable[str]) -> str:
    """Return what is wrong with the CI services asked for; empty where they can be used."""
    unknown = sorted(set(names) - {*CI_SERVICES})
    return f"does not know {unknown[0]!r}: name any of {', '.join(CI_SERVICES)}" if unknown else ""
