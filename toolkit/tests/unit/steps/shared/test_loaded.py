"""What training loaded must be the repository's, Python's, or of packages that are locked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.errors import RefusedError
from trainwheel.guest import TRAIN
from trainwheel.install.bytecode import site_packages
from trainwheel.steps.shared.loaded import LOADED, check_loaded
from unit.repository import write, write_lock
from unit.steps.session import lock_more, open_with

Sentence = Callable[[object], None]


def install(site: Path, name: str, version: str, *files: str, metadata: str = "dist-info") -> None:
    """Leave what an installer leaves of a package: its metadata and its list of files."""
    folder = f"{name.replace('-', '_')}-{version}.{metadata}"
    name_of_list = "RECORD" if metadata == "dist-info" else "SOURCES.txt"
    lines = "".join(f"{line},sha256=x,1\n" for line in [*files, f"{folder}/{name_of_list}"])
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    write(site, f"{folder}/{'METADATA' if metadata == 'dist-info' else 'PKG-INFO'}", text)
    write(site, f"{folder}/{name_of_list}", lines)


@pytest.fixture
def site(root: Path) -> Path:
    """Where the environment of training has its packages, in a repository."""
    write_lock(root, helper="./helper")
    lock_more(root, "train", "scikit-learn", "zipp")
    site = site_packages(root / ".nox" / "train")
    install(site, "six", "1.16.0", "six.py")
    install(site, "scikit-learn", "1.16", "sklearn/__init__.py", "sklearn/tree/_tree.so")
    install(site, "zipp", "1.15", "zipp/__init__.py", "google/zipp.py")
    install(site, "helper", "3.0", "helper/__init__.py", "google/helper.py")
    install(site, "evil", "1.0", "evil.cpython-311.so", "google/evil.py")
    return site


def check(root: Path, **modules: Path) -> None:
    """Check a training that loaded these modules from these files."""
    session = open_with(root)
    document = {name.replace("__", "."): str(path) for name, path in modules.items()}
    write(root, LOADED, json.dumps(document))
    check_loaded(session.run, root / LOADED)


def test_what_is_locked_and_what_is_code_passes(root: Path, site: Path, tmp_path: Path) -> None:
    install(root / "model", "small-model", "0.1", "small_training/fit.py", metadata="egg-info")
    install(root / "vendor", "odd", "1", "odd.py")
    check(
        root, six=site / "six.py", sklearn=site / "sklearn/__init__.py",
        sklearn__tree=site / "sklearn/tree/_tree.so", helper=site / "helper/__init__.py",
        small_training=root / "model/small_training/__init__.py", odd=root / "vendor/odd.py",
        lib__part=tmp_path / "lib/part.py", lib=tmp_path / "lib/__init__.py",
        _trainwheel_watch=site / "_trainwheel_watch.py",
    )  # fmt: skip


def test_a_training_without_a_host_is_not_checked(root: Path) -> None:
    check_loaded(open_with(root).run, root / LOADED)


REFUSED = {
    "evil": ("{site}/evil.cpython-311.so", "evil 1.0 (not locked)"),
    "zipp": ("{site}/zipp/__init__.py", "zipp 1.15 (1.16.0 is locked)"),
    "google__evil": ("{site}/google/evil.py", "evil 1.0 (not locked) and zipp 1.15"),
    "stray": ("{site}/stray.py", "stray (of no package)"),
    "six": ("{other}/six.py", "six 1.16.0 from {other} (another environment)"),
    "two": ("{other}/two/a/__init__.py", "two 2 from {other} (not locked)"),
    "gone": ("{other}/gone.py", "gone from {other} (of no package)"),
    "below": ("{below}/below.py", "below from {below} (of no package)"),
    "deb": ("{debian}/deb.py", "deb from {debian} (of no package)"),
    "target": ("{target}/target/__init__.py", "target 4 from {target} (not locked)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_locked_is_refused_by_name(
    root: Path, site: Path, tmp_path: Path, name: str
) -> None:
    places = {
        "site": site,
        "other": tmp_path / "other/lib/site-packages",
        "below": root / ".venv/lib/python3/site-packages",
        "debian": tmp_path / "usr/dist-packages",
        "target": tmp_path / "target",
    }
    install(places["other"], "six", "1.16.0", "six.py")
    install(places["other"], "two", "2", "two/a/__init__.py")
    install(places["target"], "target", "4", "target/__init__.py")
    file, clause = (text.format(**places) for text in REFUSED[name])

    with pytest.raises(RefusedError) as caught:
        check(root, **{"six": site / "six.py", name: Path(file)})

    assert f"training loaded {clause}" in caught.value.message


def test_several_are_told_in_one_line(root: Path, site: Path, sentence: Sentence) -> None:
    with pytest.raises(RefusedError) as caught:
        check(root, evil=site / "evil.so", zipp=site / "zipp/__init__.py", os=site / "os.py")

    sentence(caught.value)


def test_a_root_behind_a_link_is_the_root(root: Path, site: Path, tmp_path: Path) -> None:
    del site
    (tmp_path / "link").symlink_to(root)
    install(root / "vendor", "odd", "1", "odd.py")

    check(tmp_path / "link", odd=root.resolve() / "vendor/odd.py")


JOB = """
import sys
sys.path.insert(0, sys.argv[1])
import foreign.part, own
sys.path.pop(0)
"""


def test_the_host_writes_down_what_was_loaded_and_from_where(tmp_path: Path) -> None:
    place = tmp_path / "other/site-packages"
    for path in ("other/site-packages/foreign/__init__.py", "own.py", "joblib.py", "sklearn.py"):
        write(tmp_path, path, "")
    write(place, "foreign/part.py", "")
    write(tmp_path, "job.py", JOB)
    files = {name: str(tmp_path / f"{name}.json") for name in ("measures", "loaded", "refusal")}
    plan = write(tmp_path, "plan.json", json.dumps({**files, "cluster": None}))
    argv = (sys.executable, "-I", str(TRAIN), str(plan), "job.py", str(place))
    subprocess.run(argv, cwd=tmp_path, check=True)

    loaded = json.loads((tmp_path / "loaded.json").read_bytes())

    expected = {"foreign": place / "foreign/__init__.py", "foreign.part": place / "foreign/part.py"}
    assert {**loaded, **{name: str(path) for name, path in expected.items()}} == loaded
    assert loaded["own"] == str(tmp_path / "own.py")
    assert not {"os", "json", "__main__"} & {*loaded}
