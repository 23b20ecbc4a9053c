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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

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


def test_members_stand_in_a_fixed_order(tmp_path: Path, target: Path) -> None:
    names = ["tiny_model/z.py", "tiny_model-0.1.0.data/scripts/run", "a.py", "tiny_model/sub/é.py"]
    built = write_wheel(tmp_path, members=dict.fromkeys(names, b""))

    finish(built, target, {MODEL: b"model", f"{DIST_INFO}sboms/a.cdx.json": b"{}"})

    assert list(entries(target)) == [
        "a.py",
        "tiny_model-0.1.0.data/scripts/run",
        "tiny_model/__init__.py",
        MODEL,
        "tiny_model/sub/é.py",
        "tiny_model/z.py",
        f"{DIST_INFO}METADATA",
        f"{DIST_INFO}WHEEL",
        f"{DIST_INFO}sboms/a.cdx.json",
        RECORD,
    ]


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


@pytest.mark.parametrize(
    ("mode", "finished"),
    [(0o100600, 0o644), (0o100664, 0o644), (0o100700, 0o755), (0o100655, 0o644), (0, 0o644)],
)
def test_only_the_owners_right_to_execute_is_kept(
    tmp_path: Path, target: Path, mode: int, finished: int
) -> None:
    built = write_wheel(tmp_path)
    with zipfile.ZipFile(built, "a") as archive:
        info = zipfile.ZipInfo("tiny_model/tool")
        info.external_attr = mode << 16
        archive.writestr(info, b"")

    finish(built, target, {})

    assert entries(target)["tiny_model/tool"].external_attr >> 16 & 0o777 == finished


def test_what_is_added_has_the_bytes_of_the_file_and_not_its_mode(
    tmp_path: Path, target: Path
) -> None:
    artefact = tmp_path / "model.joblib"
    artefact.write_bytes(NOISE)
    artefact.chmod(0o700)

    finish(write_wheel(tmp_path), target, {MODEL: artefact})

    assert read_members(target)[MODEL] == NOISE
    assert entries(target)[MODEL].external_attr >> 16 == 0o100644
    check_record(target)


@pytest.mark.parametrize(
    ("data", "method"),
    [
        (b"", zipfile.ZIP_STORED),
        (b"x = 1\n", zipfile.ZIP_STORED),
        (b"x = 1\n" * 20, zipfile.ZIP_DEFLATED),
        (NOISE, zipfile.ZIP_STORED),
        (ZEROS, zipfile.ZIP_DEFLATED),
        (zlib.compress(repr(NOISE).encode(), 9), zipfile.ZIP_STORED),
        (NOISE[:190_000] + bytes(3_000), zipfile.ZIP_STORED),
        (NOISE[:190_000] + bytes(9_000), zipfile.ZIP_STORED),
        (NOISE[:-20_000] + bytes(20_000), zipfile.ZIP_DEFLATED),
        (bytes(20_000) + NOISE[:-20_000], zipfile.ZIP_DEFLATED),
        (NOISE[:140_000] + bytes(20_000) + NOISE[160_000:], zipfile.ZIP_DEFLATED),
        (NOISE[:70_000] + bytes(40_000) + NOISE[110_000:], zipfile.ZIP_STORED),
    ],
    ids=[
        *("empty", "tiny", "text", "noise", "zeros", "already deflated", "saves too little"),
        *("saves too little at the end", "end", "start", "middle", "between the samples"),
    ],
)
@pytest.mark.parametrize("is_built", [False, True])
def test_what_deflating_does_not_shrink_by_a_twentieth_is_stored(
    tmp_path: Path, target: Path, data: bytes, method: int, *, is_built: bool
) -> None:
    members = {MODEL: data}

    finish(
        write_wheel(tmp_path, members=members if is_built else {}),
        target,
        {} if is_built else members,
    )

    assert entries(target)[MODEL].compress_type == method
    assert read_members(target)[MODEL] == data


@pytest.mark.parametrize(("above", "method"), [(299_999, zipfile.ZIP_STORED), (300_000, 8)])
def test_large_members_are_stored_though_they_would_shrink(
    tmp_path: Path, target: Path, above: int, method: int
) -> None:
    finish(write_wheel(tmp_path), target, {MODEL: ZEROS}, store_above=above)

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
            info.compress_type = dice.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
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


def test_a_wheel_may_be_finished_in_its_place(tmp_path: Path, target: Path) -> None:
    built = write_wheel(tmp_path / "in its place")
    finish(built, target, {MODEL: ZEROS})

    finish(built, built, {MODEL: ZEROS})

    assert built.read_bytes() == target.read_bytes()
    assert stat.S_IMODE(built.stat().st_mode) == 0o644
    assert [path.name for path in built.parent.iterdir()] == [built.name]


def test_a_finished_wheel_finished_again_is_the_same_bytes(tmp_path: Path, target: Path) -> None:
    finish(write_wheel(tmp_path), target, {MODEL: ZEROS})
    before = target.read_bytes()

    finish(target, target, {})

    assert target.read_bytes() == before


SHARED = "two files of the wheel share a name"


@pytest.mark.parametrize(("name", "told"), [
    ("../a.py", "cannot be the name"), ("tiny_model/../../a.py", "cannot be the name"),
    ("tiny_model/./a.py", "cannot be the name"), ("tiny_model//a.py", "cannot be the name"),
    ("/etc/passwd", "cannot be the name"), ("C:/a.py", "cannot be the name"),
    ("C:a.py", "cannot be the name"), ("tiny_model\\a.py", "cannot be the name"),
    ("\\\\host\\share\\a.py", "cannot be the name"), ("tiny_model/a\n.py", "cannot be the name"),
    ("tiny_model/a\x7f.py", "cannot be the name"), ("tiny_model/\ud800.py", "cannot be the name"),
    ("tiny_model/" + "a" * 65_536, "cannot be the name"), ("tiny_model/", "cannot be the name"),
    ("", "cannot be the name"), ("..", "cannot be the name"), ("tiny_model/__init__.py", SHARED),
    ("tiny_model/__INIT__.py", SHARED), ("Tiny_Model/strasse.py", SHARED),
    ("tiny_model/e\u0301.py", SHARED), (RECORD, SHARED), (f"{DIST_INFO}METADATA", SHARED),
    ("tiny_model", "and the folder of"), ("tiny_model/__init__.py/a", "and the folder of"),
    ("tiny_model/__Init__.py/a", "and the folder of"),
    ("other-1.0.dist-info/METADATA", "it has other-1.0.dist-info and tiny_model"),
], ids=repr)  # fmt: skip
def test_a_name_that_cannot_be_unpacked_everywhere_is_refused(
    tmp_path: Path, target: Path, name: str, told: str
) -> None:
    built = write_wheel(
        tmp_path,
        members={"tiny_model/straße.py": b"", "tiny_model/é.py": b"", "tiny_model/x/": b""},
    )

    with pytest.raises(TrainwheelError, match=told) as caught:
        finish(built, target, {name: b""})

    assert "\n" not in caught.value.message
    assert not any(target.parent.iterdir())


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("name", "told"), [
    ("../a.py", "cannot be the name"), ("tiny_model\\a.py", "cannot be the name"),
    ("tiny_model/__init__.py", SHARED), ("tiny_model/__Init__.py", SHARED),
])  # fmt: skip
def test_a_name_that_the_build_gave_is_refused_as_well(
    tmp_path: Path, target: Path, name: str, told: str
) -> None:
    built = write_wheel(tmp_path)
    with zipfile.ZipFile(built, "a") as archive:
        archive.writestr(name, b"")

    with pytest.raises(StepFailedError, match=told):
        finish(built, target, {})


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


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_expected_digests_are_checked_for_built_and_added_members(
    tmp_path: Path, target: Path
) -> None:
    expected = {MODEL: sha256(NOISE), "tiny_model/__init__.py": sha256(b"")}

    finish(write_wheel(tmp_path), target, {MODEL: NOISE}, digests=expected)

    assert f"{MODEL},{digest(NOISE)},{len(NOISE)}\n" in read_members(target)[RECORD].decode()


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
    tmp_path: Path, target: Path, happen: Callable[[Path], object]
) -> None:
    artefact = tmp_path / "model.joblib"
    artefact.write_bytes(NOISE)

    with pytest.raises(InputChangedError, match=r"model.joblib changed while the wheel was wri"):
        finish(write_wheel(tmp_path), target, {MODEL: Restless(artefact, happen).as_path()})

    assert not any(target.parent.iterdir())


def absent(tmp_path: Path) -> Mapping[str, bytes | Path]:
    return {MODEL: tmp_path / "absent"}


def folder(tmp_path: Path) -> Mapping[str, bytes | Path]:
    return {MODEL: tmp_path}


def pipe(tmp_path: Path) -> Mapping[str, bytes | Path]:
    os.mkfifo(tmp_path / "pipe")
    return {MODEL: tmp_path / "pipe"}


def gone(tmp_path: Path) -> Mapping[str, bytes | Path]:
    artefact = tmp_path / "model.joblib"
    artefact.write_bytes(NOISE)
    return {MODEL: Restless(artefact, Path.unlink).as_path()}


def nothing(_: Path) -> Mapping[str, bytes | Path]:
    return {}


@pytest.mark.parametrize(("extra", "digests", "told"), [
    (absent, {}, r"absent cannot be read: No such file"),
    (folder, {}, r"cannot be read: it is not a regular file"),
    (pipe, {}, r"pipe cannot be read: it is not a regular file"),
    (gone, {}, r"model.joblib cannot be read: No such file"),
    (nothing, {MODEL: "ab" * 32}, rf"{MODEL} is missing from the wheel"),
    (nothing, {"tiny_model/__init__.py": "ab" * 32}, "__init__.py in .* has another sha256"),
])  # fmt: skip
def test_a_failure_is_one_line_and_leaves_the_old_wheel(
    tmp_path: Path,
    target: Path,
    extra: Callable[[Path], Mapping[str, bytes | Path]],
    digests: Mapping[str, str],
    told: str,
) -> None:
    target.write_bytes(b"old")

    with pytest.raises(TrainwheelError, match=told):
        finish(write_wheel(tmp_path), target, extra(tmp_path), digests=digests)

    assert [path.read_bytes() for path in target.parent.iterdir()] == [b"old"]


def test_an_artefact_of_another_digest_is_named(tmp_path: Path, target: Path) -> None:
    artefact = tmp_path / "model.joblib"
    artefact.write_bytes(NOISE)

    with pytest.raises(StepFailedError, match=r"model.joblib has another sha256"):
        finish(write_wheel(tmp_path), target, {MODEL: artefact}, digests={MODEL: sha256(ZEROS)})

    assert not any(target.parent.iterdir())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match=r"absent/a.whl: No such file"):
        finish(write_wheel(tmp_path), tmp_path / "absent" / "a.whl", {})


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


def run(script: str, *arguments: str) -> str:
    completed = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    return completed.stdout


def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(tmp_path: Path, target: Path) -> None:
    artefact = tmp_path / "model.joblib"
    artefact.write_bytes(NOISE)

    output = run(FULL, str(write_wheel(tmp_path)), str(target), MODEL, str(artefact))

    told = f"failed: {target}: File too large; free some space and run it again\n"
    assert output == told
    assert not any(target.parent.iterdir())


def test_an_interrupt_leaves_nothing(tmp_path: Path, target: Path) -> None:
    artefact = tmp_path / "model.joblib"
    with artefact.open("wb") as stream:
        stream.truncate(20_000_000_000)
    arguments = (str(write_wheel(tmp_path)), str(target), MODEL, str(artefact))
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
def test_memory_does_not_grow_with_the_artefact(tmp_path: Path, target: Path) -> None:
    artefact = tmp_path / "model.joblib"
    with artefact.open("wb") as stream:
        stream.truncate(300_000_000)

    peak = run(PEAK, str(write_wheel(tmp_path)), str(target), MODEL, str(artefact))

    assert int(peak) < 64_000
    assert entries(target)[MODEL].file_size == 300_000_000


@pytest.mark.slow
def test_four_gigabytes_and_more_are_zip64(tmp_path: Path, target: Path) -> None:
    size = (1 << 32) + 5
    artefact = tmp_path / "model.joblib"
    with artefact.open("wb") as stream:
        stream.truncate(size)

    finish(write_wheel(tmp_path), target, {MODEL: artefact}, store_above=size)

    infos = entries(target)
    assert infos[MODEL].file_size == size
    assert infos[MODEL].extract_version == 45
    assert all(not info.extra for name, info in infos.items() if name != MODEL)
    assert f",{size}\n" in read_record_text(target)


def read_record_text(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(RECORD).decode()


def install_with_pip(wheel: Path, folder: Path) -> None:
    options = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")
    argv = (sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(wheel))
    subprocess.run(argv, check=True, capture_output=True, timeout=LONG)


def install_with_uv(wheel: Path, folder: Path) -> None:
    options = ("--no-deps", "--no-index", "--offline", "--no-cache", "--python", sys.executable)
    argv = (
        os.fspath(find_uv_bin()),
        "pip",
        "install",
        *options,
        "--target",
        str(folder),
        str(wheel),
    )
    subprocess.run(argv, check=True, capture_output=True, timeout=LONG)


@pytest.mark.integration
@pytest.mark.parametrize("install", [install_with_pip, install_with_uv])
def test_installers_unpack_every_byte(
    tmp_path: Path, target: Path, install: Callable[[Path, Path], None]
) -> None:
    extra = {MODEL: NOISE, 'tiny_model/é, "x".txt': ZEROS, f"{DIST_INFO}sboms/a.json": b"{}"}
    finish(write_wheel(tmp_path, members={"tiny_model/run.sh": b"#!"}), target, extra)

    install(target, tmp_path / "installed")

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
        shutil.copytree(
            Path(trainwheel.__file__).parent,
            folder / "trainwheel",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copytree(Path(packaging.__file__).parent, folder / "packaging")
        yield folder


CIRCUMSTANCES = [
    ("000", "UTC", "C"),
    ("077", "Asia/Kathmandu", "de_DE.UTF-8"),
    ("022", "America/St_Johns", "tr_TR.UTF-8"),
]


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
        completed = subprocess.run(
            [python, "-B", "-c", ELSEWHERE, *arguments],
            cwd=place,
            env={"TZ": zone, "LANG": language, "LC_ALL": language, "PYTHONPATH": str(common)},
            check=False,
            capture_output=True,
            text=True,
            timeout=LONG,
        )
        assert completed.returncode == 0, completed.stderr
        if completed.stdout.strip() != zlib.ZLIB_RUNTIME_VERSION:
            pytest.skip(f"Python {version} has zlib {completed.stdout.strip()}, this one another")
        assert compare_wheels(target, made) == (), (umask, zone, language, user)
        assert made.read_bytes() == target.read_bytes()
