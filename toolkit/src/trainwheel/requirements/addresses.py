"""Find a secret in an address: a password, or a token anywhere in it.

Every address of a Pipfile and its lock is checked here. Both files are committed, and their
addresses go into the requirements of a wheel, which everybody can read. The name of an environment
variable is not a secret: pipenv replaces ``${NAME}`` and ``$NAME`` when it runs, and pip
``${NAME}``. No message of this module repeats an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from trainwheel.errors import LockfileError
from trainwheel.system.leaks import find_leaks

__all__ = [
    "find_field_secrets",
    "find_secret",
    "refuse_entry_secrets",
    "refuse_line_secrets",
    "refuse_source_secrets",
]

_VARIABLES = re.compile(r"(?:\$\{[A-Za-z_]\w*\}|\$[A-Z_][A-Z0-9_]*)+", re.ASCII)
_IN_ADDRESSES = re.compile(r"[@/%]")
# Installers and browsers accept any number of slashes, in either direction.
_WEB = re.compile(r"(https?:|ftp:|\A(?=//))[/\\]*", re.IGNORECASE)
_NOT_PROTOCOL = re.compile(r"[^a-z0-9.-]")
_NO_SCHEME = re.compile(r"[^\s/@:]+:[^\s/@]+@[\w-]+(?:\.[\w-]+)+[:/]")
_BLANK = re.compile(r"\s")
_END_OF_HOST, _SEPARATORS = re.compile(r"[/?#]"), re.compile(r"[?&;#~]")
# Only a port may follow a host. Anything else before an @ is a password with a slash, a question
# mark or a hash that was not percent-encoded, where RFC 3986 (3.2) ends the host.
_UNENCODED_PASSWORD = re.compile(r"[^/?#@\[\]]*:(?!\d*(?:[/?#]|\Z))(?P<password>[^@]*)@", re.DOTALL)
_NAMES_USERS = frozenset(("ssh", "git", "svn", "sftp", "rsync", "file"))
"""Protocols where a user name without a password is never a token, by the end of their scheme."""
_PLAIN_USERS = frozenset(
    ("__token__", "aws", "git", "oauth2", "oauth2accesstoken", "vsssessiontoken", "x-access-token")
)
"""User names that registries prescribe, and that say nothing without their password."""
_SECRET_NAME = re.compile(
    r"token(?!i[sz])|secret|passw|passphrase|signature|credential|session"
    r"|(?:api|access|account|auth|private)[-_.]?key"
    r"|(?<![a-z])(?:o?auth|authorization|bearer|hmac|jwt|key|pass|pat|pwd?|sas|sig)(?![a-z])",
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+")

# What installers and browsers open: many a setup.cfg has postgresql://scott:tiger@localhost for its
# tests. Or a user without a protocol, as in git@host:path.
_OPENED = re.compile(
    r"(?:https?|ftps?|ssh|sftp|file|git|hg|svn|bzr|rsync)(?:\+\w+)?:|\A[^/]*@", re.IGNORECASE
)
_LIKELY, _ENDS = re.compile("://|@"), re.compile(r"""[\s'"`<>]+""")
# What a program puts in when it runs: {token} of an f-string, %s, %(token)s.
_PUT_IN = re.compile(r"(?<!\$)\{[\w.]*(?:\[[^]]*\]|\([^)]*\))?\}|%\(\w+\)s|%s")

_ENTRY_HINT = "use ssh or a credential helper, lock again, and revoke the secret in that file"
_LINE_HINT = "take the secret out, and revoke it: it is in the history of that file"
_SOURCE_HINT = "write a variable in its place, as ${NAME}, lock again, and revoke the secret"


def find_secret(text: str, *, variables: bool = True) -> str:
    """Return the kind of secret that an address holds, such as ``a password``; else an empty text.

    Args:
        text: An address, alone or in other text. A text without an address holds no secret.
        variables: Whether the name of an environment variable may take the place of a secret.
    """
    if not _IN_ADDRESSES.search(text):
        return ""
    # Both, for decoding makes a slash of %2F, which ends the host, and a token of %74oken.
    forms = dict.fromkeys((text, _decoded(text)))
    kinds = (kind for form in forms for kind in _kinds(form, variables=variables))
    return next(kinds, "") or _secret_shape(text)


def find_field_secrets(metadata: bytes) -> tuple[str, ...]:
    """Return a clause for each field of a wheel's METADATA with a secret, not the secret itself."""
    head = metadata.partition(b"\n\n")[0].decode("utf-8", "replace")
    fields = (line.partition(": ") for line in re.split(r"\n(?![ \t])", head))
    secrets = ((name, find_secret(value)) for name, _, value in fields)
    return tuple(f"METADATA has {kind} in an address of {name}" for name, kind in secrets if kind)


def refuse_entry_secrets(key: str, value: object, where: str) -> None:
    """Check that neither the key nor the value of a package's entry holds a secret.

    Args:
        key: The package's name as written.
        value: The entry as it was read from TOML or JSON.
        where: File and category.

    Raises:
        LockfileError: One of its addresses does.
    """
    if kind := _first_secret({key: value}):
        name = "a package" if find_secret(key) else key
        message = f"{where} {name} has {kind} in its address"
        raise LockfileError(message, hint=_ENTRY_HINT)


def refuse_line_secrets(files: Mapping[str, bytes]) -> None:
    """Check that no line of a file holds an address with a secret, not even in a comment.

    Args:
        files: Name → content, in TOML, JSON, the form of setup.cfg, or Python.

    Raises:
        LockfileError: One of them does.
    """
    for name, content in files.items():
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if not _LIKELY.search(line):
                continue
            words = filter(_OPENED.search, _ENDS.split(_PUT_IN.sub("${X}", line)))
            if kind := next(filter(None, map(find_secret, words)), ""):
                message = f"{name} has {kind} in an address in line {number}"
                raise LockfileError(message, hint=_LINE_HINT)


def refuse_source_secrets(sources: object, where: str) -> None:
    """Check that no source of packages holds a secret.

    Args:
        sources: The value as it was read, of whatever shape.
        where: The place in the file, with ``{}`` for the source's name.

    Raises:
        LockfileError: One of them does.
    """
    rows = sources if isinstance(sources, (list, tuple)) else (sources,)
    for number, source in enumerate(rows, 1):
        if kind := _first_secret(source):
            name = source.get("name") if isinstance(source, Mapping) else None
            label = name if isinstance(name, str) and not find_secret(name) else number
            message = f"{where.format(label)} has {kind} in its address"
            raise LockfileError(message, hint=_SOURCE_HINT)


def _first_secret(value: object) -> str:
    # Every command reads a lock with thousands of digests: most entries need no closer look.
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
    """Return a text without percent-encoding, also where it was encoded several times."""
    while (plain := unquote(text)) != text:
        text = plain
    return text


def _kinds(text: str, *, variables: bool) -> Iterator[str]:
    """Yield the secrets of every address in a text."""
    yield from _in_parameters(text, variables=variables)
    text = f"://{text}" if _NO_SCHEME.match(text) else _WEB.sub(_with_slashes, text)
    before, *addresses = text.split("://")
    for address in addresses:
        # In git+https the protocol is https.
        protocol = _NOT_PROTOCOL.split(before.lower())[-1]
        yield from _in_user(address, protocol, variables=variables)
        before = address


def _with_slashes(start: re.Match[str]) -> str:
    return f"{start[1] or ':'}//"


def _in_user(address: str, protocol: str, *, variables: bool) -> Iterator[str]:
    """Yield the secrets before the host of an address, which starts after its ``://``."""
    has_users = protocol in _NAMES_USERS
    info = _END_OF_HOST.split(address, maxsplit=1)[0].rpartition("@")[0]
    user, _, password = info.partition(":")
    may_be_cut = not info and not has_users and "@" in address
    match = _UNENCODED_PASSWORD.match(address) if may_be_cut else None
    if match and not _VARIABLES.match(match["password"]):
        password = match["password"]
    if _is_secret(password, variables=variables):
        yield "a password"
    is_name = password or has_users or user.lower() in _PLAIN_USERS
    if not is_name and _is_secret(user, variables=variables):
        yield "a user name or token"


def _in_parameters(text: str, *, variables: bool) -> Iterator[str]:
    """Yield the secrets in the parameters of path, query and fragment."""
    for parameter in _SEPARATORS.split(text)[1:]:
        name, _, value = parameter.partition("=")
        is_named = _SECRET_NAME.search(name) and not _BLANK.search(name)
        if is_named and _is_secret(value.strip(), variables=variables):
            yield "a token"


def _is_secret(value: str, *, variables: bool) -> bool:
    return bool(value) and not (variables and _VARIABLES.fullmatch(value))


def _secret_shape(text: str) -> str:
    """Return ``a token`` if anything in a text is shaped like one."""
    # A slash is a letter of Base64, but in an address it separates words.
    plain = _decoded(text).replace("/", " ")
    member = "address", [plain.encode(errors="surrogatepass")]
    is_known = find_leaks([member], secrets=(), folders=()) or _JWT.search(plain)
    return "a token" if is_known else ""
