"""A Debian that holds what a job needs at least, in a folder, with a user whom no file names."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.tiny import ROOT, Run, run_to_end
from trainwheel.install.environments import read_pip_settings, user_cache
from trainwheel.system.environ import read_environment

__all__ = ["CHECKOUT", "HOME", "Debian", "make_debian", "require_debian"]

TOOLS = ("mmdebstrap", "unshare", "chroot")
# A root in 15 seconds of CPU time; debootstrap takes twice that.
MAKE = (
    *("mmdebstrap", "--quiet", "--variant=apt", "--include=python3,git,make"),
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man")),
)
# Lies there without being installed.
FETCH = (
    'mkdir -p "$1/debs/partial" && chroot "$1" apt-get install --quiet=2 --download-only'
    " --no-install-recommends -o Dir::Cache::archives=/debs python3-venv"
)
USER = 4711
HOME = "/home/job"
CHECKOUT = f"{HOME}/checkout"
DEVICES = tuple(Path("/dev", name) for name in ("null", "zero", "full", "random", "urandom"))
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Debian:
    """A root file system, and what of this machine is seen in it.

    Args:
        root: Its folder.
        bound: What is where it is on this machine.
        has_shared_memory: Whether ``/dev/shm`` can be written.
    """

    root: Path
    bound: tuple[Path, ...]
    has_shared_memory: bool

    def run(self, *argv: str, is_root: bool = False) -> Run:
        """Run a command in the checkout, as the user or as root, with nothing of this shell.

        Root sees nothing of this machine, for it may write into what is bound.
        """
        bound = DEVICES if is_root else (*DEVICES, *self.bound)
        places = [(path, f"{self.root}{path}") for path in bound]
        mounts = [shlex.join(("mount", "--bind", str(path), to)) for path, to in places]
        mounts.append(f"mount -t proc proc {shlex.quote(str(self.root / 'proc'))}")
        if self.has_shared_memory:
            mounts.append(f"mount -t tmpfs tmpfs {shlex.quote(str(self.root / 'dev/shm'))}")
        script = "\n".join([*mounts, 'exec "$@"'])
        user = () if is_root else (f"--userspec={USER}:{USER}",)
        path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin" if is_root else "PATH=/usr/bin:/bin"
        proxies = (f"{name}={os.environ[name]}" for name in PROXIES if name in os.environ)
        argv = ("env", "-i", f"--chdir={CHECKOUT}", f"HOME={HOME}", path, *proxies, *argv)
        argv = ("chroot", *user, str(self.root), *argv)
        apart = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", script)
        return run_to_end((*apart, "sh", *argv), self.root, dict(os.environ), 900)

    def folder(self, name: str) -> Path:
        """Return where a folder of it is on this machine."""
        return self.root / name.lstrip("/")


def require_debian() -> None:
    """Leave a test out on a machine that cannot make such a root, but never in CI."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if (missing or os.geteuid() != 0 or not _mirror()) and not os.environ.get("CI"):
        pytest.skip("needs root on Debian, and mmdebstrap")
    assert not missing


@contextmanager
def make_debian(suite: str, root: Path, *, has_shared_memory: bool) -> Iterator[Debian]:
    """Yield a fresh root with a copy of this checkout, which the user owns."""
    root.mkdir()
    subprocess.run(["tar", "-xf", _image(suite), "-C", root, "--exclude=./dev/*"], check=True)
    try:
        settings = read_pip_settings(read_environment())
        network = (Path("/etc/resolv.conf"), Path("/etc/hosts"))
        bound = (*network, *_places(settings))
        for path in (*DEVICES, *bound):
            _make_place(Path(f"{root}{path}"), is_folder=path.is_dir())
        if has_shared_memory:
            (root / "dev/shm").mkdir()
        debian = Debian(root, bound, has_shared_memory)
        _write_home(debian, settings)
        yield debian
    finally:
        # All that was mounted is gone with its namespace; if not, this would remove it.
        assert str(root) not in Path("/proc/self/mounts").read_text()
        shutil.rmtree(root)


def _mirror() -> str:
    """Return where apt has this machine's Debian from."""
    words = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    which = ("Origin: Debian", "Label: Debian")
    listed = subprocess.run([*words, *which], capture_output=True, text=True, check=False)
    return next(iter(listed.stdout.split()), "")


def _image(suite: str) -> Path:
    """Return an archive of a root, kept in the user's cache."""
    words = (*MAKE, f"--customize-hook={FETCH}", suite)
    cache = user_cache(read_environment(), "trainwheel")
    assert cache is not None
    name = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
    image = cache / f"{suite}-{name}.tar"
    if not image.exists():
        part = image.with_suffix(f".{os.getpid()}.tar")
        try:
            subprocess.run([*words, part, _mirror()], check=True)
            part.rename(image)
        finally:
            part.unlink(missing_ok=True)
    return image


def _places(settings: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files and folders of this machine that pip's settings name.

    The pages of an index in a folder may name files beside it.
    """
    for word in " ".join(settings.values()).split():
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            is_alone = path.is_file() or path.parent == Path("/")
            yield path if is_alone else path.parent


def _make_place(place: Path, *, is_folder: bool) -> None:
    (place if is_folder else place.parent).mkdir(parents=True, exist_ok=True)
    if not is_folder:
        place.touch()


def _write_home(debian: Debian, settings: Mapping[str, str]) -> None:
    checkout = debian.folder(CHECKOUT)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in os.fsdecode(listed.stdout).split("\0"):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    config = debian.folder(HOME) / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    lines = (f"{key} = {value}\n" for key, value in settings.items())
    config.write_text("".join(["[global]\n", *lines]))
    subprocess.run(["chown", "-R", f"{USER}:{USER}", debian.folder(HOME)], check=True)
    who = ("-c", "user.name=A Job", "-c", "user.email=job@example.org")
    for words in ("init --quiet", "add --all", "commit --quiet --message All"):
        done = debian.run("git", *who, *words.split())
        assert done.code == 0, done.output
