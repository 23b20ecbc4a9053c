"""What must not leave with a wheel is found, and what only looks like it is not."""

from __future__ import annotations

import base64
import itertools
import json
import marshal
import pickle
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.system.leaks import find_leaks, is_credential_file
from trainwheel.system.secrets import Secret

PASSWORD = "pa?ss:w|ord¿"
HOME = "/home/ci"
SECRET = "m/x holds the password of an index"
FOLDER = "m/x holds the path of a folder of this machine"
PIECE = 1 << 20

# Put together here, for scanners look at this file as well.
LETTERS = "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8bC0dF2hJ4kL6nP8rS0tU1xY3"
BODY = base64.b64encode(bytes(range(48))).decode()
BEGIN = "-----BEGIN " + "PRIVATE KEY-----"
RSA = "-----BEGIN RSA " + "PRIVATE KEY-----"
TOKENS = {
    "gh" + "p_" + LETTERS[:36]: "a token of GitHub",
    "gh" + "s_" + LETTERS[:36]: "a token of GitHub",
    "github_" + "pat_" + LETTERS[:22] + "_" + LETTERS + LETTERS[:8]: "a token of GitHub",
    "glp" + "at-" + LETTERS[:20]: "a token of GitLab",
    "AK" + "IA" + "QX4JZ2MNB7VCKD5E": "an access key of AWS",
    "xox" + "b-123456789012-" + LETTERS[:24]: "a token of Slack",
    "py" + "pi-AgE" + LETTERS * 3: "an upload token of a package index",
}


def find(
    *pieces: bytes, secrets: tuple[str, ...] = (PASSWORD,), folders: tuple[str, ...] = (HOME,)
) -> tuple[str, ...]:
    """Return what leaks from one member, whose name says nothing."""
    return find_leaks([("m/x", pieces)], secrets=[*map(Secret, secrets)], folders=folders)


@pytest.mark.parametrize("name", [
    *("m/.pypirc", ".netrc", "m/_netrc", "m/.env", "m/.env.production", "m/.ENV"),
    *("m/id_rsa", "m/id_ed25519", "m/id_ecdsa", "m/id_dsa", "m/client.p12", "m/Client.PFX"),
    *("m/release.keystore", "m/store.jks", "m/.aws/credentials", "m/credentials.json"),
    *("m/.npmrc", "m/.git-credentials", "m/.htpasswd", "m/pip.conf", "m/kubeconfig"),
    *("m/.docker/config.json", ".docker/config.json", "m/.kube/config"),
])  # fmt: skip
def test_a_file_is_known_by_its_name(name: str) -> None:
    assert is_credential_file(name)
    found = find_leaks([(name, [b"x"])], secrets=(), folders=())
    assert found == (f"{name} looks like a file with credentials",)


@pytest.mark.parametrize("name", [
    *("m/credentials.py", "m/environment.py", "m/config.json", "m/env", "m/key.json"),
    *("m/docker/config.json", "m/ca.pem", "m/public.key", "m/id_rsa.py", "m/.env.example"),
    *("m/my_credentials.json", "m-1.dist-info/METADATA", "m/netrc.py", "m/.environment"),
])  # fmt: skip
def test_a_file_of_another_name_is_no_credential_file(name: str) -> None:
    assert not is_credential_file(name)


@pytest.mark.parametrize(
    "data",
    [
        f"{BEGIN}\n{BODY}\n".encode(), f"{RSA}\r\n{BODY}\r\n".encode(),
        f"{RSA}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n{BODY}\n".encode(),
        json.dumps({"private_key": f"{BEGIN}\n{BODY}\n"}).encode(),
        f'KEY = (\n    "{BEGIN}\\n"\n    "{BODY}\\n"\n)'.encode(),
        b"-----BEGIN PGP " + f"PRIVATE KEY BLOCK-----\nVersion: 2\n\n{BODY}\n".encode(),
        pickle.dumps(f"{BEGIN}\n{BODY}\n"),
    ],
)  # fmt: skip
def test_a_private_key_is_found(data: bytes) -> None:
    assert find(data) == ("m/x holds a private key",)


@pytest.mark.parametrize(
    "text",
    [
        f"if text.startswith('{BEGIN}'): raise ValueError", f"{BEGIN}\n...\n",
        f"{BEGIN}\n{'x' * 64}\n", f"-----BEGIN PUBLIC KEY-----\n{BODY}\n",
        f"-----BEGIN CERTIFICATE-----\n{BODY}\n",
    ],
)  # fmt: skip
def test_what_tells_of_a_private_key_is_none(text: str) -> None:
    assert find(text.encode()) == ()


@pytest.mark.parametrize(("token", "what"), TOKENS.items())
@pytest.mark.parametrize(
    "wrap",
    [
        lambda token: token.encode(), lambda token: f'TOKEN = "{token}"\n'.encode(),
        lambda token: f"https://ci:{token}@git.test/x".encode(),
        lambda token: json.dumps(f"first\n{token}").encode(),
        lambda token: b"\0\1" + pickle.dumps({"token": token}),
    ],
)  # fmt: skip
def test_a_token_is_found(token: str, what: str, wrap: Callable[[str], bytes]) -> None:
    assert find(wrap(token)) == (f"m/x holds {what}",)


@pytest.mark.parametrize(
    "text",
    [
        *(token[:-1] for token in TOKENS if token.startswith(("gh", "gl", "AK"))),
        *(f"x{token}" for token in TOKENS),
        *(f"{token}x" for token in TOKENS if token.startswith(("gh", "AK"))),
        "gh" + "p_" + "x" * 36, "AK" + "IA" + "GLVEPRSTWYFMKQHDNCIG",
        "AK" + "IA" + "GLVEPRSTWYFMKQHD", "xox" + "b-your-token-goes-in-here", "py" + "pi-AgE…",
    ],
)  # fmt: skip
def test_what_only_resembles_a_token_is_none(text: str) -> None:
    assert find(text.encode()) == ()


@pytest.mark.parametrize(
    "data",
    [
        PASSWORD.encode(), PASSWORD.encode("utf-16-le"), PASSWORD.encode("utf-16"),
        f"{PASSWORD}!".encode("utf-16-be"), json.dumps({"password": PASSWORD}).encode(),
        base64.b64encode(f"ci:{PASSWORD}".encode()),
        base64.b64encode(f"ci:{PASSWORD}".encode("latin-1")),
        base64.b64encode(f"deploy:{PASSWORD}".encode()).decode().encode("utf-16-le"),
        f"https://ci:{'pa%3fss%3aw%7cord%c2%bf'}@index.test".encode(),
        repr(PASSWORD.encode()).encode(), pickle.dumps({"password": PASSWORD}),
    ],
)  # fmt: skip
def test_a_secret_is_found_also_encoded_and_never_shown(data: bytes) -> None:
    assert find(b"some\0thing " + data + b" else") == (SECRET,)


def test_a_secret_of_fewer_than_four_characters_is_not_searched_for() -> None:
    assert find(b"abc", secrets=("abc", "")) == ()
    assert find(b"abcd", secrets=("abcd",)) == (SECRET,)


def test_four_characters_of_base64_do_not_betray_a_short_secret() -> None:
    assert find(base64.b64encode(b"xabcdx"), secrets=("abcd",)) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"/home/ci", b"see /home/ci.", b"'/home/ci/project/train.py', line 3",
        b"/home/ci:/usr/bin", b"PATH=/home/ci/bin", b"file:///home/ci/x",
        b"sqlite:////home/ci/x.db", b"-I/home/ci/include", rb'"\/home\/ci\/x"',
        rb'"first\n/home/ci/x"', b"\0/home/ci\0", "“/home/ci/x”".encode(),
        *(pickle.dumps({"p": f"/home/ci/{'x' * n}"}) for n in range(120)),
        *(pickle.dumps(["/home/ci"], protocol) for protocol in (4, 5)),
        marshal.dumps(compile("", "/home/ci/project/train.py" + "x" * 60, "exec")),
    ],
)  # fmt: skip
def test_a_folder_of_this_machine_is_found(data: bytes) -> None:
    assert find(data) == (FOLDER,)


@pytest.mark.parametrize(
    "text",
    [
        "/home/user/data.csv", "/home/cindy/x", "/home/ci-2/x", "/home/ci.old/x",
        "/home/ciência/x", "/srv/home/ci/x", "./home/ci/x", "~/home/ci", "f'{root}/home/ci'",
        "https://home/ci", "https://index.test/home/ci/x", "/home//ci",
        "/scratch/x /root/x / /scratch",
    ],
)  # fmt: skip
def test_another_path_is_none_of_this_machine(text: str) -> None:
    assert find(text.encode(), folders=(HOME, "/", "/scratch", "/root/", "home/x", "")) == ()


def test_a_folder_is_found_whatever_its_letters() -> None:
    folder = "/srv/été 2/x.y+z"

    quoted = "/srv/%C3%A9t%C3%A9%202/x.y%2Bz"
    for text in (folder, f"{folder}/", folder.replace("/", r"\/"), quoted):
        assert find(text.encode(), folders=(f"{folder}/",)) == (FOLDER,)


def test_leaks_come_in_the_order_of_the_members_and_each_once() -> None:
    members = [
        ("m/b.bin", [b"/home/ci/x /home/ci/y", PASSWORD.encode()]),
        ("m/clean.py", [b"print()"]),
        ("m/.env", [f"PASSWORD={PASSWORD}".encode()]),
    ]

    assert find_leaks(members, secrets=(Secret(PASSWORD),), folders=(HOME,)) == (
        "m/b.bin holds the password of an index",
        "m/b.bin holds the path of a folder of this machine",
        "m/.env looks like a file with credentials",
        "m/.env holds the password of an index",
    )


def test_an_empty_wheel_and_an_empty_member_leak_nothing() -> None:
    assert find_leaks([], secrets=(Secret(PASSWORD),), folders=(HOME,)) == ()
    assert find() == find(b"") == ()


LEAKS = {
    PASSWORD: SECRET, f" {HOME} ": FOLDER,
    f" {next(iter(TOKENS))} ": "m/x holds a token of GitHub",
    f"{RSA}\nProc-Type: 4,ENCRYPTED\n\n{BODY}\n": "m/x holds a private key",
}  # fmt: skip


@pytest.mark.parametrize(("text", "leaks"), [
    *((leak, (clause,)) for leak, clause in LEAKS.items()),
    *((text, ()) for text in ("/srv/home/ci/x", "/home/cindy/x", f"x{next(iter(TOKENS))}x")),
])  # fmt: skip
def test_no_border_between_parts_hides_a_leak_or_makes_one(
    text: str, leaks: tuple[str, ...]
) -> None:
    data = text.encode()

    for cut in (-1, 0, 1, len(data) // 2, len(data) - 1, len(data), len(data) + 1):
        before = b" " * (PIECE - cut)
        assert find(before, data, b" " * 3000) == find(before + data + b" " * 3000) == leaks


@pytest.mark.parametrize("cut", range(0, 3000, 250))
def test_what_is_seen_again_with_the_next_part_has_no_new_start(cut: int) -> None:
    assert find(b"z" * (PIECE - cut) + b"/srv/home/ci/x" + b"z" * PIECE) == ()


def test_a_secret_longer_than_a_part_is_found() -> None:
    secret = LETTERS * 25_000

    assert find(b"x" * 100, secret.encode(), secrets=(secret,)) == (SECRET,)


@given(st.lists(st.binary(max_size=40)), st.sampled_from(list(LEAKS)), st.data())
def test_how_the_bytes_are_cut_changes_nothing(
    noise: list[bytes], leak: str, data: st.DataObject
) -> None:
    text = b"".join(noise) + b"\n" + leak.encode() + b"\n" + b"".join(noise)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    pieces = [text[start:end] for start, end in itertools.pairwise(cuts)]

    assert find(*pieces) == find(text)
    assert LEAKS[leak] in find(text)


def test_memory_does_not_grow_with_a_member() -> None:
    tracemalloc.start()
    try:
        members = [("m/x", map(bytes, [PIECE] * 50))]
        assert find_leaks(members, secrets=(Secret(PASSWORD),), folders=()) == ()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * PIECE
