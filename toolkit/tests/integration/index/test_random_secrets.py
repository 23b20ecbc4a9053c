"""A whole publish with random credentials: none is in what is shown, kept or handed on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from integration.index.dialects import DIALECTS, Scripted
from integration.index.rigs import FAULTS
from integration.index.servers import FakeIndex, make_wheel
from integration.index.test_dialects_and_faults import Stage
from trainwheel.errors import ConfigurationError
from trainwheel.index.target import Target, choose_index
from trainwheel.settings.tables import IndexSettings
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import SecretClass, derived_forms
from unit.awkward_secrets import awkward_secret, awkward_user

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WORDS = ("TEAM_USER", "TEAM_PASSWORD")
TEAM = IndexSettings("team", url_env="TEAM_URL", username_env=WORDS[0], password_env=WORDS[1])
CLASSES = {
    **dict.fromkeys(WORDS, SecretClass.PUBLISH),
    "DB_PASSWORD": SecretClass.DATA, "READ_PASSWORD": SecretClass.READ,
}  # fmt: skip
OUTCOMES = ("nothing", "upload-401", "upload-login-page", "upload-500-after-commit")


def opened(environment: Environment, url: str, source: random.Random) -> tuple[Environment, Target]:
    """Return a run and its index, whose secrets are random ones that are not refused."""
    while True:
        user, other = awkward_user(source), awkward_secret(source, "data", "")
        values = {
            "TEAM_URL": url, "TEAM_USER": user, "DB_PASSWORD": other,
            "TEAM_PASSWORD": awkward_secret(source, user, other),
            "READ_PASSWORD": awkward_secret(source, user, other),
        }  # fmt: skip
        run = Environment({**environment.variables, **values}, CLASSES)
        try:
            target = choose_index("team", {"team": TEAM}, run, lambda _: "")
        except ConfigurationError:
            continue
        assert target is not None
        return run, target


@pytest.mark.parametrize(
    "seed",
    [*range(4), *(pytest.param(seed, marks=pytest.mark.bench) for seed in range(4, 100))],
)
def test_nothing_shows_a_secret(
    fake: FakeIndex, tmp_path: Path, environment: Environment, seed: int
) -> None:
    source = random.Random(seed)  # noqa: S311 - the same ones each time
    run, target = opened(environment, fake.url, source)
    server = Scripted(DIALECTS[seed % len(DIALECTS)])
    stage = Stage(server, target, fake, tmp_path, run)
    fault = FAULTS[OUTCOMES[seed % len(OUTCOMES)]]

    # A child that was watched between fork and exec shows this: under make, also the word make,
    # which is one of the passwords.
    own = Path("/proc/self/environ").read_bytes()
    assert stage.publish(make_wheel(tmp_path / "dist"), fault) == fault.code

    stage.assert_silent()
    # No process gets any of them by a variable, for twine reads a private file.
    hidden = [run.variables[name] for name in CLASSES if name != "TEAM_USER"]
    forms = {form.encode() for value in hidden if len(value) > 3 for form in derived_forms(value)}
    forms = {form for form in forms if form not in own}
    assert not [form for form in forms for text in stage.environments if form in text]
    assert any(b"PATH=" in text for text in stage.environments)
