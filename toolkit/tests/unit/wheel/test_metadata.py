"""Looking into real wheels, whole and damaged."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.wheel.metadata import (
    dist_info_of,
    list_members,
    read_member,
    read_name,
    read_names,
    read_pythons,
    read_release_key,
    read_requirements,
    with_contact,
    with_description,
)
from unit.wheels import provenance_of, write_wheel

DIST_INFO = "tiny_model-0.1.0.dist-info/"
PROVENANCE = f"{DIST_INFO}trainwheel/provenance.json"


@pytest.mark.parametrize(("filename", "name", "version"), [
    ("oncology_model-0.1.174-py3-none-any.whl", "oncology-model", "0.1.174"),
    ("Oncology.Model-1.0-py3-none-any.whl", "oncology-model", "1.0"),
    ("a-1!2.0rc1+local.1-7-cp311-cp311-manylinux_2_17_x86_64.whl", "a", "1!2.0rc1+local.1"),
])  # fmt: skip
def test_a_name_is_normalised(filename: str, name: str, version: str) -> None:
    assert read_name(Path("build/dist") / filename) == (name, version)


@pytest.mark.parametrize(
    "filename", ["", "model.whl", "model-1.0.whl", "model-1.0-py3-none-any.zip", "a-b-c-d-e.whl"]
)
def test_what_is_not_named_as_a_wheel_is_says_so(filename: str) -> None:
    with pytest.raises(ConfigurationError, match="does not have the name of a wheel"):
        read_name(Path("dist") / filename)


def test_every_name_that_a_wheel_has_is_told(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "Tiny_Model")
    assert read_names(wheel) == {"tiny-model"}

    renamed = wheel.rename(tmp_path / "other_model-0.1.0-py3-none-any.whl")
    assert read_names(renamed) == {"tiny-model", "other-model"}


def test_members_are_listed_sorted_and_without_folders(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, members={"tiny_model/z/": b"", "tiny_model/a.py": b""})

    metadata = [f"{DIST_INFO}{name}" for name in ("METADATA", "RECORD", "WHEEL")]
    assert list_members(wheel) == (*metadata, "tiny_model/__init__.py", "tiny_model/a.py")


@pytest.mark.parametrize("requires", [
    (), ("six<2,>=1.16",), ("six; python_version < '4'", "joblib[x]==1.0"),
    ("café @ file:///tmp/ü",),
])  # fmt: skip
def test_requirements_are_read_in_order(tmp_path: Path, requires: tuple[str, ...]) -> None:
    assert read_requirements(write_wheel(tmp_path, requires=requires)) == requires


@pytest.mark.parametrize(("requires", "classifiers", "promised"), [
    ("", (), "3.11"), (">=3.10", (), "3.10 3.11"), (">=3.12.3", ("3.12",), "3.11 3.12"),
    (">=3.10", ("3", "3.9", "3.10", "3.13", "3 :: Only"), "3.10 3.11 3.13"),
    (">=3.11,<3.14", ("3.11",), "3.11 3.12 3.13"), (">=3.11, !=3.12.*, <=3.13.1", (), "3.11 3.13"),
    ("<3.13", ("3.12",), "3.11 3.12"), ("~=3.11", (), "3.11"), ("==3.11.7", (), "3.11"),
])  # fmt: skip
def test_promised_pythons_stand_in_requires_python_and_classifiers(
    tmp_path: Path, requires: str, classifiers: tuple[str, ...], promised: str
) -> None:
    lines = [f"Classifier: Programming Language :: Python :: {each}" for each in classifiers]
    lines += [f"Requires-Python: {requires}"] if requires else []

    wheel = write_wheel(tmp_path, headers="\n".join(lines))

    assert read_pythons(wheel, "3.11") == tuple(promised.split())


@pytest.mark.parametrize(("text", "key"), [
    (None, None), (*provenance_of("ab" * 32).values(), "ab" * 32),
    (b'{"schema": 1, "release_key": "abc"}', "abc"),
    (b'{"schema": 2, "release_key": "abc", "more": 1}', "abc"), (b"{}", None),
    (b'{"release_key": 3}', None), (b"[]", None), (b"null", None), (b"nonsense", None),
    (b"[" * 100_000, None), (b"9" * 10_000, None), (b"\xff", None), (b"", None),
])  # fmt: skip
def test_a_release_key_is_read_where_there_is_one(
    tmp_path: Path, text: bytes | None, key: str | None
) -> None:
    wheel = write_wheel(tmp_path, members={} if text is None else {PROVENANCE: text})

    assert read_release_key(wheel) == key


def test_metadata_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    wheel = tmp_path / "tiny_model-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{DIST_INFO}METADATA", b"Name: a\nRequires-Dist: caf\xe9\n")

    with pytest.raises(ConfigurationError, match="METADATA is not UTF-8"):
        read_requirements(wheel)


def test_a_wheel_with_two_metadata_folders_is_no_wheel(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, members={"other-1.0.dist-info/METADATA": b""})

    with pytest.raises(ConfigurationError, match=r"it has other-1.0.dist-info and tiny_model-0"):
        dist_info_of(wheel)


def test_a_member_is_read_by_its_name_in_the_metadata_folder(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, members={f"{DIST_INFO}sboms/a": b"123456789"})

    assert dist_info_of(wheel) == DIST_INFO
    assert read_member(wheel, "sboms/a") == read_member(wheel, "sboms/a", limit=9) == b"123456789"
    with pytest.raises(ConfigurationError, match=r"sboms/a.*larger than 8 B"):
        read_member(wheel, "sboms/a", limit=8)
    with pytest.raises(ConfigurationError, match=r"does not have .*absent"):
        read_member(wheel, "absent")


def read_metadata(wheel: Path) -> bytes:
    return read_member(wheel, "METADATA")


READERS: list[Callable[[Path], object]] = [read_requirements, read_release_key, read_metadata]


def become_folder(wheel: Path) -> None:
    wheel.unlink()
    wheel.mkdir()


def become_text(wheel: Path) -> None:
    wheel.write_text("<html>please log in</html>")


@pytest.mark.parametrize("read", [*READERS, list_members, dist_info_of])
@pytest.mark.parametrize("damage", [Path.unlink, become_text, become_folder])
def test_what_is_no_wheel_is_named_in_one_line(
    tmp_path: Path, damage: Callable[[Path], object], read: Callable[[Path], object]
) -> None:
    wheel = write_wheel(tmp_path)
    damage(wheel)

    with pytest.raises(ConfigurationError) as caught:
        read(wheel)

    assert str(wheel) in caught.value.message
    assert "readable wheel" in caught.value.message or "does not exist" in caught.value.message


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("at", [0, 10])
def test_a_wheel_whose_bytes_have_rotted_is_named_in_one_line(
    tmp_path: Path, read: Callable[[Path], object], at: int
) -> None:
    wheel = write_wheel(tmp_path, requires=["six"] * 50, members={PROVENANCE: b'{"x": "y"}' * 9})
    with zipfile.ZipFile(wheel) as archive:
        places = [info.header_offset + 30 + len(info.filename) for info in archive.infolist()]
    data = bytearray(wheel.read_bytes())
    for place in places:
        data[place + at] ^= 0x5A
    wheel.write_bytes(data)

    with pytest.raises(ConfigurationError, match="is not a readable wheel"):
        read(wheel)


@pytest.mark.parametrize("read", READERS)
def test_an_archive_without_metadata_is_no_wheel(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/METADATA", "")
        archive.writestr("deep/a-1.0.dist-info/METADATA", "")

    with pytest.raises(ConfigurationError, match="is not a wheel: it has no METADATA"):
        read(path)


HEAD = b"Metadata-Version: 2.4\nName: a\nVersion: 1\nSummary: s"
CARD = "# a\n\nTells benign from malignant. \u00e4\n\nName: b\n".encode()
MARKDOWN = b"\nDescription-Content-Type: text/markdown; charset=UTF-8; variant=GFM\n\n"


@pytest.mark.parametrize("metadata", [
    # What setuptools writes without any description: nothing ends the fields.
    HEAD + b"\n", HEAD, HEAD + b"\n\n", HEAD + b"\n\n\n", HEAD + b"\n\nT\n=\n\n.. note:: x\n",
    HEAD.replace(b"\n", b"\r\n") + b"\r\n\r\nT\r\n=\r\n",
    b"Description-Content-Type: text/x-rst\n" + HEAD + b"\n\nT\n=\n",
    HEAD + b"\nDescription-Content-Type: text/plain\n\nT\n",
    HEAD + b"\nDESCRIPTION-CONTENT-TYPE: text/markdown;\n charset=UTF-8\n\n# T\n",
    HEAD + b"\nDescription: T\n        =\n        \n        Name: c\n",
    HEAD + b"\nDescription: T\n       |=\nDescription-Content-Type: text/x-rst\n",
])  # fmt: skip
def test_a_description_is_replaced_with_its_content_type(metadata: bytes) -> None:
    assert with_description(metadata, CARD) == HEAD + MARKDOWN + CARD


def test_fields_of_several_lines_stay() -> None:
    held = b"\nLicense: x\n        \n        Description: y\nDynamic: description"

    assert with_description(HEAD + held + b"\n", CARD) == HEAD + held + MARKDOWN + CARD


ASK_ANN = b"\nMaintainer-email: Ann <a@x.org>"


@pytest.mark.parametrize(("contact", "line"), [
    (" Ann <a@x.org>\n", ASK_ANN), ("<a@x.org>", b"\nMaintainer-email: <a@x.org>"),
    ("a@x.org", b"\nMaintainer-email: a@x.org"),
    ("Änn <a@x.org>", "\nMaintainer-email: Änn <a@x.org>".encode()),
    ("https://x.org/a?b", b"\nProject-URL: Contact, https://x.org/a?b"),
    *((text, b"") for text in (
        "", "Ann", "Ann, a@x.org", "A <a@x.org>, B <b@x.org>", "see https://x.org",
        "Ann <a@x.org>\nLicense: MIT", "A\nB <a@x.org>", "https://x.org\nName: b", "ftp://x.org",
    )),
])  # fmt: skip
def test_whom_to_ask_is_a_field_where_it_is_an_address(contact: str, line: bytes) -> None:
    for rest in (b"\n", b"\n\nText\n\nMaintainer-email: in the text\n"):
        assert with_contact(HEAD + rest, contact) == HEAD + line + rest


@pytest.mark.parametrize(("field", "contact"), [
    (b"\nmaintainer-email: b@x.org", "a@x.org"),
    (b"\nProject-URL: Contact, https://b", "https://a"),
])  # fmt: skip
def test_whom_to_ask_stays_as_the_project_itself_says(field: bytes, contact: str) -> None:
    assert with_contact(HEAD + field + b"\n", contact) == HEAD + field + b"\n"
