"""Models that scikit-learns of several years fitted predict in one process, with numpy alone."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest

from integration.environments import make_environment
from integration.tiny import ROOT, TESTS, run_to_end
from trainwheel.install.lock_environment import find_python
from trainwheel.system.environ import read_environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

VERSIONS = ("1.5.2", "1.7.2", version("scikit-learn"))
"""The oldest that is promised, one between, and today's."""
GUEST = TESTS / "unit" / "guest"


def test_models_of_old_and_new_scikit_learn_answer_in_one_process_as_each_did_alone(
    tmp_path: Path,
) -> None:
    python, files = find_python("3.11", read_environment()), []
    library = os.pathsep.join((str(TESTS.parent / "src"), str(TESTS)))
    for each in VERSIONS:
        env = make_environment(
            tmp_path / each, f"scikit-learn=={each}", "numpy>=2,<3", python=python
        )
        files.append(str(tmp_path / f"{each}.json"))
        variables = {"PYTHONPATH": library, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        made = run_to_end(
            [str(env), str(GUEST / "portable_golden.py"), files[-1]], tmp_path, variables
        )
        assert made.code == 0, made.output
    consumer = make_environment(tmp_path / "consumer", "numpy>=2,<3", python=python)
    model = ROOT / "model" / "oncology_model"
    argv = (str(consumer), "-P", "-B", str(GUEST / "ask_golden.py"), str(model), *files)

    asked = run_to_end(argv, tmp_path, {})

    assert asked.code == 0, asked.output
    answered = dict(line.split() for line in asked.output.splitlines())
    assert tuple(answered) == VERSIONS
    assert int(min(answered.values())) > 100
