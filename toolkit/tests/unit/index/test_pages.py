"""Project pages of simple indexes, as the servers in use write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.index.pages import (
    PublishedFile,
    files_like,
    parse_html,
    parse_json,
    parse_page,
    render_html,
    render_json,
)

URL = "https://host/repository/models/simple/demo-model/"
WHEEL = "demo_model-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("anchor", "url", "hashes"),
    [
        (
            f'<a href="../../packages/demo-model/1.0/{WHEEL}#sha256=AB12" rel="internal">x</a>',
            f"https://host/repository/models/packages/demo-model/1.0/{WHEEL}",
            {"sha256": "ab12"},
        ),
        (f'<a href="/p/{WHEEL}#md5=12">x</a>', f"https://host/p/{WHEEL}", {"md5": "12"}),
        (f'<A HREF="{WHEEL}">x</A>', f"{URL}{WHEEL}", {}),
        (f"<a href='https://files/{WHEEL}?a=1&amp;b=2'>x", f"https://files/{WHEEL}?a=1&b=2", {}),
        (f'<a href="  {WHEEL}  ">x</a>', f"{URL}{WHEEL}", {}),
    ],
)
def test_a_link_gives_address_and_digests(anchor: str, url: str, hashes: dict[str, str]) -> None:
    assert parse_html(anchor, URL) == (PublishedFile(WHEEL, url, hashes),)


@pytest.mark.parametrize("anchor", [
    '<a href="../">up</a>', "<a>nothing</a>", '<a href="">nothing</a>',
    '<a href="mailto:me@x.whl">x</a>', f'<a href="file:///{WHEEL}">x</a>',
    f'<a href="javascript:{WHEEL}">x</a>', f'<a href="..%2f..%2f{WHEEL}">x</a>',
    f'<a href="%00{WHEEL}">x</a>', f'<a href="http://[bad/{WHEEL}">x</a>',
    '<a href="help.html">x</a>',
])  # fmt: skip
def test_a_link_that_is_no_distribution_is_left_out(anchor: str) -> None:
    assert parse_html(anchor, URL) == ()


@pytest.mark.parametrize(("link", "is_signed", "metadata"), [
    (f"https://h/{WHEEL}", False, f"https://h/{WHEEL}.metadata"),
    (f"https://h/{WHEEL}?sig=s3cret", True, f"https://h/{WHEEL}.metadata?sig=s3cret"),
    (f"https://u:s3cret@h/{WHEEL}", True, f"https://u:s3cret@h/{WHEEL}.metadata"),
])  # fmt: skip
def test_an_address_that_opens_its_file_is_kept_and_not_shown(
    link: str, metadata: str, *, is_signed: bool
) -> None:
    (file,) = parse_html(f'<a href="{link}#sha256=1">x</a>', URL)

    assert (file.url, file.is_signed, file.metadata_url) == (link, is_signed, metadata)
    assert "s3cret" not in repr(file)
    row = ("/files/1", file)
    assert "s3cret" not in render_html([row]) + render_json("demo-model", [row])


def test_a_name_is_percent_decoded() -> None:
    (file,) = parse_html('<a href="demo-1.0%2Bcpu-py3-none-any.whl#sha256=1">x</a>', URL)
    assert file.filename == "demo-1.0+cpu-py3-none-any.whl"
    assert file.url.endswith("demo-1.0%2Bcpu-py3-none-any.whl")


def test_the_first_base_decides_where_links_start() -> None:
    page = f'<base href="/mirror/"><base href="/other/"><a href="{WHEEL}">x</a>'
    assert parse_html(page, URL)[0].url == f"https://host/mirror/{WHEEL}"


def test_a_login_page_is_not_an_empty_index() -> None:
    with pytest.raises(ValueError, match="login page"):
        parse_html('<form><input name="p" type="Password"></form>', URL)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            {"filename": WHEEL, "url": WHEEL, "hashes": {"sha256": "AB"}},
            PublishedFile(WHEEL, f"{URL}{WHEEL}", {"sha256": "ab"}),
        ),
        (
            {"filename": WHEEL, "url": f"/x/{WHEEL}#sha256=1", "hashes": {}, "yanked": "why"},
            PublishedFile(WHEEL, f"https://host/x/{WHEEL}", {}, {"yanked": "why"}),
        ),
        (
            {"filename": WHEEL, "url": WHEEL, "hashes": None, "yanked": False, "size": 1},
            PublishedFile(WHEEL, f"{URL}{WHEEL}", {}, {"yanked": False}),
        ),
        ({"filename": f"../{WHEEL}", "url": WHEEL}, None),
        ({"filename": WHEEL}, None),
        ({"filename": 1, "url": 2}, None),
        ("nonsense", None),
    ],
)
def test_a_json_entry_gives_address_and_digests(
    entry: object, expected: PublishedFile | None
) -> None:
    body = json.dumps({"meta": {"api-version": "1.4"}, "name": "demo", "files": [entry]})
    assert parse_json(body.encode(), URL) == (() if expected is None else (expected,))


@pytest.mark.parametrize(("body", "problem"), [
    (b"", "Expecting value"), (b"<html>", "Expecting value"), (b"[]", "not a PEP 691 page"),
    (b"{}", "not a PEP 691 page"), (b'{"meta": {}}', "not a PEP 691 page"),
    (b'{"meta": {"api-version": "2.0"}, "files": []}', "newer format"),
    (b'{"meta": {}, "files": {}}', "not a PEP 691 page"), (b"\xff\xfe\xff", "decode"),
])  # fmt: skip
def test_what_is_no_json_page_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_json(body, URL)


@pytest.mark.parametrize(("content_type", "body", "count"), [
    ("application/vnd.pypi.simple.v1+json", b'{"meta":{},"files":[]}', 0),
    ("application/json; charset=utf-8", b'{"meta":{},"files":[]}', 0),
    ("text/html; charset=UTF-8", f'<a href="{WHEEL}">'.encode(), 1),
    ("application/vnd.pypi.simple.v1+html", f'<a href="{WHEEL}">'.encode(), 1),
    ("", f'<a href="{WHEEL}">'.encode(), 1),
])  # fmt: skip
def test_the_content_type_chooses_the_parser(content_type: str, body: bytes, count: int) -> None:
    assert len(parse_page(body, content_type, URL)) == count


def test_another_content_type_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        parse_page(b"OK", "text/plain", URL)


@pytest.mark.parametrize(("filename", "is_same"), [
    (WHEEL, True), ("Demo.Model-1.0-py3-none-any.whl", True),
    ("demo_model-1.0.0-py3-none-any.whl", True), ("demo_model-1.0-1-py3-none-any.whl", False),
    ("demo_model-1.0-cp311-none-any.whl", False), ("demo_model-1.1-py3-none-any.whl", False),
    ("demo_models-1.0-py3-none-any.whl", False), ("demo_model-1.0.tar.gz", False),
    ("nonsense.whl", False),
])  # fmt: skip
def test_wheels_are_matched_part_by_part(filename: str, is_same: bool) -> None:  # noqa: FBT001 - a table
    assert bool(files_like([PublishedFile(filename, URL)], WHEEL)) is is_same


@given(st.text())
def test_any_page_is_parsed_or_refused(text: str) -> None:
    for file in parse_html(f'{text}<a href="{text}.whl">', URL):
        assert "/" not in file.filename


def test_what_installers_heed_is_kept_in_its_json_form() -> None:
    attributes = (
        'data-requires-python="&gt;=3.9" data-yanked data-core-metadata="sha256=ab"'
        ' data-dist-info-metadata="true" data-else="x"'
    )

    file, plain = parse_html(f'<a href="{WHEEL}" {attributes}>x</a><a href="{WHEEL}">x</a>', URL)

    assert (file.is_yanked, plain.is_yanked, plain.further) == (True, False, {})
    assert file.further == {
        "requires-python": ">=3.9",
        "yanked": True,
        "core-metadata": {"sha256": "ab"},
        "dist-info-metadata": True,
    }


@pytest.mark.parametrize("further", [
    {}, {"requires-python": ">=3.9,<4"}, {"yanked": 'bad "quotes"'},
    {"yanked": True, "core-metadata": {"sha256": "ab"}}, {"core-metadata": True},
])  # fmt: skip
@pytest.mark.parametrize("hashes", [{}, {"sha256": "ab"}, {"md5": "cd"}])
def test_a_page_that_is_written_is_read_as_the_same(
    further: dict[str, object], hashes: dict[str, str]
) -> None:
    url = f"https://host/files/1/{WHEEL}"
    file = PublishedFile(WHEEL, url, hashes, further)

    assert parse_html(render_html([(url, file)]), URL) == (file,)
    assert parse_json(render_json("demo-model", [(url, file)]).encode(), URL) == (file,)
