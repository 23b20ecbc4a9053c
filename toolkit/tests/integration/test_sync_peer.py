"""Side by side with the real pipenv-setup, and its use as an engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.once import once_for
from integration.tiny import ROOT
from trainwheel.cli.main import main
from trainwheel.errors import ConfigurationError, TrainwheelError
from trainwheel.install.pipenv_setup import PipenvSetup
from trainwheel.requirements.pep508 import meaning
from trainwheel.requirements.pins import SyncSettings
from trainwheel.requirements.setup_py import read_list
from trainwheel.steps.shared.synced import examine
from trainwheel.system.environ import read_environment
from unit.sync_corpus import CASES, copy_case

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Where the two disagree, and why; of every other sample they make the same requirements, or
# both refuse it.
_ITS_BUGS = {
    "aliased_import": "refuses setup() under another name, which setuptools takes",
    "bom": "ends in a traceback at a byte order mark",
    "check_pep508_vcs": "puts a repository into dependency_links, which pip no longer reads",
    "extras_dict_call": "refuses dict(…), though only extras stand there",
    "list_with_call": "deletes a computed element and says nothing; we refuse",
    "lock_no_develop": "ends in a traceback at a lock without a develop section",
    "merge_conflict_pipfile": "does not read the Pipfile, nor sees its merge marks; we refuse",
    "no_args_insert": "ends in a traceback at a blank before the bracket of setup ()",
    "remote_files": "puts archives into dependency_links and one has no name; we refuse",
    "single_line_call": "ends in a traceback when both lists stand on one line",
    "tuple_value": "refuses a tuple, which setuptools takes",
    "vcs_default": "puts repositories into dependency_links, without extras and markers",
    "concatenation": "refuses a sum of lists, which we make one list",
    "kwargs_dict": "writes a second install_requires, so that the build fails",
    "string_value": "refuses a text of several lines, which setuptools takes",
}


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> PipenvSetup:
    """The real one, installed once, with the digests that we ship."""

    def install(folder: Path) -> None:
        project = copy_case("decoy_setup_call", folder / "project")
        _theirs(project, PipenvSetup(folder / "pipenv-setup", read_environment()))

    folder = once_for(tmp_path_factory).folder("engine", install)
    return PipenvSetup(folder / "pipenv-setup", read_environment())


def _ours(project: Path) -> object:
    """Return the set of requirements that we would write, or that we refuse."""
    try:
        synced = examine(project, SyncSettings("locked"))
        return frozenset(map(meaning, read_list(synced.after)))
    except TrainwheelError:
        return "refused"


def _theirs(project: Path, engine: PipenvSetup) -> object:
    """Return the same of pipenv-setup itself, which reads the files as they are."""
    names = ("Pipfile", "Pipfile.lock", "setup.py")
    files = {name: (project / name).read_bytes() for name in names}
    try:
        made = engine(files, SyncSettings("locked"))
        return frozenset(map(meaning, read_list(made)))
    except TrainwheelError:
        return "refused"


@pytest.mark.parametrize("case", [case for case in CASES if case not in _ITS_BUGS])
def test_both_require_the_same_apart_from_its_bugs(
    case: str, tmp_path: Path, engine: PipenvSetup
) -> None:
    project = copy_case(case, tmp_path)
    assert _ours(project) == _theirs(project, engine)


def test_both_require_the_same_of_this_repository(engine: PipenvSetup) -> None:
    assert _ours(ROOT) == _theirs(ROOT, engine) != "refused"


class TestEngine:
    def test_the_command_writes_what_it_makes(
        self, tmp_path: Path, engine: PipenvSetup, capsys: pytest.CaptureFixture[str]
    ) -> None:
        project = copy_case("decoy_setup_call", tmp_path)
        (project / ".trainwheel").symlink_to(engine.folder.parent)
        options = ("sync", str(project), "--engine", "pipenv-setup", "--dev-extra", "dev")
        assert main([*options, "--check"]) == 1
        assert capsys.readouterr().out.startswith("--- setup.py\n")
        assert main(options) == 0
        assert main([*options, "--check"]) == 0
        source = (project / "setup.py").read_bytes()
        assert len(read_list(source)) == 3
        assert len(read_list(source, "dev")) == 2
        assert sorted(path.name for path in project.iterdir()) == [
            ".trainwheel",
            "Pipfile",
            "Pipfile.lock",
            "setup.py",
        ]

    def test_what_it_ruins_is_not_written(self, tmp_path: Path, engine: PipenvSetup) -> None:
        project = copy_case("decoy_setup_call", tmp_path)
        (project / "setup.py").write_text(
            "from setuptools import setup\n\nKEY = 'k'\n\nsetup(\n    install_requires=['a'],\n"
            "    extras_require={KEY: ['q'], 'dev': ['b']},\n    dependency_links=[],\n)\n"
        )
        before = (project / "setup.py").read_bytes()
        settings = SyncSettings("locked", {"dev": "dev-packages"})
        with pytest.raises(ConfigurationError, match=r"pipenv-setup ruined setup\.py: "):
            examine(project, settings, engine)
        assert (project / "setup.py").read_bytes() == before
