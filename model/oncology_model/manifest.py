"""The manifest beside the artefact: which bytes its files have and which packages made them.

It is written by the training, as ``model.joblib.json``, and travels in the wheel.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from oncology_model.ranges import Ranges, parse_ranges

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Public versions and local ones (PEP 440), but nothing that would garble a message.
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})*[0-9A-Za-z.+-]{0,40}")
_RELEASE = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_NOT_ONE = "not a manifest of schema 1"

PACKAGES = ("scikit-learn", "numpy", "joblib")
"""The packages whose versions decide whether any artefact loads, and loads rightly."""

EXACT = frozenset({
    "catboost", "category-encoders", "feature-engine", "hdbscan", "imbalanced-learn", "lightgbm",
    "ngboost", "scikit-learn", "scikit-learn-intelex", "scikit-survival", "sktime", "statsmodels",
    "umap-learn", "xgboost", "xgboost-cpu",
})  # fmt: skip
"""The packages that promise nothing for what another version of them pickled."""

_OF_ESTIMATORS = frozenset({"joblib", "pickle"})
_ONE_MAJOR = frozenset({"numpy", "pandas"})
# scikit-learn itself says which versions of scipy it works with.
_UNCHECKED = frozenset({"scipy"})


@dataclass(frozen=True, slots=True)
class File:
    """What training says of a file of the artefact.

    Attributes:
        sha256: the digest of its bytes, 64 lower-case hexadecimal digits.
        size: its length in bytes.
        format: what it is written in, such as ``joblib``.
    """

    sha256: str
    size: int
    format: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What training says of the artefact.

    Attributes:
        chief: the file that the manifest stands beside; None if that is a folder.
        files: each file of the artefact by its path from the manifest's folder, with slashes;
            empty in a manifest of before there were several.
        versions: the version of each of `PACKAGES`, and of the other packages that the artefact
            refers to, that it was made with.
        inputs: the ranges of the records that it learnt from, so far as training says.
    """

    chief: File | None
    files: Mapping[str, File]
    versions: Mapping[str, str]
    inputs: Ranges = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A package that is not the one that the artefact needs.

    Attributes:
        package: its name.
        required: the version that the artefact was made with.
        installed: the version that is installed.
    """

    package: str
    required: str
    installed: str

    @property
    def requirement(self) -> str:
        """What to install, in the form that pip takes."""
        return to_requirement(self.package, self.required)


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest.

    Args:
        content: the bytes of the file: JSON in UTF-8, of schema 1.

    Raises:
        ValueError: they are something else, whatever it is.
    """
    try:
        document = json.loads(content.decode())
    except RecursionError:
        message = "nested too deeply"
        raise ValueError(message) from None
    match document:
        case {"schema": 1, "versions": {**versions}}:
            match document.get("files", {}):
                case {**files} if all(map(_is_inside, files)):
                    has_chief = "sha256" in document or not files
                    chief = _read_file(document) if has_chief else None
                    by_name = {str(name): _read_file(each) for name, each in files.items()}
                    inputs = parse_ranges(document.get("inputs", {}))
                    return Manifest(
                        chief, by_name, _read_versions(versions, chief, by_name), inputs
                    )
    raise ValueError(_NOT_ONE)


def find_mismatches(
    required: Mapping[str, str], installed: Mapping[str, str]
) -> Iterator[Mismatch]:
    """Find the packages with which the artefact might not load, or predict wrongly.

    scikit-learn must be the very version: it promises nothing between any two, and a forest
    of 1.3.2 loads in 1.9.1 with mere warnings and predicts wrongly. So must the others in
    `EXACT`. numpy, joblib and the rest read what older ones of them wrote; numpy's and pandas'
    major versions do not.

    Args:
        required: the version of each package that the artefact was made with.
        installed: the versions that are installed, of the same packages.
    """
    for package, version in required.items():
        if not _is_compatible(package, version, installed[package]):
            yield Mismatch(package, version, installed[package])


def to_requirement(package: str, version: str) -> str:
    """Say which versions of a package an artefact loads with, if it was made with *version*."""
    if package in EXACT:
        return f"{package}=={version}"
    limit = f",<{_read_release(version)[0] + 1}" if package in _ONE_MAJOR else ""
    return f"{package}>={version}{limit}"


def _is_compatible(package: str, required: str, installed: str) -> bool:
    if package in EXACT:
        return installed == required
    oldest, release = _read_release(required), _read_release(installed)
    return release >= oldest and (package not in _ONE_MAJOR or release[0] == oldest[0])


def _read_release(version: str) -> tuple[int, ...]:
    # A pre-release counts as its release, and 2.4 as 2.4.0.
    numbers = _RELEASE.match(version)
    return (*map(int, numbers[0].split(".")), 0, 0)[:4] if numbers else (0,)


def _read_file(document: object) -> File:
    match document:
        case {
            "sha256": str(sha256),
            "size": int(size),
            "format": str(kind),
        } if _DIGEST.fullmatch(sha256):
            return File(sha256, size, kind)
    raise ValueError(_NOT_ONE)


def _read_versions(
    versions: Mapping[object, object], chief: File | None, files: Mapping[str, File]
) -> dict[str, str]:
    kinds = {each.format for each in (*files.values(), *([chief] if chief else []))}
    names = dict.fromkeys(PACKAGES if kinds & _OF_ESTIMATORS else ())
    names |= dict.fromkeys(map(str, versions))
    return {name: _pick(versions, name) for name in names if name not in _UNCHECKED}


def _is_inside(name: object) -> bool:
    # A file elsewhere is none of the model's.
    return isinstance(name, str) and {"", ".", ".."}.isdisjoint(name.split("/"))


def _pick(versions: Mapping[object, object], name: str) -> str:
    version = versions.get(name)
    if not _NAME.fullmatch(name):
        message = "a name in it is not that of a package"
        raise ValueError(message)
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        message = f"no version of {name} in it"
        raise ValueError(message)
    return version
