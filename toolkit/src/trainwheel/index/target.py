"""Which index is used, and with which credentials.

Everything here is pure: it reads the parsed configuration and a snapshot of the environment.
No message repeats a value, for a password is easily put into the wrong variable.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from trainwheel.errors import ConfigurationError, MissingCredentialsError
from trainwheel.index.address import check_address, check_password, check_value, with_slash
from trainwheel.index.pip import find_bundle
from trainwheel.settings.tables import IndexSettings
from trainwheel.system.environ import NEXUS_VARIABLES, Environment
from trainwheel.system.secrets import Secret

__all__ = [
    "EMBEDDED",
    "NEXUS",
    "NEXUS_READ_VARIABLES",
    "Target",
    "choose_index",
    "find_index",
    "read_target",
]

_TABLE = "tool.trainwheel.index"
NEXUS = "nexus"
NEXUS_READ_VARIABLES = ("NEXUS_READ_USERNAME", "NEXUS_READ_PASSWORD")
EMBEDDED = "embedded"

# Names become a section of a .pypirc, where some already mean something else.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_RESERVED = {
    "pypi": "twine takes that name for the public index and would send the wheel there",
    EMBEDDED: "that name means the index in the work tree",
    "distutils": "that name means something else to twine",
    "server-login": "that name means something else to twine",
    "default": "that name means something else to twine",
}
_BEYOND_ASCII = (
    "letters beyond ASCII are sent as UTF-8, and a server may take only Latin-1 or ASCII: then "
    "choose ASCII letters"
)


@dataclass(frozen=True)
class Target:
    """An index that is ready to use.

    Args:
        name: What people call it.
        upload_url: Where wheels are sent; ends in one slash.
        simple_url: Where it is read (PEP 503, PEP 691); ends in one slash.
        install_url: The simple index that users install from, where it is another one.
        username: None, together with the password, for an index that asks for none.
        password: Never printed.
        credential_names: The variables or keys that the credentials came from.
        ca_bundle: The certificates to check it against; None for the usual ones.
        listing_wait: Seconds that an upload may take to be listed; None to go by its answers.
        missing: What to raise where it refuses to be read without the credentials, which are
            missing; None where there is nothing to try.
    """

    name: str
    upload_url: str
    simple_url: str
    install_url: str | None = None
    username: Secret | None = None
    password: Secret | None = None
    credential_names: tuple[str, ...] = ()
    ca_bundle: str | None = None
    listing_wait: float | None = None
    missing: MissingCredentialsError | None = None

    @property
    def is_ascii(self) -> bool:
        """Whether the credentials are ASCII, which all tools send and all servers read alike."""
        return all(secret.is_ascii for secret in (self.username, self.password) if secret)

    @property
    def credentials_hint(self) -> str:
        """What to check when the index refuses the credentials."""
        hint = f"check {' and '.join(self.credential_names)}"
        if not self.credential_names:
            hint = f"give it username-env and password-env in [tool.trainwheel.index.{self.name}]"
        return hint if self.is_ascii else f"{hint}; {_BEYOND_ASCII}"


@dataclass(frozen=True)
class _Value:
    """A value and the variable or key that a person would look for; None where it is unset."""

    label: str
    text: str | None


@dataclass
class _Problems:
    """What is wrong with the values read so far."""

    texts: list[str] = field(default_factory=list)
    all_absent: bool = True

    def read(self, value: _Value, problem: str | None) -> str:
        """Return the text of a value, noting what is wrong with it."""
        if value.text is None:
            problem = "is missing"
        if problem is not None:
            self.texts.append(f"{value.label} {problem}")
            # CI services set a variable to the empty text where a job may not see its secret.
            self.all_absent &= not value.text and not value.label.startswith(_TABLE)
        return value.text or ""


def choose_index(
    name_asked: str | None,
    settings: Mapping[str, IndexSettings],
    environment: Environment,
    mint: Callable[[IndexSettings], str],
    *,
    to_read: bool = False,
) -> Target | None:
    """Return the index to use, or None for the one in the work tree.

    The requested name decides, else ``TRAINWHEEL_INDEX``, else any ``NEXUS_*`` variable, else the
    ``url-env`` that is set.

    Args:
        name_asked: What ``--to`` named.
        settings: The configured indexes by name.
        environment: The variables of this run.
        mint: Returns the password of an index that has a ``token-command``.
        to_read: Use the credentials for reading, where they are set, and none where those of an
            index whose address is known are missing: anyone may read some (`Target.missing`).

    Raises:
        ConfigurationError: The name is unknown or reserved, or an address or a credential is
            missing or cannot be used; an incomplete index never falls back to another.
        MissingCredentialsError: All that is wrong is that variables are missing or empty, as in
            a job that was given no secrets.
    """
    for key in settings:
        _check_name(key)
    name = name_asked if name_asked is not None else environment.get("TRAINWHEEL_INDEX")
    if name is None:
        name = find_index(settings, environment)
    if name in {None, EMBEDDED}:
        return None
    index = _find_settings(str(name), settings)
    if to_read and environment.get(index.read_password_env):
        return read_target(index, environment, mint)
    return _build_target(index, environment, mint, to_read=to_read)


def find_index(settings: Mapping[str, IndexSettings], environment: Environment) -> str | None:
    """Return the index whose variables are set; None where none are.

    Raises:
        ConfigurationError: Those of several are set.
    """
    if environment.wants_nexus:
        return NEXUS
    names = [name for name, index in settings.items() if environment.is_set(index.url_env)]
    if len(names) > 1:
        message = f"the addresses of several indexes are set: {', '.join(sorted(names))}"
        raise ConfigurationError(message, hint="name one: --to NAME, or TRAINWHEEL_INDEX")
    return names[0] if names else None


def read_target(
    settings: IndexSettings, environment: Environment, mint: Callable[[IndexSettings], str]
) -> Target:
    """Return an index to install from, with the credentials for reading.

    Those are the index's own, unless others are named for reading.

    Args:
        settings: The index.
        environment: The variables of this run.
        mint: Returns the password of an index that has a ``token-command``.

    Raises:
        ConfigurationError: An address or a credential is missing or cannot be used.
        MissingCredentialsError: All that is wrong is that variables are missing or empty.
    """
    _check_name(settings.name)
    if settings.read_password_env:
        no_command = ""
        settings = replace(
            settings, password_env=settings.read_password_env, token_command=no_command
        )
    if settings.read_username_env:
        settings = replace(settings, username_env=settings.read_username_env, username="")
    if not settings.url and settings.simple_url:
        settings = replace(settings, url=settings.simple_url)
    return _build_target(settings, environment, mint)


def _check_name(name: str) -> None:
    reason = _RESERVED.get(name.lower())
    if reason is None and not _NAME.fullmatch(name):
        reason = "a name is made of letters, digits, dots, hyphens and underscores"
    if reason is not None:
        message = f"an index cannot be called {name!r}: {reason}"
        raise ConfigurationError(message, hint="choose another name")


def _find_settings(name: str, settings: Mapping[str, IndexSettings]) -> IndexSettings:
    if name == NEXUS:
        nexus = settings.get(NEXUS, IndexSettings(NEXUS))
        username, password = NEXUS_READ_VARIABLES
        return replace(
            nexus,
            read_username_env=nexus.read_username_env or username,
            read_password_env=nexus.read_password_env or password,
        )
    if name in settings:
        return settings[name]
    if name.lower() in _RESERVED:
        _check_name(name)
    names = sorted({*settings, NEXUS, EMBEDDED})
    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"the known ones are {', '.join(names)}"
    message = f"there is no index called {name!r}"
    raise ConfigurationError(message, hint=hint)


def _build_target(
    settings: IndexSettings,
    environment: Environment,
    mint: Callable[[IndexSettings], str],
    *,
    to_read: bool = False,
) -> Target:
    problems = _Problems()
    upload_url = _read_address(_url(settings, environment), settings, problems)
    simple_url = _read_optional(settings, "simple_url", problems) or f"{upload_url}simple/"
    install_url = _read_optional(settings, "install_url", problems)
    is_known, missing = not problems.texts, None
    credentials = _credentials(settings, environment)
    if settings.token_command:
        credentials = _with_token(settings, credentials, problems, mint)
    name = credentials[0].text if credentials else ""
    texts = (settings.name, upload_url, simple_url, install_url or "", name or "")
    of_password = functools.partial(check_password, texts=texts)
    checks: tuple[Callable[[str], str | None], ...] = (_check_username, of_password)
    login = [
        problems.read(value, problem_of(value.text or ""))
        for value, problem_of in zip(credentials, checks, strict=False)
    ]
    if problems.texts:
        message = f"index {settings.name} cannot be used: {', '.join(problems.texts)}"
        hint = _hint(settings, problems.texts)
        if not problems.all_absent:
            raise ConfigurationError(message, hint=hint)
        missing, login = MissingCredentialsError(message, hint=hint), []
        if not (to_read and is_known):
            raise missing
    # Only now, for what was refused could be any word of what is printed.
    secrets = environment.secrets.read_login(*login) if login else (None, None)
    return Target(
        name=settings.name,
        upload_url=upload_url,
        simple_url=simple_url,
        install_url=install_url,
        username=secrets[0],
        password=secrets[1],
        credential_names=tuple(value.label for value in credentials),
        ca_bundle=find_bundle(environment.variables),
        listing_wait=settings.listing_wait,
        missing=missing,
    )


def _with_token(
    settings: IndexSettings,
    credentials: tuple[_Value, ...],
    problems: _Problems,
    mint: Callable[[IndexSettings], str],
) -> tuple[_Value, ...]:
    if settings.password_env:
        both = _Value(_key(settings, "password-env"), settings.password_env)
        problems.read(both, "is set as well as token-command")
    # With a problem already found, the command is not run.
    if problems.texts:
        return credentials
    return (*credentials[:1], _Value(_key(settings, "token-command"), mint(settings) or None))


def _hint(settings: IndexSettings, problems: list[str]) -> str:
    if any("plain http" in problem for problem in problems):
        table = f"[tool.trainwheel.index.{settings.name}]"
        return f"use https, or set allow-http = true in {table}"
    if any("spoil" in problem for problem in problems):
        return "choose a longer password that is not part of an address or a command"
    if settings.name == NEXUS and not (settings.url or settings.url_env):
        return f"set all of {', '.join(NEXUS_VARIABLES)}, or none for the embedded index"
    return ""


def _key(settings: IndexSettings, key: str) -> str:
    return f"{_TABLE}.{settings.name}.{key}"


def _variable(name: str, environment: Environment) -> _Value:
    return _Value(name, environment.variables.get(name))


def _url(settings: IndexSettings, environment: Environment) -> _Value:
    variable = settings.url_env
    if settings.name == NEXUS and not (settings.url or variable):
        variable = NEXUS_VARIABLES[0]
    if variable:
        return _variable(variable, environment)
    return _Value(_key(settings, "url"), settings.url or None)


def _credentials(settings: IndexSettings, environment: Environment) -> tuple[_Value, ...]:
    """Return where user name and password come from; nothing for an open index."""
    defaults = NEXUS_VARIABLES[1:] if settings.name == NEXUS else ("", "")
    username_env = settings.username_env or defaults[0]
    password_env = settings.password_env or defaults[1]
    if not (settings.username or username_env or password_env or settings.token_command):
        return ()
    if settings.username:
        username = _Value(_key(settings, "username"), settings.username)
    elif username_env:
        username = _variable(username_env, environment)
    else:
        username = _Value(_key(settings, "username-env"), None)
    if not password_env:
        return username, _Value(_key(settings, "password-env"), None)
    return username, _variable(password_env, environment)


def _read_address(value: _Value, settings: IndexSettings, problems: _Problems) -> str:
    problem = check_address(value.text or "", allow_http=settings.allow_http)
    return with_slash(problems.read(value, problem))


def _read_optional(settings: IndexSettings, name: str, problems: _Problems) -> str | None:
    text: str = getattr(settings, name)
    if not text:
        return None
    return _read_address(_Value(_key(settings, name.replace("_", "-")), text), settings, problems)


def _check_username(value: str) -> str | None:
    problem = check_value(value)
    if problem is None and ":" in value:
        problem = "holds a colon, which ends a user name in HTTP authentication"
    return problem
