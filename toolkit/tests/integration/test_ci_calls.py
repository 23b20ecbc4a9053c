"""How others call ``model.yml``: twice in a run, for a folder, by labels, for any event."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from integration.jobs import Job, lock_tools, place_command
from integration.repositories import Repository, Service
from integration.test_ci_planted import Plants, credentials_of, hand_over, values_of
from integration.test_init import variables_of
from integration.tiny import ROOT, RealIndex, TinyProject, commit_all, serve_index

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MAKEFILE = """\
install:
\tmkdir -p .venv/bin
\tln -sf "$(dir {python})trainwheel" .venv/bin/trainwheel
prove.model:
package.model: install
\tenv > "$$SEEN/$$(basename "$$PWD")"
\tcp -p "$$TRAINWHEEL_DASK_KEY_FILE" "$$SEEN/$$(basename "$$PWD").pem"
\t"{python}" -P -m nox --envdir "{envdir}" -s package
"""
CALL = """\
  {name}:
    uses: ./.github/workflows/model.yml
    with:
      python-version: "3.11"
      publish: true
      working-directory: models/{name} model
      artifact-suffix: -{name}
      runner: '["ubuntu-24.04", "gpu"]'
      check: {check}
      version: ${{{{ github.ref_type == 'tag' && github.ref_name || '' }}}}
    secrets: {secrets}
"""
DATA = {"DATA_PASSWORD": "d4ta-Token-Of-This-Test", "DASK_KEY": "-----BEGIN KEY-----\nabc\n"}
# Training gets it, for nothing else here fetches data.
NEEDS_DATA = """
import os
if os.environ["DATA_PASSWORD"] != "d4ta-Token-Of-This-Test" or "NEXUS_PASSWORD" in os.environ:
    raise SystemExit("not the secrets of training")
"""
SERVED = ("push", "schedule", "workflow_dispatch", "release", "repository_dispatch")
REFUSAL = "Refuse to publish for an event that releases nothing"
OTHERS = ("pull_request", "pull_request_target", "merge_group", "workflow_run", "deployment")


def call(names: tuple[str, ...], secrets: Mapping[str, str], *, check: bool = True) -> str:
    """Return a workflow that calls ``model.yml`` for some folders, for every event."""
    own = json.dumps({name: f"${{{{ secrets.{name} }}}}" for name in secrets})
    calls = "".join(CALL.format(name=n, check=str(check).lower(), secrets=own) for n in names)
    return f"on: [{', '.join((*SERVED, *OTHERS))}]\npermissions: {{}}\njobs:\n{calls}"


@pytest.fixture
def service(tmp_path: Path, tiny: TinyProject) -> Service:
    """A repository with two models, each in a folder, and its service, which knows no index."""
    variables = variables_of(tmp_path / "home")
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    repository = Repository(tmp_path / "two models", variables)
    shutil.copytree(ROOT / ".github" / "workflows", repository.root / ".github" / "workflows")
    tiny.configure('secrets.data = ["DATA_PASSWORD"]')
    tiny.write("Makefile", MAKEFILE.format(python=sys.executable, envdir=tiny.envdir))
    training = "model/tiny_training/__main__.py"
    tiny.write(training, tiny.read(training) + NEEDS_DATA)
    tiny.write(".gitignore", tiny.read(".gitignore") + ".venv/\nhanded-over/\ncommand/\n")
    lock_tools(tiny)
    for name in ("first", "second"):
        folder = repository.root / "models" / f"{name} model"
        shutil.copytree(tiny.root, folder, ignore=shutil.ignore_patterns(".git"))
        setup = folder / "setup.py"
        setup.write_text(setup.read_text().replace("tiny-model", f"tiny-{name}"))
    assert repository.run("git", "init", "--quiet").code == 0
    (tmp_path / "seen").mkdir()
    return Service(repository, tmp_path / "kept", DATA, {}, {"SEEN": str(tmp_path / "seen")})


def calls(service: Service, text: str) -> Service:
    """Commit the workflow that calls, and return the service."""
    path = service.repository.root / ".github" / "workflows" / "caller.yml"
    path.write_text(text, encoding="utf-8")
    service.repository.commit()
    return service


def knowing(service: Service, index: RealIndex) -> Service:
    """Return the service of a repository that has the credentials of an index."""
    opening = {"USERNAME": index.username, "PASSWORD": index.password}
    secrets = {f"NEXUS_{k}{n}": value for k in ("", "READ_") for n, value in opening.items()}
    variables = {"NEXUS_LOCAL_REPO_URL": index.url}
    return replace(service, secrets={**secrets, **DATA}, variables=variables)


LABELS = ("--platform", "gpu=-self-hosted")


def seen(service: Service) -> dict[str, str]:
    """Return what ``make package.model`` saw: the name of a file → its text."""
    folder = Path(service.environment["SEEN"])
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.mark.slow
def test_two_calls_in_one_run_release_two_folders_of_a_tag_and_no_other_bytes_once_it_has_moved(
    service: Service, tmp_path: Path
) -> None:
    names, kinds = ("first", "second"), ("command", "handed-over", "report")
    with serve_index(tmp_path / "index", protect_reads=True) as index:
        service = knowing(service, index)
        calls(service, call(names, service.secrets))
        done = service.run("release", "caller.yml", 7, *LABELS)
        published = {path.name: path.read_bytes() for path in index.folder.glob("*.whl")}
        service.repository.edit("models/first model/README.md", "# ", "# Another ")
        # What comes out the same in the other folder is published again by a test below.
        calls(service, call(names[:1], service.secrets))
        moved = service.run("release", "caller.yml", 8, *LABELS)

    assert done.code == 0, done.output
    assert published.keys() == {f"tiny_{name}-0.2.0-py3-none-any.whl" for name in names}
    kept = {path.name for path in service.kept(7).iterdir()}
    assert kept == {f"{kind}-py3.11-{name}" for kind in kinds for name in names}
    assert done.output.count("golden predictions") >= len(names)
    texts, key = seen(service), Path(service.environment["SEEN"]) / "first model.pem"
    assert texts["first model.pem"].strip() == DATA["DASK_KEY"].strip()
    assert key.stat().st_mode & 0o777 == 0o600
    # Of the secrets that nobody gave, none is there; that of the upload is there for no build.
    assert "DATA_TOKEN" not in texts["first model"]
    assert "AWS_SECRET_ACCESS_KEY" not in texts["first model"]
    assert "NEXUS_PASSWORD" not in texts["first model"]
    assert moved.code != 0
    assert "refused: " in moved.output
    assert published == {path.name: path.read_bytes() for path in index.folder.glob("*.whl")}


@pytest.mark.parametrize("event", OTHERS)
def test_an_event_that_releases_nothing_fails_and_says_so(service: Service, event: str) -> None:
    calls(service, call(("first",), DATA))

    done = service.run(event, "caller.yml", 1, *LABELS)

    assert done.code != 0
    # act may lose what a process prints that ends at once.
    assert f"Failure - Main {REFUSAL}" in done.output
    assert list(service.kept(1).iterdir()) == []
    assert seen(service) == {}


def test_the_refusal_names_the_event(tmp_path: Path) -> None:
    values = {"github.event_name": "merge_group", "github.workspace": str(tmp_path)}

    done = Job("build", tmp_path, {"PATH": os.defpath}, values).run(REFUSAL)

    assert done.code == 1
    assert "publishes nothing for the event merge_group:" in done.line("::error::")


@pytest.mark.parametrize("event", ["schedule", "repository_dispatch"])
def test_an_event_that_releases_is_built_and_what_publishes_is_made(
    service: Service, event: str
) -> None:
    makefile = service.repository.root / "models" / "first model" / "Makefile"
    *lines, _ = makefile.read_text().splitlines()
    makefile.write_text("\n".join((*lines, "\texit 3\n")))
    calls(service, call(("first",), DATA, check=False))

    done = service.run(event, "caller.yml", 1, *LABELS)

    # It ends where this test lets it end: the job that tries the credentials was left out.
    assert done.code != 0
    assert "::error::" not in done.output
    assert seen(service).keys() == {"first model", "first model.pem"}
    assert [path.name for path in service.kept(1).iterdir()] == ["command-py3.11-first"]


def with_password(password: str) -> Callable[[Service], Service]:
    change = {"NEXUS_PASSWORD": password}
    return lambda service: replace(service, secrets={**service.secrets, **change})


def pointer_of_lfs(service: Service) -> Service:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 9000000\n"
    path = service.repository.root / "models" / "first model" / "rows.csv"
    path.write_text(pointer)
    service.repository.commit()
    return service


@pytest.mark.parametrize(("spoil", "line"), [
    (with_password("an-0ld-Password"), "publish to nexus"),
    (with_password(""), "publish to nexus"), (pointer_of_lfs, "large files"),
])  # fmt: skip
def test_what_a_later_job_would_fail_for_ends_the_run_before_anything_is_trained(
    service: Service, tmp_path: Path, spoil: Callable[[Service], Service], line: str
) -> None:
    with serve_index(tmp_path / "index", protect_reads=True) as index:
        service = knowing(service, index)
        calls(service, call(("first",), service.secrets))

        done = spoil(service).run("push", "caller.yml", 1, *LABELS)

    assert done.code != 0
    assert line in done.error("failed")
    assert seen(service) == {}
    assert index.published() == []


@pytest.mark.slow
def test_jobs_that_run_again_publish_what_was_built_and_no_second_time(
    published: TinyProject, shut_nexus: RealIndex, tmp_path: Path, runner: dict[str, str]
) -> None:
    artifacts = hand_over(published, tmp_path)
    values = values_of(artifacts, shut_nexus)
    # One workspace for all attempts, on a runner that keeps it.
    workspace = tmp_path / "workspace"
    workspace.mkdir()

    def attempt(job: str, **more: str) -> str:
        done = Job(job, workspace, runner, {**values, **more}, artifacts).run()
        return done.output if done.code == 0 else "failed"

    def outcome() -> str:
        return (tmp_path / "workspace.output").read_text().rpartition("outcome=")[2].strip()

    assert attempt("publish", **{"vars.NEXUS_LOCAL_REPO_URL": "http://127.0.0.1:9/"}) == "failed"
    assert shut_nexus.published() == []
    assert "published tiny-model 0.1.0" in attempt("publish")
    assert outcome() == "published"
    (wheel,) = shut_nexus.folder.glob("*.whl")
    times = wheel.stat().st_mtime_ns
    assert "golden predictions" in attempt("verify")
    # All jobs run again: what was built comes out the same, and is there already.
    assert "already, identical" in attempt("publish")
    assert outcome() == "published"
    assert wheel.stat().st_mtime_ns == times


@pytest.mark.slow
def test_the_credentials_are_tried_beside_what_an_earlier_job_left(
    published: TinyProject, shut_nexus: RealIndex, tmp_path: Path, runner: dict[str, str]
) -> None:
    place_command(published.root)
    plants = Plants(published.root, tmp_path / "stolen")
    plants.lay()

    step = "Look for what a later job would fail for"
    done = Job("check", published.root, runner, credentials_of(shut_nexus)).run(step)

    assert done.code == 0, done.output
    assert "accepts the credentials" in done.line("publish to nexus")
    assert shut_nexus.password not in done.output
    assert plants.read() == ""


@pytest.mark.slow
def test_a_shallow_clone_builds_the_wheel_of_a_whole_one(tiny: TinyProject, tmp_path: Path) -> None:
    tiny.write("README.md", "# The second commit\n")
    commit_all(tiny)
    wheels = []
    for name, words in (("whole", ()), ("shallow", ("--depth", "1"))):
        clone = replace(tiny, root=tmp_path / name)
        made = tiny.run("git", "clone", *words, tiny.root.as_uri(), str(clone.root))
        assert made.code == 0, made.output
        packaged = clone.nox("package")
        assert packaged.code == 0, packaged.output
        wheels.append((clone.wheel.name, clone.wheel.read_bytes()))

    assert wheels[0] == wheels[1]
