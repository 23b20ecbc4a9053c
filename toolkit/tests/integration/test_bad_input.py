"""What is wrong in a repository is said in one line, before anything is made of it."""

from __future__ import annotations

import pytest

from integration.tiny import TinyProject, lock_for

pytestmark = pytest.mark.integration

PIPFILE_NOT_TOML = '[packages]\n<<<<<<< HEAD\njoblib = "*"\n'


def test_a_repository_without_our_table_is_told_what_to_add(tiny: TinyProject) -> None:
    tiny.write("pyproject.toml", '[build-system]\nrequires = ["setuptools"]\n')

    told = tiny.nox("train").error("configuration")

    assert "pyproject.toml has no [tool.trainwheel] table; add one with at least package" in told
    assert tiny.made() == []


def test_every_wrong_key_is_named_in_one_line_with_the_likely_one(tiny: TinyProject) -> None:
    tiny.configure('toleranc = 0.1\nsource = "/abs"\n[tool.trainwheel.version]\nrelease = "no"')
    tiny.replace("pyproject.toml", 'package = "tiny_model"', "")
    tiny.replace("pyproject.toml", "train.command", "[tool.trainwheel.train]\ncommand")

    told = tiny.nox("train").error("configuration")

    assert "unknown key tool.trainwheel.toleranc, did you mean tolerance?" in told
    assert "tool.trainwheel.source = '/abs', but it takes a path inside the repository" in told
    assert "tool.trainwheel.version.release = 'no', but it takes" in told
    assert "tool.trainwheel.package is missing" in told
    assert tiny.made() == []


@pytest.mark.parametrize(
    ("text", "problem", "mend"),
    [
        (None, "Pipfile.lock is missing", "run `nox -s lock`"),
        ("{", "Pipfile.lock is not valid JSON", "run `nox -s lock`"),
        ("[]", "Pipfile.lock is not a table of categories", "run `nox -s lock`"),
        (lock_for("[packages]\n"), "Pipfile.lock is not the lock of this Pipfile", "run `nox"),
    ],
    ids=["missing", "corrupt", "a list", "stale"],
)
def test_a_lock_that_cannot_be_used_stops_the_chain_at_its_start(
    tiny: TinyProject, text: str | None, problem: str, mend: str
) -> None:
    (tiny.root / "Pipfile.lock").unlink()
    if text is not None:
        tiny.write("Pipfile.lock", text)

    run = tiny.nox("upload")

    told = run.error("configuration")
    assert problem in told
    assert mend in told
    assert not run.has_trained
    assert tiny.made() == []


@pytest.mark.parametrize(
    ("name", "session"),
    [("Pipfile", "sync"), ("Pipfile", "lock"), ("Pipfile.lock", "sync"), ("Pipfile.lock", "lint")],
)
def test_a_secret_in_an_address_is_refused_and_not_shown(
    tiny: TinyProject, name: str, session: str
) -> None:
    if name == "Pipfile":
        tiny.replace(name, "[test]", '[test]\nsix = {git = "https://s3cret@x.example/six.git"}')
    else:
        source = '"sources": [{"name": "six", "url": "https://x.example/?token=s3cret"}]'
        tiny.replace(name, '"sources": []', source)
    kept = {file: tiny.read(file) for file in ("Pipfile", "Pipfile.lock", "setup.py")}

    run = tiny.nox(session)

    told = run.error("configuration")
    assert f"{name}: " in told
    assert "six" in told
    assert "s3cret" not in run.output
    assert {file: tiny.read(file) for file in kept} == kept


def test_a_package_added_to_the_pipfile_and_not_locked_is_named(tiny: TinyProject) -> None:
    tiny.replace("Pipfile", "[train]", '[train]\nskops = "*"')

    assert "skops of [train] is not in it" in tiny.nox("train").error("configuration")


def test_a_pipfile_with_a_merge_conflict_is_said_to_be_no_toml(tiny: TinyProject) -> None:
    tiny.write("Pipfile", PIPFILE_NOT_TOML)

    told = tiny.nox("train").error("configuration")

    assert "Pipfile is not" in told
    assert "TOML" in told
    assert "line 2" in told


@pytest.mark.parametrize("session", ["upload", "package", "version"])
@pytest.mark.parametrize(
    ("version", "problem"),
    [("", "version"), ("version=open('VERSION').read(),", "version")],
    ids=["none", "computed"],
)
def test_a_setup_py_whose_version_cannot_be_read_is_refused_before_training(
    tiny: TinyProject, version: str, problem: str, session: str
) -> None:
    tiny.replace("setup.py", 'version="0.1.0",', version)

    run = tiny.nox(session)

    told = run.error("configuration")
    assert "setup.py" in told
    assert problem in told
    assert not run.has_trained
    assert tiny.made() == []


def test_a_repository_without_setup_py_is_told_before_training(tiny: TinyProject) -> None:
    (tiny.root / "setup.py").unlink()

    told = tiny.nox("package").error("configuration")

    assert "setup.py cannot be read: No such file or directory; write one that calls" in told
    assert tiny.made() == []


@pytest.mark.parametrize(
    ("session", "told"),
    [
        ("test", "artefact/model.joblib does not exist; train the model first: nox -s train"),
        ("version", "artefact/model.joblib does not exist; train the model first: nox -s train"),
        ("package", "train has no record; run it first: nox -s train"),
        ("upload", "no version has been decided here; decide it with: nox -s version"),
        ("verify", "no wheel has been packaged here; make it with: make package.model"),
    ],
)
def test_a_session_whose_needs_have_not_run_says_which_to_run(
    tiny: TinyProject, session: str, told: str
) -> None:
    run = tiny.run(*tiny.argv(session), "--no-dependencies")

    assert told in run.error("failed")
    assert tiny.made() == []


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"TRAINWHEEL_VERSION": "one"}, "'one' is not a PEP 440 version; write it like 1.2.0"),
        ({"BUILD_NUMBER": "17a"}, "the build number '17a' is not a whole number; set BUILD_NUMBER"),
    ],
)
@pytest.mark.parametrize("session", ["upload", "package"])
def test_a_version_that_is_none_is_refused_before_training(
    tiny: TinyProject, asked: dict[str, str], problem: str, session: str
) -> None:
    run = tiny.nox(session, **asked)

    assert problem in run.error("configuration")
    assert not run.has_trained
    assert tiny.made() == []


def test_a_version_lower_than_the_newest_is_refused_before_training(
    published: TinyProject,
) -> None:
    published.write("model/tiny_model/extra.py", "")

    run = published.nox("upload", TRAINWHEEL_VERSION="0.1.0rc1")

    told = run.error("configuration")
    assert "version 0.1.0rc1 is lower than 0.1.0, which is published; ask for a higher" in told
    assert not run.has_trained
    assert published.published() == ["0.1.0"]


def test_an_option_that_no_session_knows_is_refused_with_the_likely_one(
    tiny: TinyProject,
) -> None:
    run = tiny.nox("train", "--", "--verbos")

    told = run.error("configuration")
    assert "no session knows the option --verbos; did you mean --verbose?" in told
    assert tiny.made() == []


def test_a_word_that_no_session_takes_is_refused(tiny: TinyProject) -> None:
    run = tiny.nox("train", "--", "tiny-model==0.1.0")

    assert "no session of this run takes 'tiny-model==0.1.0'" in run.error("configuration")


def test_options_of_other_sessions_are_ignored(published: TinyProject) -> None:
    run = published.nox("train", "--", "--to", "embedded", "--check")

    assert run.code == 0, run.output
    assert "unchanged" in run.line("train ")


def test_a_noxfile_that_registers_an_unknown_step_is_told_the_steps(tiny: TinyProject) -> None:
    tiny.replace("noxfile.py", "register()", 'register(exclude=["docs"])')

    told = tiny.nox("train").error("configuration")

    assert "register() knows no step 'docs'; the steps are data, doc, train" in told


def test_data_that_is_not_there_is_named_before_training(tiny: TinyProject) -> None:
    tiny.configure('data = ["data/rows.csv"]')

    told = tiny.nox("train").error("configuration")

    assert "data/rows.csv, which training reads, does not exist; fetch the data, or" in told
    assert tiny.made() == []
