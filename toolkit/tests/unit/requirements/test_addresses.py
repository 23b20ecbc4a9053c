"""Which addresses hold a secret, and that the refusal never shows it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from trainwheel.errors import LockfileError
from trainwheel.requirements.addresses import find_field_secrets, find_secret
from trainwheel.requirements.lockfile import parse_lockfile
from trainwheel.requirements.pipfile import parse_pipfile

# Shaped as GitHub's tokens are, and made up.
GITHUB = "ghp_" + "a1B2c3D4e5F6" * 3
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjaSIsImEiOjF9.c2lnbmF0dXJlLW1hZGUtdXA"
SECRET = "s3cret-Value"

SECRETS = [
    f"https://user:{SECRET}@x.example/a.whl",
    f"https://{SECRET}@x.example/a.whl",
    f"https://{SECRET}:@x.example/a.whl",
    f"https://{SECRET}:x-oauth-basic@x.example/o/a.git",
    f"https://:{SECRET}@x.example/a.whl",
    f"git+https://{SECRET}@x.example/o/a.git@v1#egg=a",
    f"GIT+HTTPS://{SECRET}@x.example/o/a.git",
    f"hg+http://me:{SECRET}@x.example/a",
    f"ssh://git:{SECRET}@x.example/o/a.git",
    f"svn+ssh://me:{SECRET}@x.example/a",
    f"ftp://me:{SECRET}@x.example/a.tar.gz",
    f"file://me:{SECRET}@server/share/a.whl",
    f"https://me:{SECRET}@[2001:db8::1]:8443/a.whl",
    f"https://me:{SECRET}@[2001:db8::1/a.whl",
    f"https://me@corp.example:{SECRET}@x.example/a.whl",
    f"https://me%40corp.example:{SECRET}@x.example/a.whl",
    f"https://me%3A{SECRET}@x.example/a.whl",
    f"https://me:p/{SECRET}@x.example/a.whl",
    f"https://me:1%2F{SECRET}@x.example/a.whl",
    f"https://me:p#{SECRET}@x.example/a.whl",
    f"https://me:p?{SECRET}@x.example/a.whl",
    f"https://me:{SECRET} with blanks@x.example/a.whl",
    f"https://me:pässwörd-{SECRET}@x.example/a.whl",
    f"https://${{USER}}:{SECRET}@x.example/a.whl",
    f"https://me:${{PASS:-{SECRET}}}@x.example/a.whl",
    f"https://me:${{PASS}}{SECRET}@x.example/a.whl",
    f"https://me:$s{SECRET}@x.example/a.whl",
    f"https://me:%24%7B{SECRET}%7D@x.example/a.whl",
    f"${{SCHEME}}://me:{SECRET}@x.example/a.whl",
    f"me:{SECRET}@x.example/o/a.git",
    f"me:{SECRET}@x.example:o/a.git",
    f"@ https://me:{SECRET}@x.example/a.whl ; python_version > '3'",
    f"https://x.example/a.whl?token={SECRET}",
    f"https://x.example/a.whl?TOKEN={SECRET}",
    f"https://x.example/a.whl?ref=main&private_token={SECRET}#sha256=ab",
    f"https://x.example/a.whl?a=1;access_token={SECRET}",
    f"https://x.example/a.whl?accessToken={SECRET}",
    f"https://x.example/a.whl?%74oken={SECRET}",
    f"https://x.example/a.whl?%2574oken={SECRET}",
    f"https://x.example/a.whl%3Ftoken%3D{SECRET}",
    f"https://x.example/a.whl?X-Amz-Expires=9&X-Amz-Signature={SECRET}",
    f"https://x.example/a.whl?X-Amz-Security-Token={SECRET}",
    f"https://x.example/a.whl?X-Goog-Signature={SECRET}",
    f"https://x.example/a.whl?Expires=1&Key-Pair-Id=K&Signature={SECRET}",
    f"https://x.example/a.whl?sv=2024&sig={SECRET}",
    f"https://x.example/a.whl?api_key={SECRET}",
    f"https://x.example/a.whl?apikey={SECRET}",
    f"https://x.example/a.whl?key={SECRET}",
    f"https://x.example/a.whl?client-secret={SECRET}",
    f"https://x.example/a.whl?password={SECRET}",
    f"https://x.example/a.whl?auth={SECRET}",
    f"https://x.example/a.whl;token={SECRET}",
    f"https://x.example/a.whl#egg=a&token={SECRET}",
    f"https://x.example/a.whl#token={SECRET}",
    f"file:///mnt/a.whl?token={SECRET}",
    f"https://x.example/get?from=https://me:{SECRET}@y.example/a.whl",
    f"https://x.example/get?from=https%3A%2F%2Fme%3A{SECRET}%40y.example/a.whl",
    f"https://[::1]/a.whl?token={SECRET}",
    f"git+ssh://git@x.example/o/a.git?token={SECRET}",
    f"git@x.example:o/a.git?token={SECRET}",
    f"dist/a.whl?token={SECRET}",
    f"https:/me:{SECRET}@x.example/a.whl",
    f"https:me:{SECRET}@x.example/a.whl",
    f"https:\\\\me:{SECRET}@x.example\\a.whl",
    f"//me:{SECRET}@x.example/a.whl",
    f"https://x.example/a.whl?user=me&pw={SECRET}",
    f"https://x.example/a.whl?passphrase={SECRET}",
    f"https://x.example/a.whl?hdnea=exp=1~acl=/*~hmac={SECRET}",
    f"https://x.example/{GITHUB}/a.whl",
    f"git+ssh://{GITHUB}@x.example/o/a.git",
    f"https://x.example/a.whl?code={GITHUB}",
    f"https://x.example/a.whl?x={JWT}",
    f"https://me:a://{SECRET}@x.example/a.whl",
    f"https://me:\udcff{SECRET}@x.example/a.whl",
]

HARMLESS = [
    "",
    "==1.2.3",
    "pypi",
    "sha256:0123",
    "python_version >= '3.9'",
    "https://x.example/a-1.0-py3-none-any.whl",
    "https://x.example:8443/simple",
    "https://[2001:db8::1]:8443/a@1.whl",
    "https://x.example/a.whl#sha256=0123abcd",
    "https://x.example/a.zip?ref=main&inline=false&X=#egg=a&subdirectory=b",
    "https://x.example/a.whl?token=",
    "https://x.example/token/secret.whl?author=me&monkey=1#egg=token-auth",
    "https://x.example/o/a.git@v1",
    "https://x.example:8443/o/a.git@feature/token",
    "https://git@x.example/o/a.git",
    "git+https://git:@x.example/o/a.git",
    "ssh://git@x.example/o/a.git@v1",
    "git+ssh://git@[::1]:22/o/a.git@v1",
    "git+ssh://me@x.example:o/a.git@v1",
    "git+ssh://x.example:o/a.git@v1",
    "git@x.example:o/a.git",
    "me@x.example:o/a.git@v1",
    "x.example:o/a.git@v1.0",
    "git://x.example/o/a.git",
    "https://x.example//o//a@b:c/d.whl",
    "https://x.example/~me/a.whl?tokenizer=bert",
    "A model; the key = a number / more & secret = none",
    "file:///home/me@work/a:b@c.whl",
    "file:./dist/a.whl",
    "./lib@2",
    "../a:b/c@d",
    "@\ud800/",
]

VARIABLES = [
    "https://${USER}:${PASS}@x.example/simple",
    "https://$USER:${PASS}@x.example/simple",
    "https://${token}@x.example/simple",
    "https://__token__:${PASS}@x.example/simple",
    "https://ci:${A}${B}@x.example/simple",
    "https://${USER}:${PASS}@[::1]:${PORT}/simple",
    "https://${HOST}:${PORT}/o/a.git@v1",
    "https://x.example/a.whl?token=${TOKEN}&x=1",
    "git+https://${TOKEN}@x.example/o/a.git@v1#egg=a",
]


@pytest.mark.parametrize("address", SECRETS)
def test_a_secret_is_found(address: str) -> None:
    assert find_secret(address).startswith("a ")
    assert find_secret(address, variables=False).startswith("a ")


@pytest.mark.parametrize("address", HARMLESS)
def test_what_is_no_secret_passes(address: str) -> None:
    assert find_secret(address) == ""
    assert find_secret(address, variables=False) == ""


@pytest.mark.parametrize("address", VARIABLES)
def test_the_name_of_a_variable_is_no_secret(address: str) -> None:
    assert find_secret(address) == ""


@pytest.mark.parametrize("address", [v for v in VARIABLES if "${HOST}" not in v])
def test_a_variable_stands_for_a_secret_where_none_may_stand(address: str) -> None:
    assert find_secret(address, variables=False).startswith("a ")


def _refusal(pipfile: str | None = None, lock: dict[str, Any] | None = None) -> str:
    with pytest.raises(LockfileError) as caught:
        parse_pipfile(pipfile) if lock is None else parse_lockfile(json.dumps(lock))
    told = f"{caught.value.message}; {caught.value.hint}"
    assert SECRET not in told
    assert GITHUB not in told
    assert JWT not in told
    assert "\n" not in told
    return told


# TOML has no lone surrogates.
WRITABLE = [address for address in SECRETS if address.isprintable()]


@pytest.mark.parametrize("key", ["file", "git", "path", "index", "version", "ref"])
@pytest.mark.parametrize("address", WRITABLE)
def test_no_entry_of_a_file_may_hold_one(address: str, key: str) -> None:
    entry = {key: address, "editable": True}
    told = _refusal(lock={"_meta": {}, "develop": {"My.Pkg": entry}})
    assert told.startswith("Pipfile.lock: [dev-packages] My.Pkg has a ")

    told = _refusal(f"[test]\n'My.Pkg' = {{{key} = {json.dumps(address)}}}\n")
    assert told.startswith("Pipfile: [test] My.Pkg has a ")


@pytest.mark.parametrize("address", WRITABLE)
def test_no_source_may_hold_one(address: str) -> None:
    sources = [{"name": "pypi", "url": "https://x.example"}, {"name": "corp", "url": address}]
    told = _refusal(lock={"_meta": {"sources": sources}})
    assert told.startswith("Pipfile.lock: source corp of _meta has a ")

    told = _refusal(f"[[source]]\nurl = {json.dumps(address)}\n[packages]\n")
    assert told.startswith("Pipfile: [[source]] 1 has a ")
    assert "${NAME}" in told


@pytest.mark.parametrize("address", VARIABLES)
def test_files_may_name_variables(address: str) -> None:
    entry, source = json.dumps(address), f"[[source]]\nname = 'x'\nurl = {json.dumps(address)}\n"
    parse_pipfile(f"{source}[packages]\na = {{file = {entry}}}\n")
    meta = {"sources": [{"name": "x", "url": address}]}
    parse_lockfile(json.dumps({"_meta": meta, "default": {"a": {"file": address}}}))


def test_a_name_that_is_an_address_is_not_shown() -> None:
    address = f"https://me:{SECRET}@x.example/a.whl"
    assert "a package has a password" in _refusal(f"[packages]\n'{address}' = '*'\n")
    assert "a package has a password" in _refusal(lock={"_meta": {}, "default": {address: {}}})
    assert "source 1 of _meta" in _refusal(lock={"_meta": {"sources": [{"name": address}]}})
    assert "a has a password" in _refusal(f"[packages]\na = {{'{address}' = 1}}\n")


def test_a_plain_text_entry_is_judged_too() -> None:
    assert "a has a token" in _refusal(f"[packages]\na = 'https://x.example/a?token={SECRET}'\n")


@pytest.mark.parametrize("sources", [{}, "x", 3, [None, "x", {"url": 3}], {"url": []}])
def test_sources_of_another_shape_hold_none(sources: object) -> None:
    assert parse_lockfile(json.dumps({"_meta": {"sources": sources}})).categories == {}


@pytest.mark.parametrize("sources", [["https://me:s3cret-Value@x"], {"url": "https://a:b@c"}])
def test_sources_of_another_shape_are_judged(sources: object) -> None:
    assert "_meta has a password" in _refusal(lock={"_meta": {"sources": sources}})


def test_the_fields_of_a_wheel_are_judged_and_its_description_is_not() -> None:
    metadata = (
        "Metadata-Version: 2.4\nName: a\nAuthor-email: Me <me@x.example>\n"
        "Project-URL: Docs, https://x.example/~me@work\n"
        f"Requires-Dist: six @ https://me:{SECRET}@x.example/six.whl ; extra == 'x'\n"
        f"Download-URL: https://x.example/a.whl?sig={SECRET}\n"
        "License: x\n        see https://x.example/\n"
        "\nhttps://x.example/?token=shown-in-a-manual\n"
    )

    assert find_field_secrets(metadata.encode()) == (
        "METADATA has a password in an address of Requires-Dist",
        "METADATA has a token in an address of Download-URL",
    )


def test_fields_alone_and_fields_that_are_not_utf_8_are_judged() -> None:
    metadata = f"Home-page: https://me:ä{SECRET}@x.example/\n".encode("latin-1")

    assert len(find_field_secrets(metadata)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "x://" + ":" * 50_000,
        "x://" + "a:" * 50_000 + "@",
        "%25" * 20_000 + "@",
        "http:" * 20_000 + "@",
    ],
)
def test_the_time_does_not_explode_with_the_length(text: str) -> None:
    started = time.process_time()

    find_secret(text)

    assert time.process_time() - started < 2
