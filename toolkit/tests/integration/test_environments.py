"""The chain in surroundings that are not as one would like them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.environments import make_venv
from integration.index.default_pypiserver import serve_default
from integration.once import Once
from integration.tiny import TinyProject, copy_of, serve_index
from trainwheel.errors import NoEnvironmentError
from trainwheel.index.pip import UvSettings
from trainwheel.install.bytecode import site_packages
from trainwheel.install.environments import Installer
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from unit.wheels import write_wheel

pytestmark = pytest.mark.integration

SECRET = "an0ther-Token"


@pytest.fixture
def alone(tiny: TinyProject, tmp_path: Path) -> TinyProject:
    """A project with environments of its own."""
    return TinyProject(tiny.root, tmp_path / "environments", tiny.variables)


@pytest.fixture
def fresh_venv(tmp_path: Path, once: Once) -> Callable[[str], str]:
    """Returns what a command line printed, run in a fresh virtual environment as it is typed."""
    folder = tmp_path / "fresh"
    make_venv(once, folder)

    def type_in(line: str) -> str:
        script = f'. "{folder}/bin/activate" && {line}'
        argv = ["sh", "-c", script]
        return subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    return type_in


def typed(line: str) -> str:
    """Return the command line that was printed behind a label."""
    return line.partition(":")[2].strip()


@pytest.mark.slow
def test_the_install_line_works_as_printed(
    published: TinyProject, fresh_venv: Callable[[str], str], tmp_path: Path
) -> None:
    project = copy_of(published, tmp_path / "modèle d'essai")
    embedded = project.nox("upload", "--", "--force")
    fresh_venv(typed(embedded.line("install: ")))
    predict = "from tiny_model.classifier import predict_record; print(predict_record({'x': 30}))"
    assert "'big'" in fresh_venv(f'python -c "{predict}"')
    fresh_venv("pip uninstall -q -y tiny-model joblib")

    # A user name that stands in the name of a package that is required.
    access = {"NEXUS_USERNAME": "lib", "NEXUS_PASSWORD": SECRET}
    with serve_default(tmp_path / "nexus", {"lib": SECRET}) as url:
        run = project.nox("upload", NEXUS_LOCAL_REPO_URL=url, **access)
        assert run.code == 0, run.output
        fresh_venv(typed(run.line("install: ")))

    assert run.output.count("index nexus has no tiny-model: it redirects to") == 1
    assert "***" not in run.output
    assert "'big'" in fresh_venv(f'python -c "{predict}"')


def test_an_environment_of_what_was_downloaded_before_asks_no_index(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "index", "helper", "1.0")
    line = f"helper==1.0 --hash=sha256:{digest_file(wheel)}\n"
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_NO_CONFIG": "1"}
    with serve_index(tmp_path / "index") as index:
        address = {
            "UV_DEFAULT_INDEX": f"{index.url}simple/",
            "UV_CACHE_DIR": str(tmp_path / "cache"),
        }
        installer = Installer(Environment(kept), bound_to=UvSettings(address))
        installer.ensure(tmp_path / "first", line)

    installer.ensure(tmp_path / "second", line)

    assert [*site_packages(tmp_path / "second").glob("helper*")]
    with pytest.raises(NoEnvironmentError, match="uv pip install"):
        installer.ensure(tmp_path / "third", line.replace("helper", "other"))


def test_a_package_that_the_lock_lacks_is_named_with_what_to_do(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "simple", "needy", "1", requires=("needed>=1",))
    write_wheel(tmp_path / "simple", "needed", "1")
    settings = UvSettings({"UV_FIND_LINKS": str(wheel.parent)}, ("--no-index",))
    installer = Installer(Environment(os.environ), bound_to=settings)
    line = f"needy==1 --hash=sha256:{digest_file(wheel)}\n"

    with pytest.raises(NoEnvironmentError, match=r"needs needed, .* Pipfile.lock .*`nox -s lock`"):
        installer.ensure(tmp_path / "env", line)


def test_an_index_of_packages_that_is_down_is_one_line_without_its_password(
    alone: TinyProject, tmp_path: Path
) -> None:
    variables = {
        "PIP_INDEX_URL": f"http://user:{SECRET}@127.0.0.1:9/simple/", "PIP_FIND_LINKS": "",
        "PIP_EXTRA_INDEX_URL": "", "UV_CACHE_DIR": str(tmp_path / "cache"), "UV_HTTP_RETRIES": "0",
    }  # fmt: skip

    run = alone.nox("train", **variables)

    assert "uv pip install: " in run.error("failed")
    assert SECRET not in run.output
    logs = (alone.root / "build" / "log").glob("*")
    assert not [path for path in logs if SECRET in path.read_text()]
    assert alone.made() == []


INSTALLS = """
import sys
place = {place!r}
with open(place + "/evil.py", "w"):
    sys.path.insert(0, place)
{load}
"""


def test_a_training_has_the_packages_of_the_lock_and_no_others(
    alone: TinyProject, tmp_path: Path
) -> None:
    main = "model/tiny_training/__main__.py"
    assert alone.nox("train").code == 0
    (home,) = alone.envdir.glob("packages*")
    joblib, original = site_packages(home) / "joblib/__init__.py", alone.read(main)
    text = joblib.read_bytes()
    joblib.write_bytes(b"raise SystemExit('evil')\n")

    fixed = alone.nox("train", "--", "--force")

    assert fixed.code == 0, fixed.output
    assert "joblib was edited; it is made again" in fixed.line(f"{home.name} has changed")
    assert joblib.read_bytes() == text
    assert alone.nox("train").output.count("has changed") == 0

    elsewhere = tmp_path / "site-packages"
    elsewhere.mkdir()
    for place, load, words in (
        (site_packages(home), "", "changed while train ran: evil.py was added"),
        (elsewhere, "import evil", f"training loaded evil from {elsewhere}"),
    ):
        installs = INSTALLS.format(place=str(place), load=load)
        alone.write(main, original.replace("import joblib\n", f"import joblib\n{installs}", 1))
        assert words in alone.nox("train").error("failed" if place != elsewhere else "refused")
    assert not (site_packages(home) / "evil.py").exists()


SHARED_MEMORY = {
    "as it is": "true",
    "read-only": "mount -t tmpfs -o ro tmpfs /dev/shm",
    "missing": "mount --rbind /dev $0 && mount -t tmpfs tmpfs /dev"
    " && for name in null urandom; do touch /dev/$name; mount --bind $0/$name /dev/$name; done",
}
IMPORT_JOBLIB = """\
import os
from pathlib import Path
from trainwheel.install.environments import Installer
from trainwheel.system.environ import Environment

notices = []
os.environ |= Installer(Environment(os.environ), notice=notices.append).variables(Path("/env"))
import joblib
print(len(notices), sum(joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(-n) for n in range(5))))
"""


@pytest.mark.parametrize("state", SHARED_MEMORY)
def test_joblib_starts_no_processes_without_a_warning_where_there_are_no_semaphores(
    tmp_path: Path, state: str
) -> None:
    apart = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("no mount of its own is allowed here")
    script = f'{SHARED_MEMORY[state]}; exec "$@"'
    python = [sys.executable, "-W", "error", "-c", IMPORT_JOBLIB]

    done = subprocess.run(
        [*apart, script, str(tmp_path), *python], check=False, capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == (f"{int(state != 'as it is')} 10\n", "")
