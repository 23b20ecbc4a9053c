"""Which index is chosen, and what is reported when it cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from trainwheel.errors import ConfigurationError, MissingCredentialsError
from trainwheel.index.target import Target, choose_index, read_target
from trainwheel.settings.tables import IndexSettings
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret

Sentence = Callable[[object], None]
NEXUS = {
    "NEXUS_LOCAL_REPO_URL": "https://nexus.example.com/repository/models",
    "NEXUS_USERNAME": "ci-user",
    "NEXUS_PASSWORD": "pa%s#word",
}
MODELS = {
    "MODELS_URL": "https://models.example.com/upload",
    "MODELS_USERNAME": "me",
    "MODELS_PASSWORD": "secret",
}
CLOUD = IndexSettings(
    "cloud", url="https://cloud.example.com/pypi/", username="aws", token_command="print-token"
)
SETTINGS = {
    "cloud": CLOUD,
    "open": IndexSettings("open", url="http://localhost:8080"),
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


def no_token(settings: IndexSettings) -> str:
    pytest.fail(f"the token-command of {settings.name} was run")


def choose(
    variables: Mapping[str, str], name: str | None = None,
    settings: Mapping[str, IndexSettings] = SETTINGS, *, to_read: bool = False,
) -> Target | None:  # fmt: skip
    return choose_index(name, settings, Environment(variables), no_token, to_read=to_read)


def problems(
    variables: Mapping[str, str],
    name: str | None = None,
    settings: Mapping[str, IndexSettings] = SETTINGS,
) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        choose(variables, name, settings)
    return caught.value


@pytest.mark.parametrize(("name", "variables", "expected"), [
    (None, {}, None), (None, NEXUS, "nexus"), (None, MODELS, "models"),
    (None, {"TEAM_URL": "https://team.example.com/"}, "team"), (None, {**MODELS, **NEXUS}, "nexus"),
    ("embedded", NEXUS, None), (None, {**NEXUS, "TRAINWHEEL_INDEX": "embedded"}, None),
    (None, {**MODELS, "TRAINWHEEL_INDEX": "embedded"}, None),
    (None, {**NEXUS, "TRAINWHEEL_INDEX": "open"}, "open"),
    (None, {**NEXUS, "TRAINWHEEL_INDEX": " "}, "nexus"),
    ("models", {**MODELS, "TRAINWHEEL_INDEX": "open"}, "models"), ("nexus", NEXUS, "nexus"),
    ("open", {"NEXUS_PASSWORD": ""}, "open"),
    ("team", {**MODELS, "TEAM_URL": "https://team.example.com/"}, "team"),
])  # fmt: skip
def test_the_option_comes_before_the_variable_before_nexus_before_an_address_that_is_set(
    name: str | None, variables: dict[str, str], expected: str | None
) -> None:
    target = choose(variables, name)
    assert (target.name if target else None) == expected


def test_nexus_needs_no_settings() -> None:
    assert choose({**NEXUS, "CURL_CA_BUNDLE": "/ca.pem"}, None, {}) == Target(
        "nexus",
        "https://nexus.example.com/repository/models/",
        "https://nexus.example.com/repository/models/simple/",
        username=Secret("ci-user"),
        password=Secret("pa%s#word"),
        credential_names=("NEXUS_USERNAME", "NEXUS_PASSWORD"),
        ca_bundle="/ca.pem",
    )


def test_settings_of_nexus_add_to_its_variables() -> None:
    nexus = IndexSettings("nexus", allow_http=True, install_url="https://group/x")
    variables = {**NEXUS, "NEXUS_LOCAL_REPO_URL": "http://nexus.example.com/r/"}
    target = choose(variables, None, {"nexus": nexus})
    assert target is not None
    assert target.upload_url == "http://nexus.example.com/r/"
    assert target.install_url == "https://group/x/"


@pytest.mark.parametrize(
    "own", [{"url": "https://own.example.com/"}, {"url_env": "OWN_URL"}], ids=["url", "variable"]
)
def test_an_address_in_the_settings_of_nexus_replaces_its_variable(own: dict[str, str]) -> None:
    variables = {**NEXUS, "OWN_URL": "https://own.example.com/"}
    target = choose(variables, "nexus", {"nexus": IndexSettings("nexus", **own)})  # type: ignore[arg-type]
    assert target is not None
    assert target.upload_url == "https://own.example.com/"


@pytest.mark.parametrize(
    ("variables", "labels"),
    [
        *(({**NEXUS, name: ""}, [f"{name} is empty"]) for name in NEXUS),
        (
            {"NEXUS_USERNAME": ""},
            ["LOCAL_REPO_URL is missing", "USERNAME is empty", "PASSWORD is missing"],
        ),
        ({**MODELS, "MODELS_URL": ""}, ["MODELS_URL is empty"]),
    ],
)
def test_every_variable_that_is_missing_or_empty_is_named_and_no_other_index_is_taken(
    variables: dict[str, str], labels: list[str], sentence: Sentence
) -> None:
    error = problems(variables)
    assert type(error) is MissingCredentialsError
    assert all(label in error.message for label in labels)
    assert error.message.count(" is ") == len(labels)
    sentence(error)


@pytest.mark.parametrize(("name", "value", "problem"), [
    ("NEXUS_LOCAL_REPO_URL", "http://nexus.example.com/s3cret", "plain http"),
    ("NEXUS_LOCAL_REPO_URL", "https://u:s3cret@nexus.example.com/", "user name"),
    ("NEXUS_USERNAME", "ci:s3cret", "colon"), ("NEXUS_USERNAME", " s3cret", "blank"),
    ("NEXUS_PASSWORD", "s3cret\nca_cert = x", "line break"),
    ("NEXUS_PASSWORD", "nexus.example.com", "too short"), ("NEXUS_PASSWORD", "upload", "too short"),
])  # fmt: skip
def test_an_unusable_value_is_named_and_never_shown(
    name: str, value: str, problem: str, sentence: Sentence
) -> None:
    error = problems({**NEXUS, name: value})
    assert type(error) is ConfigurationError
    assert f"{name} " in error.message
    assert problem in error.message
    assert value not in str(error).split()
    assert "s3cret" not in str(error)
    sentence(error)


@pytest.mark.parametrize("username", ["ci", "pip", "upload", "nexus.example.com"])
def test_a_user_name_may_be_any_word(username: str) -> None:
    target = choose({**NEXUS, "NEXUS_USERNAME": username})
    assert target is not None
    assert target.username == Secret(username)


@pytest.mark.parametrize(("name", "suggestion"), [
    ("model", "'models'"), ("Nexus", "'nexus'"),
    ("zzz", "cloud, embedded, models, nexus, open, team"),
    ("", "cloud, embedded, models, nexus, open, team"), ("PyPI", "another name"),
])  # fmt: skip
def test_an_unknown_name_is_refused_with_a_suggestion(name: str, suggestion: str) -> None:
    assert suggestion in problems(NEXUS, name).hint


@pytest.mark.parametrize(
    "name", ["pypi", "embedded", "distutils", "server-login", "DEFAULT", "a b", "-r", "ä", ""]
)
def test_settings_under_a_name_that_cannot_be_used_are_refused(
    name: str, sentence: Sentence
) -> None:
    sentence(problems({}, None, {name: IndexSettings(name, url="https://x/")}))
    with pytest.raises(ConfigurationError, match="cannot be called"):
        read_target(IndexSettings(name, url="https://x/"), Environment({}), no_token)


@pytest.mark.parametrize(("own", "problem"), [
    ({"url": ""}, "url is missing"), ({"username": "me"}, "password-env is missing"),
    ({"password_env": "PW"}, "username-env is missing"),
    ({"simple_url": "http://x/"}, "simple-url is plain http"),
    ({"install_url": "x"}, "install-url is not"),
    ({"url": "ftp://x", "username": "me", "token_command": "x"}, "url is not"),
    ({"username": "me", "password_env": "PW", "token_command": "x"}, "password-env is set"),
])  # fmt: skip
def test_settings_that_cannot_be_used_are_named_by_key_and_no_token_is_made(
    own: dict[str, str], problem: str, sentence: Sentence
) -> None:
    settings = IndexSettings("x", **{"url": "https://x/", **own})  # type: ignore[arg-type]
    error = problems({"PW": "secret"}, "x", {"x": settings})
    assert type(error) is ConfigurationError
    assert f"tool.trainwheel.index.x.{problem}" in error.message
    sentence(error)


def test_an_index_without_credentials_is_open() -> None:
    target = choose({}, "open")
    assert target is not None
    assert (target.username, target.password, target.credential_names) == (None, None, ())
    assert "[tool.trainwheel.index.open]" in target.credentials_hint


@pytest.mark.parametrize(
    ("username", "password", "is_ascii"),
    [("ci", "a:b%c", True), ("ci", "pä", False), ("Ада", "secret", False)],
)
@pytest.mark.parametrize("names", [(), ("A_USER", "A_PASSWORD")])
def test_who_was_refused_with_other_letters_than_ascii_is_told_how_they_are_sent(
    username: str, password: str, *, is_ascii: bool, names: tuple[str, ...]
) -> None:
    target = Target("team", "", "", None, Secret(username), Secret(password), names)
    assert target.is_ascii is is_ascii
    assert ("sent as UTF-8" in target.credentials_hint) is not is_ascii
    assert all(name in target.credentials_hint for name in names)


def test_no_representation_shows_a_credential() -> None:
    shown = repr(choose(NEXUS))
    assert "pa%s#word" not in shown
    assert "ci-user" not in shown


def test_a_token_command_stands_for_the_password() -> None:
    target = choose_index("cloud", SETTINGS, Environment({}), lambda _: "t0ken")

    assert target is not None
    assert (target.username, target.password) == (Secret("aws"), Secret("t0ken"))
    assert "cloud.token-command" in target.credentials_hint


@pytest.mark.parametrize("token", ["to\x07ken", "to\u2028ken", ""])
def test_a_token_that_cannot_be_sent_is_refused_without_its_value(token: str) -> None:
    with pytest.raises(ConfigurationError, match=r"cloud\.token-command") as caught:
        choose_index("cloud", SETTINGS, Environment({}), lambda _: token)

    assert not token or token not in str(caught.value)


READ = {"MODELS_READ_USERNAME": "reader", "MODELS_READ_PASSWORD": "may-read"}


@pytest.mark.parametrize(("variables", "to_read", "expected"), [
    ({**MODELS, **READ}, False, ("me", "secret")),
    ({**MODELS, **READ}, True, ("reader", "may-read")), (MODELS, True, ("me", "secret")),
    ({"MODELS_URL": MODELS["MODELS_URL"], **READ}, True, ("reader", "may-read")),
])  # fmt: skip
def test_an_index_is_opened_with_no_more_than_is_needed(
    variables: dict[str, str], expected: tuple[str, str], *, to_read: bool
) -> None:
    target = choose(variables, to_read=to_read)

    assert target is not None
    assert (target.username, target.password) == tuple(map(Secret, expected))


@pytest.mark.parametrize(
    "settings", [{}, {"nexus": IndexSettings("nexus", install_url="https://group.example/simple/")}]
)
def test_nexus_has_variables_of_its_own_for_reading(settings: dict[str, IndexSettings]) -> None:
    variables = {
        "NEXUS_LOCAL_REPO_URL": "https://models.example.com/",
        "NEXUS_READ_USERNAME": "reader",
        "NEXUS_READ_PASSWORD": "may-read",
    }

    target = choose(variables, None, settings, to_read=True)

    assert target is not None
    assert target.credential_names == ("NEXUS_READ_USERNAME", "NEXUS_READ_PASSWORD")
    assert "NEXUS_USERNAME is missing" in problems(variables, None, settings).message


def test_reading_takes_the_credentials_for_uploads_where_no_others_are_named() -> None:
    models = replace(SETTINGS["models"], read_username_env="", read_password_env="")

    target = read_target(models, Environment({**MODELS, **READ}), no_token)

    assert target.credential_names == ("MODELS_USERNAME", "MODELS_PASSWORD")


def test_a_password_for_reading_takes_the_place_of_a_token_command() -> None:
    cloud = replace(CLOUD, read_password_env="MODELS_READ_PASSWORD")

    target = read_target(cloud, Environment(READ), no_token)

    assert (target.username, target.password) == (Secret("aws"), Secret("may-read"))


def test_an_index_that_is_only_read_needs_no_address_for_uploads() -> None:
    settings = IndexSettings("mirror", simple_url="https://mirror.example.com/simple")

    target = read_target(settings, Environment({}), no_token)

    assert target.simple_url == "https://mirror.example.com/simple/"
    assert target.username is None


def test_of_several_addresses_none_is_guessed() -> None:
    error = problems({**MODELS, "TEAM_URL": "https://team.example.com/"})
    assert "models, team" in error.message
    assert "--to" in error.hint
