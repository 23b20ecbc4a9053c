"""Which addresses hold a secret, and that the refusal never shows it."""

from __future__ import annotations

import json
import time

import pytest

from trainwheel.errors import LockfileError
from trainwheel.requirements.addresses import find_field_secrets, find_secret
from trainwheel.requirements.lockfile import parse_lockfile
from trainwheel.requirements.pipfile import parse_pipfile

# Shaped as GitHub's tokens are, and made up.
GITHUB = "ghp_" + "a1B2c3D4e5F6" * 3
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjaSIsImEiOjF9.c2lnbmF0dXJlLW1hZGUtdXA"
SECRET = "s3cret-Value"

_USERS = (
    *(f"user:{SECRET}", SECRET, f"{SECRET}:", f"{SECRET}:x-oauth-basic", f":{SECRET}"),
    *(f"me@corp.example:{SECRET}", f"me%40corp.example:{SECRET}", f"me%3A{SECRET}"),
    *(f"me:p/{SECRET}", f"me:1%2F{SECRET}", f"me:p#{SECRET}", f"me:p?{SECRET}"),
    *(f"me:{SECRET} with blanks", f"me:pässwörd-{SECRET}", f"me:$s{SECRET}", f"me:a://{SECRET}"),
    *(f"${{USER}}:{SECRET}", f"me:${{PASS:-{SECRET}}}", f"me:${{PASS}}{SECRET}"),
    *(f"me:%24%7B{SECRET}%7D", f"me:\udcff{SECRET}"),
)
_PARAMETERS = (
    *("?token=", "?TOKEN=", "?ref=main&private_token=", "?a=1;access_token=", "?accessToken="),
    *("?%74oken=", "?%2574oken=", "%3Ftoken%3D", "?X-Amz-Expires=9&X-Amz-Signature="),
    *("?X-Amz-Security-Token=", "?X-Goog-Signature=", "?Expires=1&Key-Pair-Id=K&Signature="),
    *("?sv=2024&sig=", "?api_key=", "?apikey=", "?key=", "?client-secret=", "?password=", "?auth="),
    *(";token=", "#egg=a&token=", "#token=", "?user=me&pw=", "?passphrase="),
    "?hdnea=exp=1~acl=/*~hmac=",
)
SECRETS = [
    *(f"https://{user}@x.example/a.whl" for user in _USERS),
    *(f"https://x.example/a.whl{parameter}{SECRET}" for parameter in _PARAMETERS),
    f"git+https://{SECRET}@x.example/o/a.git@v1#egg=a",
    *(f"GIT+HTTPS://{SECRET}@x.example/o/a.git", f"hg+http://me:{SECRET}@x.example/a"),
    *(f"ssh://git:{SECRET}@x.example/o/a.git", f"svn+ssh://me:{SECRET}@x.example/a"),
    *(f"ftp://me:{SECRET}@x.example/a.tar.gz", f"file://me:{SECRET}@server/share/a.whl"),
    *(f"https://me:{SECRET}@[2001:db8::1]:8443/a.whl", f"https://me:{SECRET}@[2001:db8::1/a.whl"),
    *(f"${{SCHEME}}://me:{SECRET}@x.example/a.whl", f"me:{SECRET}@x.example/o/a.git"),
    f"me:{SECRET}@x.example:o/a.git",
    f"@ https://me:{SECRET}@x.example/a.whl ; python_version > '3'",
    f"file:///mnt/a.whl?token={SECRET}",
    f"https://x.example/get?from=https://me:{SECRET}@y.example/a.whl",
    f"https://x.example/get?from=https%3A%2F%2Fme%3A{SECRET}%40y.example/a.whl",
    *(f"https://[::1]/a.whl?token={SECRET}", f"git+ssh://git@x.example/o/a.git?token={SECRET}"),
    *(f"git@x.example:o/a.git?token={SECRET}", f"dist/a.whl?token={SECRET}"),
    *(f"https:/me:{SECRET}@x.example/a.whl", f"https:me:{SECRET}@x.example/a.whl"),
    *(f"https:\\\\me:{SECRET}@x.example\\a.whl", f"//me:{SECRET}@x.example/a.whl"),
    *(f"https://x.example/{GITHUB}/a.whl", f"git+ssh://{GITHUB}@x.example/o/a.git"),
    *(f"https://x.example/a.whl?code={GITHUB}", f"https://x.example/a.whl?x={JWT}"),
]

HARMLESS = [
    *("", "==1.2.3", "pypi", "sha256:0123", "python_version >= '3.9'"),
    *("https://x.example/a-1.0-py3-none-any.whl", "https://x.example:8443/simple"),
    *("https://[2001:db8::1]:8443/a@1.whl", "https://x.example/a.whl#sha256=0123abcd"),
    "https://x.example/a.zip?ref=main&inline=false&X=#egg=a&subdirectory=b",
    "https://x.example/a.whl?token=",
    "https://x.example/token/secret.whl?author=me&monkey=1#egg=token-auth",
    *("https://x.example/o/a.git@v1", "https://x.example:8443/o/a.git@feature/token"),
    *("https://git@x.example/o/a.git", "git+https://git:@x.example/o/a.git"),
    *("ssh://git@x.example/o/a.git@v1", "git+ssh://git@[::1]:22/o/a.git@v1"),
    *("git+ssh://me@x.example:o/a.git@v1", "git+ssh://x.example:o/a.git@v1"),
    *("git@x.example:o/a.git", "me@x.example:o/a.git@v1", "x.example:o/a.git@v1.0"),
    *("git://x.example/o/a.git", "https://x.example//o//a@b:c/d.whl"),
    *("https://x.example/~me/a.whl?tokenizer=bert", "svn://me@x.example/a"),
    *("sftp://me@x.example/a", "rsync://me@x.example/a", "ftp://git@x.example/a"),
    "A model; the key = a number / more & secret = none",
    *("file:///home/me@work/a:b@c.whl", "file:./dist/a.whl", "./lib@2", "../a:b/c@d", "@\ud800/"),
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
def test_an_address_without_a_secret_passes(address: str) -> None:
    assert find_secret(address) == ""
    assert find_secret(address, variables=False) == ""


@pytest.mark.parametrize("address", VARIABLES)
def test_the_name_of_a_variable_passes_where_it_may_stand_for_a_secret(address: str) -> None:
    assert find_secret(address) == ""
    assert find_secret(address, variables=False).startswith("a ") or "${HOST}" in address
    entry, url = {"a": {"file": address}}, json.dumps(address)
    parse_pipfile(f"[[source]]\nname = 'x'\nurl = {url}\n[packages]\na = {{file = {url}}}\n")
    meta = {"sources": [{"name": "x", "url": address}]}
    parse_lockfile(json.dumps({"_meta": meta, "default": entry}))


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (f"https://me:{SECRET}@x.example/", "a password"),
        (f"https://{SECRET}@x.example/", "a user name or token"),
        (f"https://x.example/?token={SECRET}", "a token"),
        (f"https://x.example/{GITHUB}", "a token"),
    ],
)
def test_the_kind_of_secret_is_named(address: str, kind: str) -> None:
    assert find_secret(address) == kind


URL = f"https://me:{SECRET}@x.example/a.whl"
TOML = json.dumps(URL)


def _lock(*, meta: object = None, **categories: object) -> str:
    return json.dumps({"_meta": {"sources": meta}, **categories})


@pytest.mark.parametrize(
    ("pipfile", "lock", "place"),
    [
        *(
            (f"[test]\n'My.Pkg' = {{{key} = {TOML}}}", "", "Pipfile: [test] My.Pkg has a password")
            for key in ("file", "git", "path", "index", "version", "ref", TOML)
        ),
        *(
            ("", _lock(develop={"My.Pkg": entry}), "Pipfile.lock: [dev-packages] My.Pkg has a pass")
            for entry in (URL, {"file": URL}, {"git": URL, "editable": True}, {"x": {"y": [URL]}})
        ),
        (f"[packages]\na = {TOML}", "", "Pipfile: [packages] a has a password"),
        (f"[packages]\n{TOML} = '*'", "", "Pipfile: [packages] a package has a password"),
        ("", _lock(default={URL: {}}), "Pipfile.lock: [packages] a package has a password"),
        (f"[[source]]\nurl = {TOML}", "", "Pipfile: [[source]] 1 has a password"),
        ("", _lock(meta=[{}, {"name": "corp", "url": URL}]), "source corp of _meta has a password"),
        ("", _lock(meta=[{"name": URL}]), "source 1 of _meta has a password"),
        ("", _lock(meta=[URL]), "source 1 of _meta has a password"),
        ("", _lock(meta={"url": URL}), "source 1 of _meta has a password"),
    ],
)
def test_a_file_with_a_secret_is_refused_by_its_place(pipfile: str, lock: str, place: str) -> None:
    with pytest.raises(LockfileError) as caught:
        parse_lockfile(lock) if lock else parse_pipfile(pipfile)
    assert place in caught.value.message
    assert SECRET not in f"{caught.value.message}; {caught.value.hint}"
    assert ("${NAME}" in caught.value.hint) is ("source" in place)


@pytest.mark.parametrize("sources", [{}, "x", 3, [None, "x", {"url": 3}], {"url": []}])
def test_sources_of_another_shape_hold_none(sources: object) -> None:
    assert parse_lockfile(_lock(meta=sources)).categories == {}


def test_the_fields_of_a_wheel_are_searched_and_its_description_is_not() -> None:
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
    # Fields without a description, and not in UTF-8.
    page = f"Home-page: https://me:ä{SECRET}@x.example/\n"
    assert len(find_field_secrets(page.encode("latin-1"))) == 1


@pytest.mark.parametrize(
    ("scheme", "text"), [("x://", ":"), ("x://", "a:"), ("", "%25"), ("", "http:")]
)
def test_the_time_does_not_explode_with_the_length(scheme: str, text: str) -> None:
    started = time.process_time()

    find_secret(f"{scheme}{text * 50_000}@")

    assert time.process_time() - started < 2
