"""10,000 spoilt files, 3,000 of them in CI: a result, or one of our errors and unchanged files."""

from __future__ import annotations

import io
import random
from collections import Counter
from pathlib import Path

import pytest

from trainwheel.errors import TrainwheelError
from trainwheel.requirements.pins import POLICIES, SyncSettings
from trainwheel.steps.shared.synced import examine, settle
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from unit.sync_corpus import CASES, CORPUS, FILES, REFUSED, copy_case

_RUNS = 10_000
_PIECES = (
    *(b"[", b"]", b"(", b")", b"{", b"}", b",", b":", b"=", b"==", b"'", b'"', b'"""', b"#"),
    *(b"\n", b"\r\n", b"\r", b"\f", b"\0", b"\t", b" ", b"\\", b"\xff", b"\xef\xbb\xbf"),
    *(b"install_requires=[],", b"setup(", b"**kw", b"extras_require={'dev': []}", b"dev"),
    *(b"null", b"1e999", b"true", b"-1", b'"*"', b'{"git": "x"}', b'"_meta"', b"; os_name"),
    *(b"# coding: latin-1\n", b"# coding: utf-16\n", b"\\ud800", b"\xe2\x80\xa8", b" @ "),
    *(b"(" * 300, b"[" * 3000, b"9" * 5000, b"lambda:"),
)


def _spoil(data: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    """Return a file with one to three changes anywhere in it."""
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        start, stop = sorted(dice.choices(range(len(data) + 1), k=2))
        stop = min(stop, start + dice.choice((0, 1, 3, 20, 200)))
        new = dice.choice(_PIECES)
        other = dice.choice(others)
        at = dice.randrange(len(other))
        pieces = (b"", data[start:stop] * 2, other[at : at + dice.choice((5, 50, 500))])
        piece = dice.choice((*pieces, bytes([dice.randrange(256)]), new, new))
        data = data[:start] + piece + data[stop:]
    return data


@pytest.mark.parametrize("seed", [
    pytest.param(seed, marks=pytest.mark.slow if seed < 3 else pytest.mark.models)
    for seed in range(10)
])  # fmt: skip
def test_spoilt_files_give_a_result_or_one_of_our_errors(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable
    originals = {n: [(CORPUS / case / n).read_bytes() for case in CASES] for n in FILES}
    console = Console(Environment(), io.StringIO())
    outcomes: Counter[bool] = Counter()
    cases = sorted({*CASES} - {*REFUSED} | {"remote_files", "list_with_call"})
    for run in range(_RUNS // 10):
        project = copy_case(dice.choice(cases), tmp_path)
        spoilt = dice.choices(FILES, (1, 3, 4))[0]
        path = project / spoilt
        path.write_bytes(_spoil(path.read_bytes(), dice, originals[spoilt]))
        before = {name: (project / name).read_bytes() for name in FILES}
        # Any change of a Pipfile makes its lock stale, which `declared` does not look at.
        policy = "declared" if spoilt == "Pipfile" else dice.choice(POLICIES)
        settings = SyncSettings(policy, {"dev": "dev-packages"} if run % 2 else {})
        try:
            synced = examine(project, settings)
            settle(project, synced, check=False, console=console, show=console)
            outcome = ""
        except TrainwheelError as error:
            outcome = str(error)
        outcomes[bool(outcome)] += 1
        if outcome:
            assert "\n" not in outcome
            assert {name: (project / name).read_bytes() for name in FILES} == before
        else:
            assert not examine(project, settings).has_drifted
        assert sorted(path.name for path in project.iterdir()) == sorted(FILES)
    # Of both kinds enough that the test means something.
    assert min(outcomes[True], outcomes[False]) > _RUNS // 100
