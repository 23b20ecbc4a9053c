"""Over random secrets: none is shown in any form, and no command becomes another one."""

from __future__ import annotations

import base64
import html
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

import trainwheel
from trainwheel.cli.opening import open_run
from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.index.address import check_password, is_ambiguous
from trainwheel.index.target import choose_index, read_target
from trainwheel.settings.tables import IndexSettings
from trainwheel.steps import load_chain
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import SecretClass, derived_forms
from unit.awkward_secrets import COMMANDS, awkward_secret, awkward_user
from unit.repository import PYPROJECT, make_repository, write

AMOUNTS = [1000, pytest.param(10_000, marks=pytest.mark.bench)]
URL = "https://index.test/models/"
INDEX = IndexSettings(
    "team", url=URL, username_env="WRITER", password_env="WRITER_PASSWORD",
    read_username_env="READER", read_password_env="READER_PASSWORD",
)  # fmt: skip
MINTING = IndexSettings("cloud", url=URL, username="aws", token_command="print-token")
CLASSES = {
    "DATA": SecretClass.DATA, "READER_PASSWORD": SecretClass.READ,
    "WRITER_PASSWORD": SecretClass.PUBLISH,
}  # fmt: skip
ENCODERS: tuple[Callable[[str], str], ...] = (
    str, repr, ascii, quote, quote_plus, lambda text: quote(text, safe=""), json.dumps, html.escape,
    lambda text: json.dumps(text, ensure_ascii=False), lambda text: repr(text.encode()),
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
)  # fmt: skip
Given = tuple[Environment, Callable[[IndexSettings], str]]
SPOILT = "notice: a command is not printed"


class Terminal(io.StringIO):
    """A terminal, so that progress is shown as well."""

    def isatty(self) -> bool:
        return True


class Case:
    """A run with random secrets of each class, as far as none was refused.

    Args:
        source: Of randomness.
    """

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.users = [awkward_user(source) for _ in range(2)]
        other, values = "", []
        for user in (*self.users, "data", "aws"):
            other = awkward_secret(source, user, other)
            values.append(other)
        writer, reader, data, self.token = values
        self.variables = {
            "WRITER": self.users[0], "WRITER_PASSWORD": writer,
            "READER": self.users[1], "READER_PASSWORD": reader, "DATA": data,
        }  # fmt: skip
        is_refused = is_ambiguous(data)
        classes = {name: purpose for name, purpose in CLASSES.items() if purpose.value != "data"}
        self.environment = Environment(self.variables, classes if is_refused else CLASSES)
        self.logins = [] if is_refused else [("data", data)]
        self.refusals: list[str] = []
        minting = {"cloud": MINTING}
        self._open(writer, lambda given: choose_index("team", {"team": INDEX}, *given))
        self._open(reader, lambda given: read_target(INDEX, *given), self.users[1])
        self._open(self.token, lambda given: choose_index("cloud", minting, *given), "aws")

    def _open(self, secret: str, open_index: Callable[[Given], object], user: str = "") -> None:
        try:
            open_index((self.environment, lambda _: self.token))
        except ConfigurationError as error:
            self.refusals.append(str(error))
        else:
            self.logins.append((user or self.users[0], secret))

    @property
    def secrets(self) -> list[str]:
        """The secrets that are hidden."""
        return [secret for _, secret in self.logins]

    def shown(self, text: str) -> str:
        """Return what a person sees of a text in lines, progress and errors."""
        stream = Terminal()
        console = Console(self.environment, stream)
        console.line(text)
        console.progress(text)
        console.outcome("upload", text, 0.1)
        error: TrainwheelError = StepFailedError(text, hint=text)
        return stream.getvalue() + self.environment.secrets.redact(str(error))


def cases(amount: int) -> Iterator[Case]:
    """Yield runs, the same ones each time."""
    for seed in range(amount):
        yield Case(random.Random(seed))  # noqa: S311 - the same ones each time


@pytest.mark.parametrize("amount", AMOUNTS)
def test_no_secret_is_shown_in_any_form_nor_handed_to_a_wrong_process(amount: int) -> None:
    refusals, count = set(), 0
    for case in cases(amount):
        refusals |= {*case.refusals}
        count += len(case.logins)
        for user, secret in case.logins:
            encode, noise = case.source.choice(ENCODERS), case.source.randbytes(3).hex()
            shown = case.shown(f"{noise} {encode(f'{user}:{secret}')}@{encode(secret)} {noise}")
            leaks = [form for form in derived_forms(secret) if form and form in shown]
            assert leaks == [], (secret, shown)
        for allowed in (frozenset({each}) for each in SecretClass):
            child = case.environment.for_child({}, allowed, is_open=True)
            others = {name for name, purpose in CLASSES.items() if purpose not in allowed}
            assert not {name for name in others & child.keys() if name in case.environment.classes}

    assert count > amount
    # They tell the kind of problem, of which there are few, and never the value.
    assert 3 < len(refusals) < 20, refusals


@pytest.mark.parametrize("amount", AMOUNTS)
def test_no_command_and_no_user_name_is_changed(amount: int) -> None:
    for case in cases(amount):
        fixed = case.source.choice(COMMANDS)
        name = case.source.choice((case.token, "oncology-model"))[:9]
        name = re.sub(r"[^A-Za-z0-9._-]", "", name)
        named = f"pip install --index-url {URL}simple/ {name}==0.1.8"
        for command in (fixed, named):
            stream = io.StringIO()
            console = Console(case.environment, stream)
            console.command("install:  ", command)
            console.notice(f"it is below 0.2.0: `{command}` installs it")
            for line, whole in zip(stream.getvalue().split("\n"), (
                f"install:  {command}", f"notice: it is below 0.2.0: `{command}` installs it",
            ), strict=False):  # fmt: skip
                assert line == whole or line.startswith(SPOILT), (case.secrets, line)
        error = str(StepFailedError("it does not work", hint=f"make it with: {fixed}"))
        assert fixed in case.environment.secrets.redact(error), (case.secrets, fixed)
        for user, _ in case.logins:
            shown = case.environment.secrets.redact(f"{user} may not upload")
            own = [each for each in case.secrets if each in user]
            assert shown.startswith(user) or own, (user, case.secrets)


def test_every_target_session_and_option_of_ours_is_refused_as_a_password() -> None:
    chain = load_chain()
    names = {*chain.by_name, *(step.target for step in chain.steps if step.target)}
    names |= {flag.name for flag in chain.flags}
    names |= {word for command in COMMANDS for word in command.split()}
    for path in Path(trainwheel.__file__).parent.rglob("[a-z]*.py"):
        text = path.read_text(encoding="utf-8")
        names |= {*re.findall(r"(?:make|nox -s) ([a-z]+\.model|lock)", text)}

    missing = [name for name in sorted(names) if check_password(name, ()) is None]

    assert missing == []
    assert check_password("package upload", ()) is not None
    assert check_password("s3cret-token", ("ci-user", "s3cret-token@x")) is not None


@pytest.mark.parametrize("value", ["abc", "train", "make clean"])
def test_a_secret_of_the_data_that_is_ambiguous_is_refused_before_the_run(
    tmp_path: Path, value: str
) -> None:
    root = make_repository(tmp_path)
    write(root, "pyproject.toml", f'{PYPROJECT}[tool.trainwheel.secrets]\ndata = ["DB"]\n')

    with pytest.raises(ConfigurationError, match=r"DB in tool\.trainwheel\.secrets\.data"):
        open_run(root, tmp_path, Environment({"DB": value}), load_chain().categories)
