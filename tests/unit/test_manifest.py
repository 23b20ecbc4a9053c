"""A manifest is read or refused, and says which versions an artefact loads with."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncology_model.manifest import PACKAGES, File, find_mismatches, parse_manifest, to_requirement

MADE = {"scikit-learn": "1.9.1", "numpy": "2.4.6", "joblib": "1.6.0"}
MORE = {"lightgbm": "4.7.0", "imbalanced-learn": "0.14.2", "pandas": "3.1.1", "pyarrow": "24.0"}
SOUND: dict[str, object] = {
    "schema": 1,
    "format": "joblib",
    "sha256": "0123456789abcdef" * 4,
    "size": 2369,
    "versions": MADE,
    "python": "3.11.7",
}
TEXTS = st.sampled_from(["", "scikit-learn", "1.9.1", "\x1b[2J", "\n", "\u202e\ud800é"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=9,
)


def write(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_sound_manifest_is_read() -> None:
    manifest = parse_manifest(write(SOUND))
    assert manifest.chief == File("0123456789abcdef" * 4, 2369, "joblib")
    assert (manifest.files, manifest.versions) == ({}, MADE)


FILE = {"sha256": "0123456789abcdef" * 4, "size": 0, "format": "unknown"}


def test_the_files_of_an_artefact_are_read_and_a_folder_has_no_chief_one() -> None:
    files = {"model.joblib": FILE, 'words/a b,"é.json': FILE}
    folder = {key: SOUND[key] for key in ("schema", "versions", "python")} | {"files": files}

    manifests = [parse_manifest(write(each)) for each in (SOUND | {"files": files}, folder)]

    assert [manifest.files.keys() for manifest in manifests] == [files.keys()] * 2
    assert manifests[1].chief is None
    assert manifests[0].chief is not None


def test_fields_and_packages_that_no_model_is_bound_to_are_passed_over() -> None:
    more = SOUND | {"platform": "x", "versions": MADE | {"scipy": "1.17.0"}}
    assert parse_manifest(write(more)) == parse_manifest(write(SOUND))


def test_all_other_packages_that_the_artefact_needs_are_read() -> None:
    versions = MADE | {"lightgbm": "4.7.0", "imbalanced-learn": "0.14.2"}
    assert parse_manifest(write(SOUND | {"versions": versions})).versions == versions


@pytest.mark.parametrize("name", ["", "A", "a b", "a;b", "-a", "a\n", "\ud800"])
def test_a_name_that_would_garble_a_message_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not that of a package"):
        parse_manifest(write(SOUND | {"versions": MADE | {name: "1.0"}}))


@pytest.mark.parametrize("name", [name for name in SOUND if name != "python"])
def test_a_missing_field_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a manifest of schema 1"):
        parse_manifest(write({key: value for key, value in SOUND.items() if key != name}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": 2},
        {"format": 1},
        {"files": []},
        {"files": {"a": {}}},
        {"files": {"a": FILE | {"size": "1"}}},
        *({"files": {name: FILE}} for name in ("../a", "/a", "", "a//b", "./a", "a/..")),
        {"sha256": "0123456789ABCDEF" * 4},
        {"sha256": "0" * 63},
        {"sha256": 0},
        {"size": "2369"},
        {"size": 2369.0},
        {"versions": []},
    ],
    ids=str,
)
def test_a_field_of_another_kind_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a manifest of schema 1"):
        parse_manifest(write(SOUND | wrong))


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("version", [None, 1.9, "", "one", "1.9.1 ", "1.9\n", "\ud800", "1" * 99])
def test_a_package_without_a_version_is_refused(package: str, version: object) -> None:
    versions = MADE | {package: version}
    with pytest.raises(ValueError, match=f"no version of {package} in it"):
        parse_manifest(write(SOUND | {"versions": versions}))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe{}",
        b"null",
        b"[" * 100_000,
        b'{"size": ' + b"9" * 5000 + b"}",
        write(SOUND)[:-1],
        write(SOUND) + b"}",
    ],
    ids=range(7),
)
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_manifest(content)


@settings(max_examples=50)
@given(st.binary() | JSON.map(write) | JSON.map(lambda value: write(SOUND | {"versions": value})))
def test_anything_else_is_refused_with_one_kind_of_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_manifest(content)


def test_a_manifest_with_any_one_byte_changed_is_read_or_refused_with_one_kind_of_error() -> None:
    sound = write(SOUND)
    # What JSON gives a meaning to, what nothing does, and two of the bits flipped.
    values = [{*b'"\\{}[],: 0-.e\0\xff', byte ^ 1, byte ^ 0x20} - {byte} for byte in sound]
    read = 0
    for position, value in ((p, value) for p, others in enumerate(values) for value in others):
        with contextlib.suppress(ValueError):
            parse_manifest(sound[:position] + bytes([value]) + sound[position + 1 :])
            read += 1
    # Where a digit is another one, but seldom beyond.
    assert 0 < read < 0.2 * sum(map(len, values))


@pytest.mark.parametrize(
    ("package", "found", "fits"),
    [
        ("scikit-learn", "1.9.1", True),
        ("scikit-learn", "1.9.2", False),
        ("scikit-learn", "1.9.1rc1", False),
        ("scikit-learn", "1.9.1.post1", False),
        ("scikit-learn", "1.3.2", False),
        ("numpy", "2.4.6", True),
        ("numpy", "2.4.10", True),
        ("numpy", "2.10.0", True),
        ("numpy", "2.5.0.dev0+git20260101", True),
        ("numpy", "2.4.5", False),
        ("numpy", "1.26.4", False),
        ("numpy", "3.0.0", False),
        ("joblib", "1.6.0", True),
        ("joblib", "1.6", True),
        ("joblib", "2.0.0", True),
        ("joblib", "1.5.3", False),
        ("joblib", "unknown", False),
        ("lightgbm", "4.7.0", True),
        ("lightgbm", "4.7.1", False),
        ("imbalanced-learn", "0.14.3", False),
        ("pandas", "3.2.0", True),
        ("pandas", "3.1.0", False),
        ("pandas", "4.0.0", False),
        ("pyarrow", "25.0", True),
        ("pyarrow", "23.0", False),
    ],
)
def test_versions_that_an_artefact_loads_with(package: str, found: str, *, fits: bool) -> None:
    made = MADE | MORE
    mismatches = list(find_mismatches(made, made | {package: found}))
    assert [mismatch.package for mismatch in mismatches] == ([] if fits else [package])


@pytest.mark.parametrize(
    ("package", "requirement"),
    [
        ("scikit-learn", "scikit-learn==1.9.1"),
        ("numpy", "numpy>=2.4.6,<3"),
        ("joblib", "joblib>=1.6.0"),
    ],
)
def test_a_mismatch_says_what_to_install(package: str, requirement: str) -> None:
    assert to_requirement(package, MADE[package]) == requirement
    (mismatch,) = find_mismatches(MADE, MADE | {package: "0.1"})
    assert (mismatch.requirement, mismatch.installed) == (requirement, "0.1")
