"""Side by side with the real pipenv-setup, and its use as an engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integration.tiny import ROOT, TinyProject
from trainwheel.cli.main import main
from trainwheel.errors import ConfigurationError, TrainwheelError
from trainwheel.install.pipenv_setup import REQUIREMENTS, PipenvSetup
from trainwheel.requirements.pep508 import meaning
from trainwheel.requirements.pins import SyncSettings
from trainwheel.requirements.setup_py import read_extra, read_install_requires
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
    "kwargs_dict": "writes a second install_requires, so that the build fails; we refuse",
}


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> PipenvSetup:
    """The real one, installed once, with the digests that we ship."""
    folder = tmp_path_factory.mktemp("engine") / "pipenv-setup"
    return PipenvSetup(folder, read_environment())


def _ours(project: Path) -> object:
    """Return the set of requirements that we would write, or that we refuse."""
    try:
        synced = examine(project, SyncSettings("locked"))
        return frozenset(map(meaning, read_install_requires(synced.after)))
    except TrainwheelError:
        return "refused"


def _theirs(project: Path, engine: PipenvSetup) -> object:
    """Return the same of pipenv-setup itself, which reads the files as they are."""
    names = ("Pipfile", "Pipfile.lock", "setup.py")
    files = {name: (project / name).read_bytes() for name in names}
    try:
        made = engine(files, SyncSettings("locked"))
        return frozenset(map(meaning, read_install_requires(made)))
    except TrainwheelError:
        return "refused"


@pytest.mark.parametrize("case", CASES)
def test_both_require_the_same_apart_from_its_bugs(
    case: str, tmp_path: Path, engine: PipenvSetup
) -> None:
    project = copy_case(case, tmp_path)
    same = _ours(project) == _theirs(project, engine)
    assert same is (case not in _ITS_BUGS), _ITS_BUGS.get(case)


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
        assert len(read_install_requires(source)) == 3
        assert len(read_extra(source, "dev")) == 2
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

    @pytest.mark.parametrize(
        ("settings", "python", "message"),
        [
            (SyncSettings("locked"), (3, 14), "runs on Python 3.9 to 3.13, and this is 3.14"),
            (SyncSettings("direct"), (3, 11), "knows no policy 'direct'"),
            (SyncSettings("locked", {"t": "test"}), (3, 11), "writes no extra but dev"),
        ],
    )
    def test_where_it_cannot_one_line_says_so(
        self, settings: SyncSettings, python: tuple[int, int], message: str, tmp_path: Path
    ) -> None:
        refusing = PipenvSetup(tmp_path / "none", read_environment(), python)
        with pytest.raises(ConfigurationError, match=message):
            refusing({"setup.py": b""}, settings)
        assert not (tmp_path / "none").exists()

    def test_its_requirements_name_digests_and_no_address(self) -> None:
        text = REQUIREMENTS.read_text(encoding="utf-8")
        assert "//" not in text
        entries = re.split(r"\n(?=\w)", text.strip())[1:]
        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
        assert {"pip==25.0.1", "vistir==0.6.1", "pipenv-setup==3.2.0"} <= set(text.split())

    def test_the_nox_session_takes_it_as_well(self, tiny: TinyProject) -> None:
        tiny.replace("setup.py", "joblib>=1.6.0,<2", "joblib")
        run = tiny.nox("sync", "--", "--engine", "pipenv-setup")
        assert run.code == 0, run.output
        assert read_install_requires(tiny.read("setup.py").encode())[0].startswith("cloudpickle==")
        assert (tiny.envdir / "pipenv-setup").is_dir()
