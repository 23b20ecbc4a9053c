"""What the library says, kept whole in one file: ``pytest -n 0 --renew-sentences`` writes it.

A test asserts the class of an error and the names in it, and hands the text to the fixture
`sentence`. So a better wording is one file to read through, and no test to edit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILE = TESTS / "sentences.json"

Sentences = dict[str, dict[str, list[str]]]
"""The test file, the test in it, and what it hears, in order."""

_STORED, _HEARD = pytest.StashKey[Sentences](), pytest.StashKey[Sentences]()


def read_sentences() -> Sentences:
    """Return the sentences that are kept."""
    stored: Sentences = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    return stored


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-sentences", action="store_true", help="write what the tests hear")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_STORED], config.stash[_HEARD] = read_sentences(), {}


@pytest.fixture
def sentence(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[object], None]:
    """Hold what a test hears, paths of its folder aside, to what the file has for it."""
    stash, renews = request.config.stash, request.config.getoption("--renew-sentences")
    file = request.path.relative_to(TESTS).as_posix()
    heard = stash[_HEARD].setdefault(file, {}).setdefault(request.node.name, [])
    expected = stash[_STORED].get(file, {}).get(request.node.name, [])

    def hear(text: object) -> None:
        heard.append(str(text).replace(str(tmp_path), "TMP"))
        if not renews:
            assert heard == expected[: len(heard)], "renew the sentences, and read the difference"

    return hear


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was heard, without what tests that are gone once heard."""
    if not session.config.getoption("--renew-sentences"):
        return
    heard, stored = session.config.stash[_HEARD], read_sentences()
    there = {(item.path.relative_to(TESTS).as_posix(), item.name) for item in session.items}
    for file in {file for file, _ in there}:
        kept = {name: said for name, said in stored.get(file, {}).items() if (file, name) in there}
        stored[file] = dict(sorted((kept | heard.get(file, {})).items()))
    stored = {file: stored[file] for file in sorted(stored) if stored[file]}
    FILE.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
