"""The locked tools that package a model, played; only uv is real, and stays offline."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from trainwheel.errors import StepFailedError
from trainwheel.guest import CHECK_WHEEL
from trainwheel.index.pip import UvSettings
from trainwheel.install.environments import Installer
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.steps.shared.release import Release
from trainwheel.system.environ import Environment
from unit.model_wheels import ONE
from unit.recording_tools import Call, RecordingTools
from unit.repository import SETUP_PY, make_repository, write
from unit.wheels import write_wheel

__all__ = ["TOOLS", "Packaging", "decide", "lock_tools", "make_trained"]

TOOLS = ("build", "check-wheel-contents", "twine")


@dataclass
class Packaging(RecordingTools):
    """Does what the locked tools would do, and installs from this disk only.

    Args:
        spoil: Changes what the build back end puts into the wheel.
        failing: The tool that fails.
        requires: What the metadata of the wheel require.
        headers: Further lines of these.
        links: A folder of wheels to install from.
    """

    spoil: Callable[[dict[str, bytes]], object] = field(default=lambda _: None)
    failing: str = ""
    requires: tuple[str, ...] = ()
    headers: str = ""
    links: str = ""

    def __post_init__(self) -> None:
        """Answer as the tools do."""
        self.answer = self._do

    def installer(self, step: str) -> Installer:
        """Return what makes environments of the files on this disk."""
        assert step in {"package", "prove"}
        offline = {"UV_OFFLINE": "1", "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1"}
        settings = UvSettings({**offline, "UV_FIND_LINKS": self.links})
        return Installer(Environment({"PATH": os.environ["PATH"]}), None, settings)

    @property
    def names(self) -> list[str]:
        """What was run, in its order."""
        return [name_of(call) for call in self.calls]

    def _do(self, call: Call) -> str:
        name = name_of(call)
        if name == self.failing:
            message = f"{name} says no"
            raise StepFailedError(message)
        if name == "build":
            self._build(Path(call.argv[-1]), Path(call.argv[-2]))
        return ""

    def _build(self, staged: Path, target: Path) -> None:
        source = staged / "model"
        members = {
            path.relative_to(source).as_posix(): path.read_bytes()
            for path in source.rglob("*")
            if path.is_file()
        }
        assert '"0.1.7"' in (staged / "setup.py").read_text()
        self.spoil(members)
        write_wheel(
            target, "small_model", "0.1.7",
            members=members, requires=self.requires, headers=self.headers,
        )  # fmt: skip


def name_of(call: Call) -> str:
    """Return what people call the tool."""
    return "check" if call.argv[2] == str(CHECK_WHEEL) else call.argv[3]


def lock_tools(root: Path, *tools: str) -> None:
    """Write a lock that has packaging tools, and nothing else to install."""
    text = "[packages]\n[test]\n[train]\n[package]\n" + "".join(f'{name} = "*"\n' for name in tools)
    write(root, "Pipfile", text)
    entries = {name: {"version": "==1", "hashes": [f"sha256:{ONE}"]} for name in tools}
    meta = {"hash": {"sha256": ""}, "pipfile-spec": 6, "requires": {}, "sources": []}
    empty: dict[str, object] = {name: {} for name in ("default", "develop", "test", "train")}
    content = {"_meta": meta, **empty, "package": entries}
    write(root, "Pipfile.lock", stamp_lock(json.dumps(content), parse_pipfile(text)))


def decide(root: Path, *, releases: bool = True, version: str = "0.1.7") -> None:
    """Write the decision of the version step."""
    release = Release("small-model", version, releases, always=True, reason="why", release_key=ONE)
    write(root, "build/version.json", release.render())


def make_trained(root: Path) -> Path:
    """Write a small repository whose model is trained and whose release is decided."""
    make_repository(root)
    write(root, "setup.py", SETUP_PY.replace('"six>=1.16.0,<2"', ""))
    lock_tools(root, *TOOLS)
    row = {"x": 1, "name": "a\u2028b"}
    golden = json.dumps({"input": row, "prediction": row})
    write(root, "build/train/golden.jsonl", f"{golden}\n")
    write(root, "build/train/model_card.md", "# The card of it\n")
    (root / "tests/system/test_wheel.py").unlink()
    (root / "tests/system").rmdir()
    decide(root)
    return root
