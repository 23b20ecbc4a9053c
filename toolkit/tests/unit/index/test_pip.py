"""pip's settings arrive at uv as pip would have used them, and certificates at every tool."""

from __future__ import annotations

import configparser
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from trainwheel.index.pip import UvSettings, find_bundle, parse_pip_config, pin_bundle, translate

MIRROR = "https://user:pa%24s@mirror.invalid/root/pypi/+simple/"
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")


def pip_config(folder: Path, sections: Mapping[str, Mapping[str, str]], **variables: str) -> str:
    """Return what the real ``pip config list`` prints of a configuration file."""
    parser = configparser.RawConfigParser()
    parser.read_dict(sections)
    path = folder / "pip.conf"
    with path.open("w", encoding="utf-8") as stream:
        parser.write(stream)
    completed = subprocess.run(
        [sys.executable, "-I", "-m", "pip", "config", "list"],
        check=True,
        capture_output=True,
        cwd=folder,
        env={"HOME": str(folder), "PIP_CONFIG_FILE": str(path), "PYTHONUTF8": "1", **variables},
    )
    return completed.stdout.decode()


def test_what_pip_prints_is_read(tmp_path: Path) -> None:
    listed = pip_config(
        tmp_path,
        {
            "global": {
                "index-url": MIRROR + "long/" * 40,
                "extra-index-url": "https://one.invalid/simple\nhttps://two.invalid/simple?a=b",
                "trusted-host": "one.invalid two.invalid",
                "cert": '/etc/it\'s "quoted".pem',
                "timeout": "60",
            },
            "install": {"timeout": "90", "no-index": "false"},
            "download": {"timeout": "5"},
        },
        PIP_PROXY="http://proxy.invalid:3128",
        PIP_NO_INDEX="1",
    )

    read = parse_pip_config(listed)

    expected = {
        "index-url": MIRROR + "long/" * 40,
        "extra-index-url": "https://one.invalid/simple\nhttps://two.invalid/simple?a=b",
        "trusted-host": "one.invalid two.invalid", "cert": '/etc/it\'s "quoted".pem',
        "timeout": "90", "proxy": "http://proxy.invalid:3128", "no-index": "1",
    }  # fmt: skip
    assert {key: read.get(key) for key in expected} == expected


# Neither blanks at an end nor line ends survive the file itself.
printable = st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Zs"))
value = st.text(printable, min_size=1, max_size=8)
keys = ("cert", "client-cert", "find-links", "index-url", "proxy", "trusted-host")


@settings(
    max_examples=3,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(values=st.fixed_dictionaries(dict.fromkeys(keys, value)))
def test_any_value_survives_pip(tmp_path: Path, values: dict[str, str]) -> None:
    listed = pip_config(tmp_path, {"global": values})

    read = parse_pip_config(listed)

    assert {key: read.get(key) for key in values} == values


@pytest.mark.parametrize(("text", "read"), [
    ("", {}), ("nonsense\n\n=\n.=\n", {}), ("download.timeout='5'\n", {}),
    ("global.timeout='5'\ninstall.timeout='6'\n:env:.timeout='7'\n", {"timeout": "7"}),
    (":env:.timeout='7'\ninstall.timeout='6'\nglobal.timeout='5'\n", {"timeout": "7"}),
    ("install.timeout='6'\nglobal.timeout='5'\n", {"timeout": "6"}),
    ("global.timeout=60\n", {"timeout": "60"}),
    ("global.cert=/plain path\n", {"cert": "/plain path"}),
    ("global.index-url='https://a.invalid/?b=c'\n", {"index-url": "https://a.invalid/?b=c"}),
    ("global.cert='unclosed\n", {"cert": "'unclosed"}),
])  # fmt: skip
def test_the_nearest_section_wins(text: str, read: dict[str, str]) -> None:
    assert parse_pip_config(text) == read


@pytest.mark.parametrize(
    ("pip", "variables", "arguments"),
    [
        ({}, {}, ()),
        ({"index-url": f" {MIRROR}\n"}, {"UV_DEFAULT_INDEX": MIRROR}, ()),
        (
            {"extra-index-url": "https://one.invalid\nhttps://two.invalid"},
            {
                "UV_EXTRA_INDEX_URL": "https://one.invalid https://two.invalid",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            },
            (),
        ),
        ({"no-index": "1"}, {}, ("--no-index",)),
        ({"no-index": "True"}, {}, ("--no-index",)),
        ({"no-index": "false"}, {}, ()),
        ({"no-index": "0"}, {}, ()),
        ({"find-links": "/a\n~/b ~c"}, {"UV_FIND_LINKS": "/a,/home/ada/b,~c"}, ()),
        ({"trusted-host": "a.invalid\nb.invalid"}, {"UV_INSECURE_HOST": "a.invalid b.invalid"}, ()),
        ({"cert": "/c.pem"}, {"SSL_CERT_FILE": "/c.pem"}, ()),
        ({"client-cert": "~/c~/d.pem"}, {"SSL_CLIENT_CERT": "/home/ada/c~/d.pem"}, ()),
        ({"timeout": "60"}, {"UV_HTTP_TIMEOUT": "60"}, ()),
        ({"default-timeout": " 60.5 "}, {"UV_HTTP_TIMEOUT": "60"}, ()),
        ({"default-timeout": "5", "timeout": "15.0"}, {"UV_HTTP_TIMEOUT": "15"}, ()),
        ({"proxy": "http://p:1"}, {"HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:1"}, ()),
        ({"user": "true", "progress-bar": "off"}, {}, ()),
    ],
)
def test_a_setting_has_its_equivalent_for_uv(
    pip: dict[str, str], variables: dict[str, str], arguments: tuple[str, ...]
) -> None:
    home = {"HOME": "/home/ada"}
    assert translate(pip, home, has_uv_config=False) == UvSettings(variables, arguments)


_INDEX_NAMES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
PIP = {"index-url": MIRROR, "extra-index-url": "https://x.invalid", "no-index": "1", "timeout": "9"}


@pytest.mark.parametrize(("variables", "has_uv_config"), [
    *(({name: "https://own.invalid"}, False) for name in _INDEX_NAMES), ({}, True),
    ({"UV_INDEX": "https://own.invalid", "SSL_CERT_FILE": "/own.pem"}, False),
])  # fmt: skip
def test_the_settings_that_uv_has_of_its_own_are_left_alone(
    variables: dict[str, str], *, has_uv_config: bool
) -> None:
    pip = {**PIP, "find-links": "/a"} if has_uv_config else {**PIP}
    pip |= {"cert": "/pip.pem"} if "SSL_CERT_FILE" in variables else {}

    settings = translate(pip, variables, has_uv_config=has_uv_config)

    assert settings == UvSettings({"UV_HTTP_TIMEOUT": "9"})


def test_addresses_go_by_variables_which_are_not_shown() -> None:
    settings = translate({"index-url": MIRROR}, {}, has_uv_config=False)

    assert "pa%24s" not in repr(settings)
    assert not settings.arguments


@pytest.mark.parametrize("name", BUNDLES)
def test_any_variable_for_certificates_counts_for_every_tool(name: str) -> None:
    variables = {name: "/ca.pem", "PATH": "/bin"}
    given = translate({}, variables, has_uv_config=False).variables

    assert find_bundle(variables) == {**variables, **given}["SSL_CERT_FILE"] == "/ca.pem"
    assert find_bundle({name: ""}) is None
    pinned = pin_bundle("/ca.pem")
    assert pinned == dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT"), "/ca.pem")
    assert pin_bundle(None) == {}


def test_the_setting_of_pip_wins_for_installing() -> None:
    settings = translate({"cert": "/pip.pem"}, {"CURL_CA_BUNDLE": "/ca.pem"}, has_uv_config=False)

    assert settings.variables["SSL_CERT_FILE"] == "/pip.pem"
