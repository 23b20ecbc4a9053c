"""What ``doctor --to NAME`` makes of the answers of an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from trainwheel.cli.checks import OK, PROBLEM, WARNING, MachineCheck
from trainwheel.errors import TrainwheelError
from trainwheel.index.pages import parse_page
from trainwheel.index.patience import PATIENCE, describe_status
from trainwheel.index.probe import PROJECT, Caching, Limit, Probe, Sent, body_limit
from trainwheel.index.target import Target
from trainwheel.index.transport import Answer
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.text import describe_size

__all__ = [
    "Finding",
    "ask",
    "describe_caching",
    "describe_encoding",
    "describe_limit",
    "describe_overwriting",
    "describe_reading",
    "describe_sent",
    "describe_unknown",
    "send",
]

Finding = tuple[str, str, str]
"""State, what the index does, and what to do about it."""

_OLD, _MARGIN = 300, 60
"""Seconds: for how long caches mostly keep a page, and what a release waits beyond that."""
_ROOMY = 100_000_000
_KEEP = (
    "let it refuse (Nexus: Disable redeploy; devpi: volatile=False; Artifactory: no Delete "
    "permission; pypiserver: without --overwrite)"
)
_RAISE = "raise it where it is set, mostly in the proxy before it (nginx: client_max_body_size)"
_ENCODINGS = {"utf-8": "UTF-8", "latin-1": "Latin-1"}
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def ask(
    probe: Probe, project: str, wheel: int | None, *, sends: bool = False
) -> Iterator[MachineCheck]:
    """Yield what an index answers to what leaves nothing there.

    Args:
        probe: Asks it.
        project: The name of what is published from here.
        wheel: Bytes of the wheel that was packaged last; None where there is none.
        sends: Whether files are sent afterwards, so that it need not say what it does with them.
    """
    target = probe.target

    def sizes() -> Finding:
        limit = body_limit(probe.offer)
        is_refused = wheel is not None and limit.refuses(wheel, probe.offer)
        return describe_limit(limit, wheel, is_refused=is_refused)

    looks: dict[str, Callable[[], Finding]] = {
        "reading": lambda: describe_reading(probe.open_reading()),
        "encoding": lambda: describe_encoding(probe.encodings(), probe.charset(), target),
        "unknown projects": lambda: describe_unknown(*probe.unknown_project(), target),
        "cached pages": lambda: describe_caching(probe.caching(project), target),
        "size of uploads": sizes,
    }
    if not sends:
        looks["overwriting"] = lambda: describe_overwriting(is_volatile=probe.is_volatile())
    for name, look in looks.items():
        yield (check := _settle(f"index {target.name}, {name}", look))
        if check.state == PROBLEM and name == "reading":
            return  # it does not answer


def send(
    probe: Probe, python: Callable[[], Path], environment: Environment, console: Console
) -> Iterator[MachineCheck]:
    """Yield what an index does with two files of one name, which are sent.

    Args:
        probe: Sends them.
        python: Returns the Python of an environment that has twine.
        environment: The variables of this run.
        console: Where people are told.
    """
    results: list[Sent] = []

    def look() -> Finding:
        results.append(probe.send(python(), environment, console))
        return describe_sent(results[0])

    yield _settle(f"index {probe.target.name}, probe", look)
    for sent in results:
        name = f"index {probe.target.name}, overwriting"
        yield MachineCheck(name, *describe_overwriting(sent))


def _settle(name: str, look: Callable[[], Finding]) -> MachineCheck:
    try:
        return MachineCheck(name, *look())
    except TrainwheelError as error:
        return MachineCheck(name, PROBLEM, error.message, error.hint)
    except OSError as error:
        return MachineCheck(name, PROBLEM, str(error))


def describe_reading(answer: Answer) -> Finding:
    """Say who may read an index.

    Args:
        answer: What it answers to anyone.
    """
    if answer.status == HTTPStatus.OK:
        return OK, "anyone may read it", ""
    if answer.status in {*_REFUSALS, HTTPStatus.NOT_FOUND}:
        return OK, f"answers {answer.status} without a password", ""
    where = f", to {urlsplit(answer.location).hostname}" if answer.location else ""
    return WARNING, f"answers {describe_status(answer.status)}{where} without a password", ""


def describe_encoding(encodings: Mapping[str, bool], charset: str, target: Target) -> Finding:
    """Say in which encoding an index takes user name and password.

    Args:
        encodings: Those that differ for these credentials, and whether it takes each.
        charset: The one that it names (RFC 7617); empty for none.
        target: The index.
    """
    if not encodings:
        text = "all of them agree on this user name and password, which are in ASCII"
        named = f"; it asks for {charset}" if charset else ""
        return OK, f"{text if target.password else 'no password is sent'}{named}", ""
    if not any(encodings.values()):
        names = " and in ".join(_ENCODINGS[name] for name in encodings)
        return PROBLEM, f"refuses these credentials in {names}", target.credentials_hint
    ascii_only = "take a password, and a user name, in ASCII"
    if not encodings["utf-8"]:
        return PROBLEM, "takes Latin-1, and trainwheel, uv and curl send UTF-8", ascii_only
    if encodings.get("latin-1"):
        return OK, "takes UTF-8, and Latin-1, which stock pip sends", ""
    fix = f"install from there with uv, or {ascii_only}"
    return WARNING, "takes UTF-8, which uv sends, and stock pip cannot", fix


def describe_unknown(project: str, answer: Answer, target: Target) -> Finding:
    """Say what an index answers where it does not have a project.

    Args:
        project: A name that nobody has.
        answer: What it answers.
        target: The index.
    """
    if answer.location:
        return _describe_redirect(project, answer.location, target)
    if answer.status == HTTPStatus.NOT_FOUND:
        return OK, "answered with 404", ""
    if answer.status != HTTPStatus.OK:
        text = f"answered with {describe_status(answer.status)}, so that a first release fails"
        return PROBLEM, text, "an index answers 404, or a page without files"
    kind = answer.headers.get("Content-Type", "")
    try:
        files = parse_page(answer.body, kind, target.simple_url)
    except ValueError as error:
        return PROBLEM, f"answered with a page that {_words(error)}", "check its simple-url"
    if files:
        return PROBLEM, f"answered with a page of {len(files)} files", "check its simple-url"
    return OK, "answered with a page without files", ""


def _describe_redirect(project: str, location: str, target: Target) -> Finding:
    host, last = urlsplit(location).hostname, urlsplit(location).path.rstrip("/").rpartition("/")[2]
    # As `SimpleIndex.files` sees it.
    if last != project or host == urlsplit(target.simple_url).hostname:
        return PROBLEM, f"redirected to {host}", "name the address behind it as url or simple-url"
    text = f"redirected to {host}: a release takes that for not published here, pip follows it"
    fix = "switch that off (pypiserver: --disable-fallback), or bind your packages to this index"
    return WARNING, text, fix


def describe_caching(caching: Caching, target: Target) -> Finding:
    """Say how old a project's page may be, and whether a release waits so long.

    Args:
        caching: What its headers say.
        target: The index.
    """
    if not (caching.lifetime or caching.is_kept):
        return OK, "none, by its headers: what is sent should be listed at once", ""
    needed, text = caching.lifetime, f"may be {caching.lifetime} s old"
    if not needed:
        age = f" ({caching.age} s old)" if caching.age else ""
        needed, text = max(_OLD, 2 * caching.age), f"kept{age}, and nothing says for how long"
    waits = PATIENCE.listing_seconds(target.listing_wait, caching.lifetime)
    text = f"{text}; a release waits {waits:.0f} s to be listed"
    if needed <= waits:
        return OK, text, ""
    table = f"[tool.trainwheel.index.{target.name}]"
    return WARNING, text, f"set listing-wait = {needed + _MARGIN} in {table}"


def describe_limit(limit: Limit, wheel: int | None, *, is_refused: bool) -> Finding:
    """Say how large a wheel may be.

    Args:
        limit: What the index answers to announced sizes.
        wheel: Bytes of the wheel that was packaged last; None where there is none.
        is_refused: Whether it is too large.
    """
    if limit.status is not None and limit.refused is None:
        text = f"cannot be told: answered with {describe_status(limit.status)}"
        return WARNING, text, "check that its url takes uploads, with these credentials"
    text = f"{describe_size(limit.accepted)} at least" if limit.accepted else "less than 1.0 MB"
    if limit.refused is not None:
        text += f", and less than {describe_size(limit.refused)}"
    if is_refused:
        return PROBLEM, f"{text}; the wheel has {describe_size(wheel or 0)}", _RAISE
    if limit.refused is not None and limit.accepted < _ROOMY and wheel is None:
        return WARNING, text, _RAISE
    return OK, text if wheel is None else f"{text}; the wheel has {describe_size(wheel)}", ""


def describe_sent(sent: Sent) -> Finding:
    """Say how the throw-away project got to the index."""
    text = (
        f"published {PROJECT} {sent.version}, which stays there; listed after {sent.seconds:.1f} s"
    )
    if not sent.algorithms:
        return WARNING, f"{text}, without a digest", "a wheel is downloaded to compare it"
    return OK, f"{text}, by {' and '.join(sent.algorithms)}", ""


def describe_overwriting(sent: Sent | None = None, *, is_volatile: bool | None = None) -> Finding:
    """Say whether other content can take the place of a file.

    Args:
        sent: What it did with two files of one name; None where nothing was sent.
        is_volatile: What the index says of that; None for nothing.
    """
    if sent is not None:
        same = f"{'takes' if sent.same < HTTPStatus.BAD_REQUEST else 'refuses'} the same file again"
        same = f"{same} ({sent.same})"
        if sent.is_overwritten:
            return WARNING, f"replaces a file by other content ({sent.other}); {same}", _KEEP
        if sent.other < HTTPStatus.BAD_REQUEST:
            text = f"answers {sent.other} to other content, and keeps or still lists the first"
            return WARNING, f"{text}; {same}", "look at what it holds: its pages may be cached"
        return OK, f"refuses other content ({sent.other}), {same}", ""
    if is_volatile is None:
        return WARNING, "cannot be told without sending a file", "add --probe"
    if is_volatile:
        return WARNING, "it says that it replaces files by other content (volatile)", _KEEP
    return OK, "it says that it refuses other content (volatile=False)", ""


def _words(error: ValueError) -> str:
    # The JSON parser's own words quote the page.
    return str(error) if type(error) is ValueError else "is malformed"
