"""Secrets never show themselves, and a child sees only those that it needs."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from trainwheel.system.environ import Environment, point_uv_cache_at, read_environment
from trainwheel.system.secrets import Secret, SecretClass

VALUE = "correct-horse-battery"


@dataclass(frozen=True)
class Holder:
    secret: Secret
    others: list[Secret] = field(default_factory=list)


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        ascii,
        format,
        lambda secret: f"{secret} {secret!r} {secret!s} {secret:>40} {secret:x}",
        lambda secret: "{} {!r}".format(secret, secret),  # noqa: UP032 - another way to show it
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - another way to show it
        lambda secret: repr(Holder(secret, [secret])),
        lambda secret: repr([secret, {"password": secret}, (secret,)]),
        lambda secret: str(ValueError(secret)),
        lambda secret: repr(KeyError(secret)),
    ],
)
def test_a_secret_does_not_show_itself(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(VALUE))

    assert VALUE not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "write",
    [
        pickle.dumps, lambda secret: pickle.dumps(secret, 0), copy.copy, copy.deepcopy,
        json.dumps, lambda secret: json.dumps({"password": secret}), "".join, bytes, vars, len,
        iter,
    ],
)  # fmt: skip
def test_a_secret_is_not_written_and_the_error_does_not_show_it(
    write: Callable[[Secret], object],
) -> None:
    with pytest.raises(TypeError) as caught:
        write(Secret(VALUE))

    assert VALUE not in f"{caught.value!r} {caught.getrepr(showlocals=False)}"


def test_secrets_are_compared_by_value_and_with_nothing_else() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret(VALUE) != Secret("another")
    assert Secret(VALUE) != VALUE


def test_an_environment_does_not_show_its_variables() -> None:
    assert VALUE not in repr(Environment({"NEXUS_PASSWORD": VALUE}))


@pytest.mark.parametrize(
    ("variables", "value"),
    [({}, None), ({"X": ""}, None), ({"X": " \t"}, None), ({"X": " a "}, "a"), ({"X": "0"}, "0")],
)
def test_a_blank_variable_counts_as_absent(variables: dict[str, str], value: str | None) -> None:
    environment = Environment(variables)

    assert environment.get("X") == value
    assert environment.is_set("X") == ("X" in variables)


@pytest.mark.parametrize("value", ["", " s3cret ", "pass word\n"])
def test_a_credential_is_taken_exactly_as_given(value: str) -> None:
    secret = Environment({"NEXUS_PASSWORD": value}).secret("NEXUS_PASSWORD")

    assert secret == Secret(value)
    assert Environment({}).secret("NEXUS_PASSWORD") is None


def test_what_is_read_is_hidden_in_every_environment_of_the_run_and_in_no_other() -> None:
    environment, other = Environment({"KEY": "s3cret"}), Environment()

    replace(environment, variables={"KEY": "another"}).secret("KEY")
    environment.secret("KEY")

    assert environment.secrets.redact("s3cret another") == "*** ***"
    assert other.secrets.redact("s3cret another") == "s3cret another"


@pytest.mark.parametrize("purpose", SecretClass)
def test_secrets_of_the_data_are_read_at_once_for_a_child_may_print_them(
    purpose: SecretClass,
) -> None:
    environment = Environment({"KEY": "s3cret"}, {"KEY": purpose, "UNSET": purpose})

    is_hidden = environment.secrets.redact("s3cret") == "***"

    assert is_hidden is (purpose is SecretClass.DATA)


@pytest.mark.parametrize(
    ("variables", "fact", "value"),
    [
        ({"BUILD_NUMBER": "7", "GITHUB_RUN_NUMBER": "8"}, "build_number", "7"),
        ({"GITHUB_RUN_NUMBER": "8"}, "build_number", "8"),
        ({"BUILD_NUMBER": " ", "GITHUB_RUN_NUMBER": "8"}, "build_number", None),
        ({"BUILD_NUMBER": "", "GITHUB_RUN_NUMBER": "8"}, "is_without_number", True),
        ({"BUILD_NUMBER": " "}, "is_without_number", True),
        ({"CI_PIPELINE_IID": "9"}, "build_number", "9"),
        ({"GITHUB_RUN_NUMBER": " ", "CI_PIPELINE_IID": "9"}, "build_number", "9"),
        ({"GITHUB_RUN_NUMBER": "8", "CI_PIPELINE_IID": "9"}, "build_number", "8"),
        ({"BUILD_NUMBER": "", "CI_PIPELINE_IID": "9"}, "build_number", None),
        ({"BUILD_NUMBER": "7"}, "is_without_number", False), ({}, "is_without_number", False),
        ({}, "build_number", None),
        ({"NEXUS_PASSWORD": ""}, "wants_nexus", True),
        ({"NEXUS_OTHER": "x"}, "wants_nexus", False), ({"CI": "true"}, "in_ci", True),
        ({"CI": "false"}, "in_ci", False), ({"CI": "0"}, "in_ci", False),
        ({"CI": ""}, "in_ci", False), ({"JENKINS_URL": ""}, "in_ci", True), ({}, "in_ci", False),
        ({"TRAINWHEEL_VERBOSE": "1"}, "is_verbose", True),
        ({"TRAINWHEEL_VERBOSE": "false"}, "is_verbose", False), ({}, "waits", False),
        ({"TRAINWHEEL_WAIT": "1"}, "waits", True), ({"TRAINWHEEL_WAIT": "0"}, "waits", False),
        ({"TRAINWHEEL_WAIT": "false"}, "waits", False),
        ({"TRAINWHEEL_VERBOSE": "0"}, "is_verbose", False), ({}, "is_verbose", False),
        ({"NO_COLOR": "1"}, "wants_colour", False), ({"NO_COLOR": ""}, "wants_colour", True),
        ({"TERM": "dumb"}, "wants_colour", False), ({"TERM": "xterm"}, "wants_colour", True),
    ],
)  # fmt: skip
def test_facts_are_read_from_the_variables(
    variables: dict[str, str], fact: str, value: object
) -> None:
    assert getattr(Environment(variables), fact) == value


VARIABLES = {
    "PATH": "/bin", "HOME": "/home/ada", "PIP_INDEX_URL": "https://user:read@index.invalid/",
    "UV_INDEX_CORPORATE_PASSWORD": "read", "PIPENV_PYPI_MIRROR": "read", "NETRC": "read",
    "NEXUS_PASSWORD": "publish", "TWINE_PASSWORD": "publish", "CORPORATE_TOKEN": "publish",
    "PIPELINE": "stays", "UVX": "stays", "MY_NEXUS_PASSWORD": "stays", "PYTHONPATH": "/leak",
    "PYTHONHOME": "/leak", "PYTHONSTARTUP": "/leak", "PYTHONSAFEPATH": "1",
    "VIRTUAL_ENV": "/leak", "COVERAGE_FILE": "/leak",
}  # fmt: skip
PLAIN = {"PATH", "HOME", "PIPELINE", "UVX", "MY_NEXUS_PASSWORD"}
READ = {"PIP_INDEX_URL", "UV_INDEX_CORPORATE_PASSWORD", "PIPENV_PYPI_MIRROR", "NETRC"}
PUBLISH = {"NEXUS_PASSWORD", "TWINE_PASSWORD", "CORPORATE_TOKEN"}


@pytest.mark.parametrize(
    ("allowed", "seen"),
    [
        ((), PLAIN), ((SecretClass.READ,), PLAIN | READ),
        ((SecretClass.PUBLISH,), PLAIN | PUBLISH), ((SecretClass.DATA,), PLAIN),
        (tuple(SecretClass), PLAIN | READ | PUBLISH),
    ],
)  # fmt: skip
def test_a_child_sees_the_classes_of_secrets_that_it_is_allowed(
    allowed: tuple[SecretClass, ...], seen: set[str]
) -> None:
    environment = Environment(VARIABLES, {"CORPORATE_TOKEN": SecretClass.PUBLISH})

    child = environment.for_child({}, frozenset(allowed), is_open=True)
    closed = environment.for_child({}, frozenset(allowed))

    assert set(child) == seen
    assert all(child[name] == VARIABLES[name] for name in child)
    assert set(closed) == seen - PLAIN | {"PATH", "HOME"}


def test_a_configured_name_is_a_publish_secret_whatever_it_looks_like() -> None:
    environment = Environment({"PIP_TOKEN": "x"}, {"PIP_TOKEN": SecretClass.PUBLISH})

    assert environment.for_child({}, frozenset({SecretClass.READ}), is_open=True) == {}


FIXED = """
    PATH HOME USER LOGNAME SHELL LANG LANGUAGE LC_ALL LC_CTYPE LC_NUMERIC TZ TMPDIR TEMP TMP
    JOBLIB_TEMP_FOLDER XDG_CACHE_HOME XDG_RUNTIME_DIR XDG_DATA_DIRS
    OMP_NUM_THREADS OMP_PROC_BIND GOMP_CPU_AFFINITY KMP_AFFINITY OPENBLAS_NUM_THREADS
    GOTO_NUM_THREADS MKL_NUM_THREADS BLIS_NUM_THREADS VECLIB_MAXIMUM_THREADS NUMEXPR_MAX_THREADS
    LOKY_MAX_CPU_COUNT CUDA_VISIBLE_DEVICES CUDA_HOME NVIDIA_VISIBLE_DEVICES LD_LIBRARY_PATH
    DYLD_FALLBACK_LIBRARY_PATH HTTP_PROXY https_proxy FTP_PROXY all_proxy NO_PROXY no_proxy
    SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
""".split()  # noqa: SIM905 - a list of sixty words is read in lines
OTHERS = """
    ALPHA alpha PATHS MYPATH HOMER path LCX LC Lang TZX XDG_SESSION_ID XDG_HOMES OMP OMPX_NUM
    XCUDA_X CUDA LD_PRELOAD LD_LIBRARY_PATHS LOKY_MAX_CPU_COUNT_X PROXY MY_PROXY HTTP_PROXY_X
    SSL_CERT CI PWD OLDPWD TERM DISPLAY PYTEST_ADDOPTS PYTHONUTF8 PYTHONWARNINGS PYTHONHASHSEED
    MAKEFLAGS
    AWS_SECRET_ACCESS_KEY GIT_DIR SSH_AUTH_SOCK MPLBACKEND SOURCE_DATE_EPOCH VIRTUAL_ENV USERNAME
    OS SYSTEMROOT TRAINWHEEL_INDEX TRAINWHEEL_VERBOSE BASH_FUNC_x%% A=B \u00c4LPHA
""".split()  # noqa: SIM905 - as above


def test_what_runs_the_users_code_gets_a_fixed_set_and_what_is_named() -> None:
    environment = Environment(dict.fromkeys([*FIXED, *OTHERS], "x"))
    named = replace(environment, train_env=frozenset({"ALPHA", "TERM", "ABSENT", "LANG"}))

    assert [*environment.for_child({}, frozenset())] == FIXED
    assert {*named.for_child({}, frozenset())} == {*FIXED, "ALPHA", "TERM"}
    assert {*OTHERS} - {*named.for_child({}, frozenset(), is_open=True)} == {"VIRTUAL_ENV"}


def test_a_secret_reaches_nobody_by_being_named() -> None:
    variables = {"NEXUS_PASSWORD": "a", "PIP_INDEX_URL": "b", "STORE_KEY": "c"}
    classes = {"STORE_KEY": SecretClass.DATA}
    environment = Environment(variables, classes, train_env=frozenset(variables))

    assert environment.for_child({}, frozenset()) == {}
    assert environment.for_child({}, frozenset({SecretClass.DATA})) == {"STORE_KEY": "c"}


AWKWARD = ["1", "", " ", "1 ", "1\n", "a=b", "\udcff", "\udcc3\udca4", "\u00e4", "x" * 100_000]


def test_the_values_of_named_variables_count_by_digests_that_all_differ() -> None:
    names = frozenset({"ALPHA", "LANG"})
    facts = [Environment({"ALPHA": value, "B": "1"}, train_env=names).facts for value in AWKWARD]

    assert [[*fact] for fact in facts] == [["the variable ALPHA"]] * len(AWKWARD)
    digests = {fact["the variable ALPHA"] for fact in facts}
    assert len(digests) == len(AWKWARD)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
    assert Environment({"B": "1"}, train_env=names).facts == {}
    assert Environment({"ALPHA": "1"}).facts == {}


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("Traceback\nKeyError: 'ALPHA'\n", "ALPHA"), ("set ALPHA first", "ALPHA"),
        ("KeyError: 'alpha'", "alpha"), ('no "a"', "a"), ("my_key: not set", "my_key"),
        ("$ALPHA is unbound", "ALPHA"), ("'ALPHA'\nDEBUG: bye", "ALPHA"), ("ALPHA DEBUG", "DEBUG"),
        ("ALPHA" + "\nline" * 29, "ALPHA"), ("ALPHA" + "\nline" * 30, ""),
        ("alpha and a are words", ""), ("ALPHABET", ""), ("XALPHA ALPHA_2", ""), ("AB", ""),
        ("", ""), ("KeyError: 'PATH'", ""), ("KeyError: 'OTHER'", ""),
        ("KeyError: 'PYTHONPATH'", ""), ("KeyError: 'GIVEN'", ""),
    ],
)  # fmt: skip
def test_a_variable_that_was_not_handed_on_and_that_an_output_names_is_found(
    output: str, name: str
) -> None:
    names = ("ALPHA", "alpha", "a", "AB", "my_key", "DEBUG", "PATH", "PYTHONPATH", "GIVEN")
    environment = Environment({**dict.fromkeys(names, "s3cret"), "_": "x"})

    assert environment.withheld(output, {"PATH": "", "GIVEN": ""}) == (
        f"the variable {name} of this shell: name it in tool.trainwheel.train.env" if name else ""
    )


def test_what_a_command_sets_wins_over_everything() -> None:
    environment = Environment({"PYTHONPATH": "/leak", "PATH": "/bin"})

    assert environment.for_child({"PYTHONPATH": "src", "PATH": "/env/bin"}, frozenset()) == {
        "PYTHONPATH": "src",
        "PATH": "/env/bin",
    }


def test_the_environment_is_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINWHEEL_INDEX", "before")
    environment = read_environment({"X": SecretClass.READ})
    monkeypatch.setenv("TRAINWHEEL_INDEX", "after")

    assert environment.get("TRAINWHEEL_INDEX") == "before"
    assert environment.classes == {"X": SecretClass.READ}


def test_the_cache_of_uv_is_moved_for_every_later_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", "old")

    point_uv_cache_at("/new/cache")

    script = "import os; print(os.environ['UV_CACHE_DIR'])"
    child = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert child.stdout.decode().strip() == os.environ["UV_CACHE_DIR"] == "/new/cache"
