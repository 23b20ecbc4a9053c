"""Which index is chosen, and what is said when it cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from trainwheel.errors import ConfigurationError, MissingCredentialsError
from trainwheel.index.target import Target, choose_index, read_target
from trainwheel.settings.config import IndexSettings
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret, Secrets

NEXUS = {
    "NEXUS_LOCAL_REPO_URL": "https://nexus.example.com/repository/models",
    "NEXUS_USERNAME": "ci-user",
    "NEXUS_PASSWORD": "pa%s#word",
}
SETTINGS = {
    "staging": IndexSettings(
        "staging",
        url="https://staging.example.com/models",
        username_env="STAGING_USER",
        password_env="STAGING_PASSWORD",
    ),
    "open": IndexSettings("open", url="http://localhost:8080"),
}
STAGING = {"STAGING_USER": "me", "STAGING_PASSWORD": "secret"}


def no_token(settings: IndexSettings) -> str:
    pytest.fail(f"the token-command of {settings.name} was run")


def choose(
    asked: str | None, settings: Mapping[str, IndexSettings], environment: Environment
) -> Target | None:
    return choose_index(asked, settings, environment, no_token)


@pytest.mark.parametrize(
    ("asked", "variables", "expected"),
    [
        (None, {}, None),
        (None, NEXUS, "nexus"),
        ("embedded", NEXUS, None),
        (None, {**NEXUS, "TRAINWHEEL_INDEX": "embedded"}, None),
        (None, {**NEXUS, "TRAINWHEEL_INDEX": "open"}, "open"),
        (None, {**NEXUS, "TRAINWHEEL_INDEX": " "}, "nexus"),
        ("staging", {**STAGING, "TRAINWHEEL_INDEX": "open"}, "staging"),
        ("nexus", NEXUS, "nexus"),
        ("open", {"NEXUS_PASSWORD": ""}, "open"),
    ],
)
def test_the_index_asked_for_comes_before_the_variable_before_nexus(
    asked: str | None, variables: dict[str, str], expected: str | None
) -> None:
    target = choose(asked, SETTINGS, Environment(variables))
    assert (target.name if target else None) == expected


def test_nexus_needs_no_settings() -> None:
    target = choose(None, {}, Environment(NEXUS))
    assert target is not None
    assert target.upload_url == "https://nexus.example.com/repository/models/"
    assert target.simple_url == "https://nexus.example.com/repository/models/simple/"
    assert target.install_url is None
    assert target.username == Secret("ci-user")
    assert target.password == Secret("pa%s#word")
    assert target.credentials_hint == "check NEXUS_USERNAME and NEXUS_PASSWORD"


def test_settings_of_nexus_add_to_its_variables() -> None:
    settings = {"nexus": IndexSettings("nexus", allow_http=True, install_url="https://group/x")}
    variables = {**NEXUS, "NEXUS_LOCAL_REPO_URL": "http://nexus.example.com/r/"}
    target = choose(None, settings, Environment(variables))
    assert target is not None
    assert (target.upload_url, target.install_url) == (
        "http://nexus.example.com/r/",
        "https://group/x/",
    )


@pytest.mark.parametrize("name", sorted(NEXUS))
@pytest.mark.parametrize("value", [None, ""])
def test_an_incomplete_nexus_is_an_error_that_names_the_variable(
    name: str, value: str | None
) -> None:
    variables = {key: text for key, text in NEXUS.items() if key != name}
    if value is not None:
        variables[name] = value
    with pytest.raises(ConfigurationError, match=name) as caught:
        choose(None, {}, Environment(variables))
    assert "is missing" in str(caught.value) or "is empty" in str(caught.value)


@pytest.mark.parametrize("password", ["pip", "abc", "upload", "nexus.example.com", "repository"])
def test_a_password_that_cannot_be_hidden_is_refused(password: str) -> None:
    address = "https://nexus.example.com/repository/models/"
    variables = {**NEXUS, "NEXUS_LOCAL_REPO_URL": address, "NEXUS_PASSWORD": password}

    with pytest.raises(ConfigurationError, match="choose a longer password") as caught:
        choose(None, {}, Environment(variables))

    assert "NEXUS_PASSWORD is too short or a word of what is printed" in caught.value.message


@pytest.mark.parametrize("username", ["ci", "pip", "upload", "nexus.example.com"])
def test_a_user_name_may_be_any_word(username: str) -> None:
    target = choose(None, {}, Environment({**NEXUS, "NEXUS_USERNAME": username}))

    assert target is not None
    assert target.username == Secret(username)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        choose(None, {}, Environment({"NEXUS_USERNAME": ""}))
    message = caught.value.message
    assert message == (
        "index nexus cannot be used: NEXUS_LOCAL_REPO_URL is missing, "
        "NEXUS_USERNAME is empty, NEXUS_PASSWORD is missing"
    )


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("NEXUS_LOCAL_REPO_URL", "http://nexus.example.com/s3cret", "plain http"),
        ("NEXUS_LOCAL_REPO_URL", "https://u:s3cret@nexus.example.com/", "user name"),
        ("NEXUS_LOCAL_REPO_URL", "s3cret", "address"),
        ("NEXUS_USERNAME", "ci:s3cret", "colon"),
        ("NEXUS_USERNAME", " s3cret", "blank"),
        ("NEXUS_PASSWORD", "s3cret\n", "line break"),
        ("NEXUS_PASSWORD", "s3cret\nca_cert = x", "line break"),
        ("NEXUS_PASSWORD", "s3cret ", "blank"),
        ("NEXUS_PASSWORD", "s3cretп", "Latin-1"),
    ],
)
def test_an_unusable_value_is_named_and_never_shown(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        choose(None, {}, Environment({**NEXUS, name: value}))
    assert problem in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("stagin", "did you mean 'staging'?"),
        ("Nexus", "did you mean 'nexus'?"),
        ("zzz", "the known ones are embedded, nexus, open, staging"),
        ("", "the known ones are embedded, nexus, open, staging"),
    ],
)
def test_an_unknown_name_is_refused_with_a_suggestion(name: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        choose(name, SETTINGS, Environment(NEXUS))
    assert caught.value.hint == hint


@pytest.mark.parametrize("name", ["pypi", "PyPI"])
def test_the_public_index_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match="public index"):
        choose(name, {}, Environment({}))


@pytest.mark.parametrize("name", ["pypi", "embedded", "distutils", "DEFAULT", "a b", "-r", "ä", ""])
def test_settings_under_a_name_that_cannot_be_used_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be called"):
        choose(None, {name: IndexSettings(name, url="https://x/")}, Environment({}))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (IndexSettings("x"), "tool.trainwheel.index.x.url is missing"),
        (
            IndexSettings("x", url="https://x/", username="me"),
            "tool.trainwheel.index.x.password-env is missing",
        ),
        (
            IndexSettings("x", url="https://x/", password_env="PW"),
            "tool.trainwheel.index.x.username-env is missing",
        ),
        (
            IndexSettings("x", url="https://x/", simple_url="http://x/"),
            "tool.trainwheel.index.x.simple-url is plain http",
        ),
        (
            IndexSettings("x", url="https://x/", install_url="x"),
            "tool.trainwheel.index.x.install-url is not",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_named_by_key(
    settings: IndexSettings, problem: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        choose("x", {"x": settings}, Environment({"PW": "secret"}))
    assert problem in caught.value.message


def test_an_index_without_credentials_is_open() -> None:
    target = choose("open", SETTINGS, Environment({}))
    assert target is not None
    assert (target.username, target.password, target.credential_names) == (None, None, ())


def test_no_representation_shows_a_credential() -> None:
    target = choose(None, {}, Environment(NEXUS))
    assert "pa%s#word" not in repr(target)
    assert "ci-user" not in repr(target)


CLOUD = IndexSettings(
    "cloud", url="https://cloud.example.com/pypi/", username="aws", token_command="print-token"
)


def test_a_token_command_stands_for_the_password() -> None:
    target = choose_index("cloud", {"cloud": CLOUD}, Environment({}), lambda _: "t0ken")

    assert target is not None
    assert (target.username, target.password) == (Secret("aws"), Secret("t0ken"))
    assert target.credentials_hint == (
        "check tool.trainwheel.index.cloud.username and tool.trainwheel.index.cloud.token-command"
    )


@pytest.mark.parametrize(
    ("cloud", "told"),
    [
        (replace(CLOUD, url="ftp://cloud.example.com"), "tool.trainwheel.index.cloud.url"),
        (replace(CLOUD, password_env="PW"), "index.cloud.password-env stands beside"),
    ],
)
def test_nothing_is_run_for_an_index_that_is_configured_wrongly(
    cloud: IndexSettings, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        choose("cloud", {"cloud": cloud}, Environment({"PW": "x"}))


@pytest.mark.parametrize("token", ["to\x07ken", "t\u20acken"])
def test_a_token_that_cannot_be_sent_is_refused_without_its_value(token: str) -> None:
    with pytest.raises(ConfigurationError, match=r"cloud\.token-command") as caught:
        choose_index("cloud", {"cloud": CLOUD}, Environment({}), lambda _: token)

    assert token not in str(caught.value)


READ = IndexSettings(
    "team",
    url="https://team.example.com/models/",
    username="ci",
    password_env="TEAM_PASSWORD",
    read_username_env="TEAM_READER",
    read_password_env="TEAM_READ_PASSWORD",
)
BOTH = {"TEAM_PASSWORD": "publishes", "TEAM_READER": "reader", "TEAM_READ_PASSWORD": "reads"}


def test_reading_takes_the_credentials_for_reading() -> None:
    target = read_target(READ, Environment(BOTH), no_token)

    assert target.username == Secret("reader")
    assert target.password == Secret("reads")
    assert target.credentials_hint == "check TEAM_READER and TEAM_READ_PASSWORD"


def test_reading_takes_those_for_uploads_where_no_others_are_named() -> None:
    settings = replace(READ, read_username_env="", read_password_env="")

    target = read_target(settings, Environment(BOTH), no_token)

    assert (target.username, target.password) == (Secret("ci"), Secret("publishes"))


def test_an_index_that_is_only_read_needs_no_address_for_uploads() -> None:
    settings = IndexSettings("mirror", simple_url="https://mirror.example.com/simple")

    target = read_target(settings, Environment({}), no_token)

    assert target.simple_url == "https://mirror.example.com/simple/"
    assert target.username is None


@pytest.mark.parametrize(
    ("variables", "to_read", "password"),
    [
        (BOTH, False, "publishes"),
        (BOTH, True, "reads"),
        ({"TEAM_PASSWORD": "publishes"}, True, "publishes"),
    ],
)
def test_an_index_is_opened_with_no_more_than_is_needed(
    variables: dict[str, str], password: str, *, to_read: bool
) -> None:
    target = choose_index("team", {"team": READ}, Environment(variables), no_token, to_read=to_read)

    assert target is not None
    assert target.password == Secret(password)


def test_a_password_for_reading_does_not_open_an_upload() -> None:
    variables = {"TEAM_READER": "reader", "TEAM_READ_PASSWORD": "reads"}

    with pytest.raises(MissingCredentialsError, match="TEAM_PASSWORD is missing"):
        choose_index("team", {"team": READ}, Environment(variables), no_token)


TOLD = {
    "models": IndexSettings(
        "models",
        url_env="MODELS_URL",
        username_env="MODELS_USERNAME",
        password_env="MODELS_PASSWORD",
        read_username_env="MODELS_READ_USERNAME",
        read_password_env="MODELS_READ_PASSWORD",
    ),
    "team": IndexSettings("team", url_env="TEAM_URL"),
}
MODELS = {
    "MODELS_URL": "https://models.example.com/upload",
    "MODELS_USERNAME": "me",
    "MODELS_PASSWORD": "secret",
}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        (MODELS, "models"),
        ({"TEAM_URL": "https://team.example.com/"}, "team"),
        ({**MODELS, "TRAINWHEEL_INDEX": "embedded"}, None),
        ({**MODELS, **NEXUS}, "nexus"),
    ],
)
def test_an_index_is_chosen_whose_address_the_environment_holds(
    variables: dict[str, str], expected: str | None
) -> None:
    target = choose(None, TOLD, Environment(variables))
    assert (target.name if target else None) == expected
    if expected == "models":
        assert target is not None
        assert target.simple_url == "https://models.example.com/upload/simple/"


def test_of_several_addresses_none_is_guessed() -> None:
    both = Environment({**MODELS, "TEAM_URL": "https://team.example.com/"})
    with pytest.raises(ConfigurationError, match="several indexes are set: models, team"):
        choose(None, TOLD, both)
    chosen = choose("team", TOLD, both)
    assert chosen is not None
    assert chosen.upload_url == "https://team.example.com/"


def test_an_address_that_is_empty_is_named_and_no_other_index_taken() -> None:
    with pytest.raises(MissingCredentialsError, match="MODELS_URL is empty"):
        choose(None, TOLD, Environment({**MODELS, "MODELS_URL": ""}))


@pytest.mark.parametrize(
    ("prefix", "settings"),
    [
        ("NEXUS", {}),
        ("NEXUS", {"nexus": IndexSettings("nexus", install_url="https://group.example/simple/")}),
        ("MODELS", TOLD),
    ],
    ids=["nexus", "nexus with settings", "models"],
)
def test_a_job_that_may_only_read_needs_no_more(
    prefix: str, settings: Mapping[str, IndexSettings]
) -> None:
    address = "NEXUS_LOCAL_REPO_URL" if prefix == "NEXUS" else "MODELS_URL"
    reading = {
        address: "https://models.example.com/",
        f"{prefix}_READ_USERNAME": "reader",
        f"{prefix}_READ_PASSWORD": "may-read",
    }
    environment = Environment(reading)
    target = choose_index(None, settings, environment, no_token, to_read=True)
    assert target is not None
    assert (target.username, target.password) == (Secret("reader"), Secret("may-read"))
    with pytest.raises(MissingCredentialsError, match=f"{prefix}_USERNAME is missing"):
        choose(None, settings, environment)


@pytest.mark.parametrize("token", ["", "t0ken-of-the-hour"])
def test_credentials_are_hidden_as_soon_as_an_index_is_opened(token: str) -> None:
    environment = Environment({"PW": "pa%s#word"})
    settings = IndexSettings("x", url="https://x.test/", username="ci", password_env="PW")
    if token:
        settings = replace(settings, password_env="", token_command="print-token")

    read_target(settings, environment, lambda _: token)

    assert environment.secrets.redact(f"ci:{token or 'pa%s#word'}") == "***"
    assert environment.secrets.redact("ci") == "ci"


@pytest.mark.parametrize("password", ["ci", "package", "", "two\nlines"])
def test_a_password_that_is_refused_stars_no_line(password: str) -> None:
    environment = Environment({"PW": password})
    settings = IndexSettings("x", url="https://x.test/", username="ci", password_env="PW")

    with pytest.raises(ConfigurationError):
        read_target(settings, environment, no_token)

    assert vars(environment.secrets) == vars(Secrets())
