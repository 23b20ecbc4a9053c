"""The finished form of real wheels: fixed, true, and the same bytes wherever it is made."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import packaging
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uv import find_uv_bin

import trainwheel
from pythons import find_python
from trainwheel.errors import (
    ConfigurationError,
    InputChangedError,
    StepFailedError,
    TrainwheelError,
)
from trainwheel.wheel.finish import finish
from unit.wheels import check_record, digest, read_members, write_wheel
from wheel_differences import compare_wheels

DIST_INFO = "tiny_model-0.1.0.dist-info/"
RECORD = f"{DIST_INFO}RECORD"
MODEL = "tiny_model/artefact/model.joblib"
NOISE = random.Random(7).randbytes(300_000)  # noqa: S311 - repeatable
ZEROS = bytes(300_000)
LONG = 120.0


def entries(wheel: Path) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return {info.filename: info for info in archive.infolist()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a finished wheel goes: a folder with nothing else in it."""
    (tmp_path / "dist").mkdir()
    return tmp_path / "dist" / "tiny_model-0.1.0-py3-none-any.whl"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A wheel of one empty module, as a back end has built it."""
    return write_wheel(tmp_path)


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """A trained model of noise."""
    path = tmp_path / "model.joblib"
    path.write_bytes(NOISE)
    return path


def test_members_stand_in_a_fixed_order(tmp_path: Path, target: Path) -> None:
    names = ["tiny_model/z.py", "tiny_model-0.1.0.data/scripts/run", "a.py", "tiny_model/sub/é.py"]
    built = write_wheel(tmp_path, members=dict.fromkeys(names, b""))

    finish(built, target, {MODEL: b"model", f"{DIST_INFO}sboms/a.cdx.json": b"{}"})

    assert list(entries(target)) == [
        "a.py", "tiny_model-0.1.0.data/scripts/run", "tiny_model/__init__.py", MODEL,
        "tiny_model/sub/é.py", "tiny_model/z.py", f"{DIST_INFO}METADATA", f"{DIST_INFO}WHEEL",
        f"{DIST_INFO}sboms/a.cdx.json", RECORD,
    ]  # fmt: skip


def test_entries_say_nothing_of_where_and_when_they_were_made(tmp_path: Path, target: Path) -> None:
    built = write_wheel(tmp_path, members={"tiny_model/run.sh": b"#!", "tiny_model/é/": b""})

    finish(built, target, {MODEL: NOISE, "tiny_model/é.txt": b"e" * 99})

    for name, info in entries(target).items():
        mode = 0o755 if name.endswith(".sh") else 0o644
        assert info.external_attr == (stat.S_IFREG | mode) << 16, name
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert info.flag_bits == (0x800 if "é" in name else 0)
        assert (info.create_system, info.create_version, info.extract_version) == (3, 20, 20)
        assert (info.extra, info.comment, info.internal_attr) == (b"", b"", 0)
    assert "tiny_model/é/" not in entries(target)


@pytest.mark.parametrize(("mode", "finished"), [
    (0o100600, 0o644), (0o100664, 0o644), (0o100700, 0o755), (0o100655, 0o644), (0, 0o644),
])  # fmt: skip
def test_only_the_owners_right_to_execute_is_kept(
    built: Path, target: Path, mode: int, finished: int
) -> None:
    with zipfile.ZipFile(built, "a") as archive:
        info = zipfile.ZipInfo("tiny_model/tool")
        info.external_attr = mode << 16
        archive.writestr(info, b"")

    finish(built, target, {})

    assert entries(target)["tiny_model/tool"].external_attr >> 16 & 0o777 == finished


def test_what_is_added_has_the_bytes_of_the_file_and_not_its_mode(
    built: Path, artefact: Path, target: Path
) -> None:
    artefact.chmod(0o700)
    contents = {MODEL: NOISE, "tiny_model/__init__.py": b""}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}

    finish(built, target, {MODEL: artefact}, digests=digests)

    assert read_members(target)[MODEL] == NOISE
    assert entries(target)[MODEL].external_attr >> 16 == 0o100644
    check_record(target)
    assert f"{MODEL},{digest(NOISE)},{len(NOISE)}\n" in read_members(target)[RECORD].decode()


STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


@pytest.mark.parametrize(("data", "method"), [
    pytest.param(b"", STORED, id="empty"), pytest.param(b"x = 1\n", STORED, id="tiny"),
    pytest.param(b"x = 1\n" * 20, DEFLATED, id="text"), pytest.param(NOISE, STORED, id="noise"),
    pytest.param(ZEROS, DEFLATED, id="zeros"),
    pytest.param(zlib.compress(repr(NOISE).encode(), 9), STORED, id="already deflated"),
    pytest.param(NOISE[:190_000] + bytes(3_000), STORED, id="saves too little"),
    pytest.param(NOISE[:190_000] + bytes(9_000), STORED, id="saves too little at the end"),
    pytest.param(NOISE[:-20_000] + bytes(20_000), DEFLATED, id="end"),
    pytest.param(bytes(20_000) + NOISE[:-20_000], DEFLATED, id="start"),
    pytest.param(NOISE[:140_000] + bytes(20_000) + NOISE[160_000:], DEFLATED, id="middle"),
    pytest.param(NOISE[:70_000] + bytes(40_000) + NOISE[110_000:], STORED, id="between samples"),
])  # fmt: skip
@pytest.mark.parametrize("is_built", [False, True])
def test_what_deflating_does_not_shrink_by_a_twentieth_is_stored(
    tmp_path: Path, target: Path, data: bytes, method: int, *, is_built: bool
) -> None:
    ours, added = ({MODEL: data}, {}) if is_built else ({}, {MODEL: data})

    finish(write_wheel(tmp_path, members=ours), target, added)

    assert entries(target)[MODEL].compress_type == method
    assert read_members(target)[MODEL] == data


@pytest.mark.parametrize(("above", "method"), [(299_999, STORED), (300_000, DEFLATED)])
def test_large_members_are_stored_though_they_would_shrink(
    built: Path, target: Path, above: int, method: int
) -> None:
    finish(built, target, {MODEL: ZEROS}, store_above=above)

    assert entries(target)[MODEL].compress_type == method


member = st.from_regex(r"tiny_model/(sub/)?[a-zé ,\"']{1,6}\.py", fullmatch=True)
contents = st.dictionaries(member, st.binary(max_size=300), max_size=5)


def write_variant(folder: Path, built: Path, dice: random.Random) -> Path:
    """Write a wheel's members anew, in another order, at other times, with other modes."""
    folder.mkdir(exist_ok=True)
    variant = folder / built.name
    members = list(read_members(built).items())
    dice.shuffle(members)
    with zipfile.ZipFile(variant, "w") as archive:
        archive.comment = dice.randbytes(3)
        archive.mkdir("tiny_model")
        for name, data in members:
            info = zipfile.ZipInfo(name, (dice.randrange(1980, 2100), 2, 3, 4, 5, 6))
            modes = (0o100755, 0o700) if name.endswith(".sh") else (0o100600, 0o100664, 0o644)
            info.external_attr = dice.choice(modes) << 16
            info.create_system = dice.choice([0, 3])
            info.compress_type = dice.choice([STORED, DEFLATED])
            archive.writestr(info, data)
    return variant


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=contents, extra=contents, seed=st.integers(0, 99))
def test_the_same_members_give_the_same_bytes_and_a_true_record(
    tmp_path: Path, target: Path, members: dict[str, bytes], extra: dict[str, bytes], seed: int
) -> None:
    members = {name: data for name, data in members.items() if name not in extra}
    built = write_wheel(tmp_path, members=members)
    dice = random.Random(seed)  # noqa: S311 - repeatable
    variant = write_variant(tmp_path / "variant", built, dice)
    other = target.with_name("other.whl")

    finish(built, target, extra)
    finish(variant, other, dict(dice.sample(list(extra.items()), k=len(extra))))

    assert compare_wheels(target, other) == ()
    assert target.read_bytes() == other.read_bytes()
    check_record(target)
    before, after = read_members(built), read_members(target)
    assert {**after, RECORD: b""} == {**before, **extra, RECORD: b""}


def test_a_wheel_may_be_finished_in_its_place_and_again(tmp_path: Path, target: Path) -> None:
    built = write_wheel(tmp_path / "in its place")
    finish(built, target, {MODEL: ZEROS})

    finish(built, built, {MODEL: ZEROS})
    finish(built, built, {})

    assert built.read_bytes() == target.read_bytes()
    assert stat.S_IMODE(built.stat().st_mode) == 0o644
    assert [path.name for path in built.parent.iterdir()] == [built.name]


SHARED, UNSAFE = "two files of the wheel share a name", "cannot be the name"
FOLDER, INFO = "and the folder of", "it has other-1.0.dist-info and tiny_model"


@pytest.mark.parametrize(("name", "reason"), [
    ("../a.py", UNSAFE), ("tiny_model/../../a.py", UNSAFE), ("tiny_model/./a.py", UNSAFE),
    ("tiny_model//a.py", UNSAFE), ("/etc/passwd", UNSAFE), ("C:/a.py", UNSAFE), ("C:a.py", UNSAFE),
    ("tiny_model\\a.py", UNSAFE), ("\\\\host\\share\\a.py", UNSAFE), ("tiny_model/a\n.py", UNSAFE),
    ("tiny_model/a\x7f.py", UNSAFE), ("tiny_model/\ud800.py", UNSAFE),
    ("tiny_model/" + "a" * 65_536, UNSAFE), ("tiny_model/", UNSAFE), ("", UNSAFE), ("..", UNSAFE),
    ("tiny_model/__init__.py", SHARED), ("tiny_model/__INIT__.py", SHARED), (RECORD, SHARED),
    ("Tiny_Model/strasse.py", SHARED), ("tiny_model/e\u0301.py", SHARED),
    (f"{DIST_INFO}METADATA", SHARED), ("tiny_model", FOLDER), ("tiny_model/__init__.py/a", FOLDER),
    ("tiny_model/__Init__.py/a", FOLDER), ("other-1.0.dist-info/METADATA", INFO),
], ids=repr)  # fmt: skip
def test_a_name_that_cannot_be_unpacked_everywhere_is_refused(
    tmp_path: Path, target: Path, name: str, reason: str
) -> None:
    built = write_wheel(
        tmp_path,
        members={"tiny_model/straße.py": b"", "tiny_model/é.py": b"", "tiny_model/x/": b""},
    )

    with pytest.raises(TrainwheelError, match=reason) as caught:
        finish(built, target, {name: b""})

    assert "\n" not in caught.value.message
    assert not any(target.parent.iterdir())


def test_a_nul_in_a_name_is_not_cut_off(tmp_path: Path, target: Path) -> None:
    built = write_wheel(tmp_path, members={"tiny_model/a.py+b": b""})
    built.write_bytes(built.read_bytes().replace(b"a.py+b", b"a.py\0b"))

    with pytest.raises(StepFailedError, match=r"'tiny_model/a.py\\x00b' cannot be the name"):
        finish(built, target, {})


def test_a_wheel_without_record_is_no_wheel(tmp_path: Path, target: Path) -> None:
    built = tmp_path / "tiny_model-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(built, "w") as archive:
        archive.writestr(f"{DIST_INFO}METADATA", b"")

    with pytest.raises(ConfigurationError, match="it has no RECORD"):
        finish(built, target, {RECORD: b""})


@dataclass
class Restless:
    """A file to which something happens as soon as it is opened to be copied, after the sample."""

    path: Path
    happen: Callable[[Path], object]
    times: int = 0

    def __str__(self) -> str:
        return str(self.path)

    def stat(self) -> os.stat_result:
        return self.path.stat()

    def open(self, mode: str) -> IO[bytes]:
        stream = cast("IO[bytes]", self.path.open(mode))
        self.times += 1
        if self.times == 2:
            self.happen(self.path)
        return stream

    def as_path(self) -> Path:
        return cast("Path", self)


def append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"more")


def truncate(path: Path) -> None:
    os.truncate(path, 1000)


def overwrite(path: Path) -> None:
    path.write_bytes(ZEROS)
    os.utime(path, ns=(1, 1))


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    shutil.copystat(path, other)
    other.replace(path)


@pytest.mark.parametrize("happen", [append, truncate, overwrite, replace])
def test_a_file_that_changes_while_it_is_read_is_named(
    built: Path, artefact: Path, target: Path, happen: Callable[[Path], object]
) -> None:
    with pytest.raises(InputChangedError, match=r"model.joblib changed while the wheel was wri"):
        finish(built, target, {MODEL: Restless(artefact, happen).as_path()})

    assert not any(target.parent.iterdir())


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def gone(folder: Path) -> Path:
    return Restless(folder / "model.joblib", Path.unlink).as_path()


Source = Callable[[Path], Path]
OTHER = "ab" * 32


@pytest.mark.parametrize(("source", "digests", "reason"), [
    (lambda folder: folder / "absent", {}, r"absent cannot be read: No such file"),
    (lambda folder: folder, {}, r"cannot be read: it is not a regular file"),
    (pipe, {}, r"pipe cannot be read: it is not a regular file"),
    (gone, {}, r"model.joblib cannot be read: No such file"),
    (lambda folder: folder / "model.joblib", {MODEL: OTHER}, r"model.joblib has another sha256"),
    (None, {MODEL: OTHER}, rf"{MODEL} is missing from the wheel"),
    (None, {"tiny_model/__init__.py": OTHER}, "__init__.py in .* has another sha256"),
], ids=["absent", "folder", "pipe", "gone", "other", "missing", "other built"])  # fmt: skip
@pytest.mark.usefixtures("artefact")
def test_a_failure_is_one_line_and_leaves_the_old_wheel(
    built: Path, target: Path, source: Source | None, digests: dict[str, str], reason: str
) -> None:
    target.write_bytes(b"old")

    with pytest.raises(TrainwheelError, match=reason):
        finish(built, target, {MODEL: source(built.parent)} if source else {}, digests=digests)

    assert [path.read_bytes() for path in target.parent.iterdir()] == [b"old"]


def test_a_folder_that_is_not_there_is_named(built: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match=r"absent/a.whl: No such file"):
        finish(built, tmp_path / "absent" / "a.whl", {})


@pytest.mark.parametrize("at", [0, 100, 299_999])
def test_a_built_wheel_whose_bytes_have_rotted_leaves_nothing(
    tmp_path: Path, target: Path, at: int
) -> None:
    built = write_wheel(tmp_path, members={MODEL: NOISE})
    data = bytearray(built.read_bytes())
    info = entries(built)[MODEL]
    data[info.header_offset + 30 + len(MODEL) + at] ^= 1
    built.write_bytes(data)

    with pytest.raises(ConfigurationError, match="is not a readable wheel"):
        finish(built, target, {})

    assert not any(target.parent.iterdir())


FINISH = """
import sys
from pathlib import Path
from trainwheel.wheel.finish import finish
def run(built, target, name, artefact):
    finish(Path(built), Path(target), {name: Path(artefact)})
"""

FULL = f"""
import resource
from trainwheel.errors import StepFailedError
{FINISH}
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    run(*sys.argv[1:])
except StepFailedError as error:
    print(error)
"""


def run(*argv: object, **more: Any) -> str:
    """Return what a process says that must succeed."""
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": LONG, **more}
    ended = subprocess.run([*map(str, argv)], check=False, **options)
    assert ended.returncode == 0, ended.stderr
    return str(ended.stdout)


def empty(path: Path, size: int) -> Path:
    """Write a file of nothing but zeros, which takes no place on the disk."""
    with path.open("wb") as stream:
        stream.truncate(size)
    return path


def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(
    built: Path, artefact: Path, target: Path
) -> None:
    output = run(sys.executable, "-c", FULL, built, target, MODEL, artefact)

    assert output == f"failed: {target}: File too large; free some space and run it again\n"
    assert not any(target.parent.iterdir())


def test_an_interrupt_leaves_nothing(built: Path, tmp_path: Path, target: Path) -> None:
    artefact = empty(tmp_path / "model.joblib", 20_000_000_000)
    arguments = map(str, (built, target, MODEL, artefact))
    argv = [sys.executable, "-c", f"{FINISH}run(*sys.argv[1:])", *arguments]

    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not any(
            path.stat().st_size > 1_000_000 for path in target.parent.iterdir()
        ):
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LONG)

    assert errors.endswith("KeyboardInterrupt\n")
    assert process.returncode == -signal.SIGINT
    assert not any(target.parent.iterdir())


PEAK = f"""
{FINISH}
run(*sys.argv[1:])
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow_with_the_artefact(built: Path, tmp_path: Path, target: Path) -> None:
    artefact = empty(tmp_path / "model.joblib", 300_000_000)

    peak = run(sys.executable, "-c", PEAK, built, target, MODEL, artefact)

    assert int(peak) < 64_000
    assert entries(target)[MODEL].file_size == 300_000_000


@pytest.mark.slow
def test_four_gigabytes_and_more_are_zip64(built: Path, tmp_path: Path, target: Path) -> None:
    size = (1 << 32) + 5

    finish(built, target, {MODEL: empty(tmp_path / "model.joblib", size)}, store_above=size)

    infos = entries(target)
    assert infos[MODEL].file_size == size
    assert infos[MODEL].extract_version == 45
    assert all(not info.extra for name, info in infos.items() if name != MODEL)
    with zipfile.ZipFile(target) as archive:
        assert f",{size}\n".encode() in archive.read(RECORD)


PYTHON = (sys.executable, "-m", "pip", "install", "--no-compile", "--disable-pip-version-check")
UV = (find_uv_bin(), "pip", "install", "--offline", "--no-cache", "--python", sys.executable)


@pytest.mark.integration
@pytest.mark.parametrize("install", [PYTHON, UV], ids=["pip", "uv"])
def test_installers_unpack_every_byte(
    tmp_path: Path, target: Path, install: tuple[str, ...]
) -> None:
    extra = {MODEL: NOISE, 'tiny_model/é, "x".txt': ZEROS, f"{DIST_INFO}sboms/a.json": b"{}"}
    finish(write_wheel(tmp_path, members={"tiny_model/run.sh": b"#!"}), target, extra)

    run(*install, "--no-deps", "--no-index", "--target", tmp_path / "installed", target)

    for name, data in read_members(target).items():
        if name != RECORD:
            assert (tmp_path / "installed" / name).read_bytes() == data
    assert os.access(tmp_path / "installed/tiny_model/run.sh", os.X_OK)


ELSEWHERE = """
import os, sys, zlib
from pathlib import Path
from trainwheel.wheel.finish import finish
umask, user, built, target, name, artefact = sys.argv[1:]
os.umask(int(umask, 8))
"a".encode("cp437")  # loaded while its file can still be read
if int(user):
    os.setgid(int(user))
    os.setuid(int(user))
finish(Path(built), Path(target), {name: Path(artefact), "tiny_model/é.txt": "é\\n".encode() * 99})
print(zlib.ZLIB_RUNTIME_VERSION)
"""


@pytest.fixture(scope="module")
def common() -> Iterator[Path]:
    """A folder that other users can enter, with what the children import."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        skip = shutil.ignore_patterns("__pycache__")
        for module in (trainwheel, packaging):
            source = Path(str(module.__file__)).parent
            shutil.copytree(source, folder / source.name, ignore=skip)
        yield folder


CIRCUMSTANCES = [
    ("000", "UTC", "C"), ("077", "Asia/Kathmandu", "de_DE.UTF-8"),
    ("022", "America/St_Johns", "tr_TR.UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_bytes_are_the_same_wherever_and_by_whom_they_are_made(
    tmp_path: Path, target: Path, common: Path, version: str
) -> None:
    python = find_python(version)
    if not python:
        pytest.skip(f"there is no Python {version} on this machine")
    built = write_wheel(tmp_path, members={"tiny_model/run.sh": b"#!", "tiny_model/z.csv": ZEROS})
    extra = {MODEL: NOISE[:70_000] + ZEROS, "tiny_model/é.txt": "é\n".encode() * 99}
    finish(built, target, extra)

    for number, (umask, zone, language) in enumerate(CIRCUMSTANCES):
        place = common / f"{version} {number} é"
        place.mkdir()
        place.chmod(0o777)
        dice = random.Random(number)  # noqa: S311 - repeatable
        variant = write_variant(place, built, dice)
        (place / "model").write_bytes(extra[MODEL])
        made = place / "made.whl"
        user = 65_534 if number % 2 and os.geteuid() == 0 else 0
        arguments = (umask, str(user), str(variant), str(made), MODEL, str(place / "model"))
        variables = {"TZ": zone, "LANG": language, "LC_ALL": language, "PYTHONPATH": str(common)}
        output = run(python, "-B", "-c", ELSEWHERE, *arguments, cwd=place, env=variables)
        if output.strip() != zlib.ZLIB_RUNTIME_VERSION:
            pytest.skip(f"Python {version} has zlib {output.strip()}, this one another")
        assert compare_wheels(target, made) == (), (umask, zone, language, user)
        assert made.read_bytes() == target.read_bytes()
