"""User names and passwords that no index, proxy or tool may mistake, and how they are tried."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from integration.index.servers import make_wheel
from trainwheel.index.access import for_uv
from trainwheel.index.patience import Patience
from trainwheel.index.target import Target
from trainwheel.index.upload import publish
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import derived_forms

PASSWORDS = ("pässwörd-é", "Пароль-модели", "日本語-パス", "a:b%c\"d'e\\f", "🚂-wheels")
LOGINS = dict(zip(("ci", "team", "jürgen", "nexus", "Ада"), PASSWORDS, strict=True))


def target_of(url: str, simple: str, username: str, password: str, at: Environment) -> Target:
    """Return an index as a run opens it."""
    login = at.secrets.read_login(username, password)
    names = ("TEAM_USERNAME", "TEAM_PASSWORD")
    return Target("team", url, f"{url}{simple}/", None, *login, credential_names=names)


def publish_and_verify(target: Target, version: str, folder: Path, environment: Environment) -> str:
    """Publish a wheel with twine and install it with uv; return all that was said."""
    log, screen = folder / "upload.log", io.StringIO()
    assert publish(
        target, make_wheel(folder, version=version), python=Path(sys.executable), log=log,
        environment=environment, console=Console(environment, screen), patience=Patience(delay=0.1),
    )  # fmt: skip
    argv = ("uv", "pip", "install", "--no-cache", "--target", str(folder / version))
    result = subprocess.run(
        (*argv, f"demo-model=={version}", "--python", sys.executable),
        env={"PATH": f"{Path(sys.executable).parent}", **for_uv(target, {}).variables},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return log.read_text() + screen.getvalue()


def leaks(text: str, passwords: Mapping[str, str]) -> Iterator[str]:
    """Yield the forms of passwords, and of their pairs with the user names, that a text holds."""
    for username, password in passwords.items():
        forms = derived_forms(password) | derived_forms(f"{username}:{password}")
        yield from (form for form in forms if form in text)
