"""Tell whether an address holds a secret: a password, or a token in whatever place.

One judge for every address of a Pipfile and its lock. Both files are committed, and what they
name goes into the requirements of a wheel, which everybody reads. The name of an environment
variable is no secret: pipenv fills in ``${NAME}`` and ``$NAME`` when it runs, and pip
``${NAME}``. No message of this module repeats an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from trainwheel.errors import LockfileError
from trainwheel.system.leaks import find_leaks

__all__ = ["find_field_secrets", "find_secret", "refuse_entry_secrets", "refuse_source_secrets"]

_VARIABLES = re.compile(r"(?:\$\{[A-Za-z_]\w*\}|\$[A-Z_][A-Z0-9_]*)+", re.ASCII)
_IN_ADDRESSES = re.compile(r"[@/%]")
# Installers and browsers forgive what is wrong with the slashes.
_WEB = re.compile(r"(https?:|ftp:|\A(?=//))[/\\]*", re.IGNORECASE)
_NOT_PROTOCOL = re.compile(r"[^a-z0-9.-]")
_NO_SCHEME = re.compile(r"[^\s/@:]+:[^\s/@]+@[\w-]+(?:\.[\w-]+)+[:/]")
_BLANK = re.compile(r"\s")
_END_OF_HOST, _SEPARATORS = re.compile(r"[/?#]"), re.compile(r"[?&;#~]")
# Behind a host there is a port: anything else is a password that was not percent-encoded.
_TORN_PASSWORD = re.compile(r"[^/?#@\[\]]*:(?!\d*(?:[/?#]|\Z))(?P<password>[^@]*)@", re.DOTALL)
_NAMES_USERS = frozenset(("ssh", "git", "svn", "sftp", "rsync", "file"))
"""Protocols without tokens, by the end of their scheme: a user without password is a user."""
_PLAIN_USERS = frozenset(
    ("__token__", "aws", "git", "oauth2", "oauth2accesstoken", "vsssessiontoken", "x-access-token")
)
"""User names that registries prescribe; the password comes from elsewhere."""
_SECRET_NAME = re.compile(
    r"token(?!i[sz])|secret|passw|passphrase|signature|credential|session"
    r"|(?:api|access|account|auth|private)[-_.]?key"
    r"|(?<![a-z])(?:o?auth|authorization|bearer|hmac|jwt|key|pass|pat|pwd?|sas|sig)(?![a-z])",
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+")

_ENTRY_HINT = "use ssh or a credential helper, lock anew, and revoke it: it stands in that file"
_SOURCE_HINT = (
    "name a variable in the Pipfile in its place, as ${NAME}, lock anew, and revoke it: it stands"
    " in that file"
)


def find_secret(text: str, *, variables: bool = True) -> str:
    """Return which secret an address holds, such as ``a password``; nothing if it holds none.

    Args:
        text: An address, with text around it or none; any other text holds no secret.
        variables: Let the name of an environment variable stand in the place of a secret.
    """
    if not _IN_ADDRESSES.search(text):
        return ""
    # Decoded only, an encoded slash would end the host; undecoded only, a name would be hidden.
    forms = dict.fromkeys((text, _decoded(text)))
    kinds = (kind for form in forms for kind in _kinds(form, variables=variables))
    return next(kinds, "") or _secret_shape(text)


def find_field_secrets(metadata: bytes) -> tuple[str, ...]:
    """Return which secrets the fields of a wheel's METADATA hold, each as a clause without it."""
    head = metadata.partition(b"\n\n")[0].decode("utf-8", "replace")
    fields = (line.partition(": ") for line in re.split(r"\n(?![ \t])", head))
    held = ((name, find_secret(value)) for name, _, value in fields)
    return tuple(f"METADATA has {what} in an address of {name}" for name, what in held if what)


def refuse_entry_secrets(key: str, value: object, where: str) -> None:
    """Check that neither the key nor the value of a package's entry holds a secret.

    Args:
        key: The package's name as written.
        value: The entry as it was read from TOML or JSON.
        where: File and category.

    Raises:
        LockfileError: One of its addresses does.
    """
    if what := _first_secret({key: value}):
        name = "a package" if find_secret(key) else key
        message = f"{where} {name} has {what} in its address"
        raise LockfileError(message, hint=_ENTRY_HINT)


def refuse_source_secrets(sources: object, where: str) -> None:
    """Check that no source of packages holds a secret.

    Args:
        sources: The value as it was read, of whatever shape.
        where: What comes before and behind the source's name, with ``{}`` in its place.

    Raises:
        LockfileError: One of them does.
    """
    rows = sources if isinstance(sources, (list, tuple)) else (sources,)
    for number, source in enumerate(rows, 1):
        if what := _first_secret(source):
            name = source.get("name") if isinstance(source, Mapping) else None
            shown = name if isinstance(name, str) and not find_secret(name) else number
            message = f"{where.format(shown)} has {what} in its address"
            raise LockfileError(message, hint=_SOURCE_HINT)


def _first_secret(value: object) -> str:
    # Every command reads a lock with thousands of digests: most entries are done with here.
    if not _IN_ADDRESSES.search(repr(value)):
        return ""
    return next(filter(None, map(find_secret, _texts(value))), "")


def _texts(value: object) -> Iterator[str]:
    """Yield every text of a document, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _texts(inner)


def _decoded(text: str) -> str:
    """Return a text without percent-encoding, be it encoded several times."""
    while (plain := unquote(text)) != text:
        text = plain
    return text


def _kinds(text: str, *, variables: bool) -> Iterator[str]:
    """Yield the secrets of every address in a text."""
    yield from _in_parameters(text, variables=variables)
    text = f"://{text}" if _NO_SCHEME.match(text) else _WEB.sub(_with_slashes, text)
    before, *addresses = text.split("://")
    for address in addresses:
        # Of git+https it is https that counts.
        protocol = _NOT_PROTOCOL.split(before.lower())[-1]
        yield from _in_user(address, protocol, variables=variables)
        before = address


def _with_slashes(start: re.Match[str]) -> str:
    return f"{start[1] or ':'}//"


def _in_user(address: str, protocol: str, *, variables: bool) -> Iterator[str]:
    """Yield what stands before the host, given what follows ``://``."""
    has_users = protocol in _NAMES_USERS
    info = _END_OF_HOST.split(address, maxsplit=1)[0].rpartition("@")[0]
    user, _, password = info.partition(":")
    is_torn = not info and not has_users and "@" in address
    torn = _TORN_PASSWORD.match(address) if is_torn else None
    if torn and not _VARIABLES.match(torn["password"]):
        password = torn["password"]
    if _is_secret(password, variables=variables):
        yield "a password"
    is_name = password or has_users or user.lower() in _PLAIN_USERS
    if not is_name and _is_secret(user, variables=variables):
        yield "a user name or token"


def _in_parameters(text: str, *, variables: bool) -> Iterator[str]:
    """Yield what is in the parameters of path, query and fragment."""
    for parameter in _SEPARATORS.split(text)[1:]:
        name, _, value = parameter.partition("=")
        is_named = _SECRET_NAME.search(name) and not _BLANK.search(name)
        if is_named and _is_secret(value.strip(), variables=variables):
            yield "a token"


def _is_secret(value: str, *, variables: bool) -> bool:
    return bool(value) and not (variables and _VARIABLES.fullmatch(value))


def _secret_shape(text: str) -> str:
    """Return what a text holds that looks like a token, wherever it stands."""
    # A slash continues a word of Base64, and separates words of an address.
    plain = _decoded(text).replace("/", " ")
    member = "address", [plain.encode(errors="surrogatepass")]
    is_known = find_leaks([member], secrets=(), folders=()) or _JWT.search(plain)
    return "a token" if is_known else ""
