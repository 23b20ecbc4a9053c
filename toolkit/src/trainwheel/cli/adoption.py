"""What a repository needs before trainwheel can release from it, in the order in which it is done.

Nothing is written: each check has the lines to paste.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from trainwheel.cli.checks import PROBLEM, WARNING, MachineCheck
from trainwheel.errors import TrainwheelError
from trainwheel.requirements.setup_py import read_distribution_name
from trainwheel.scaffold.rendering import TEMPLATE
from trainwheel.settings.config import Config, parse_config
from trainwheel.system.files import read_text

__all__ = ["find_missing"]

_SOURCES = ("src", "model", ".")
_IGNORED = ("/build/", "/.venv/", ".nox/", "/.trainwheel/")
_NOXFILE = ("import trainwheel", "", "trainwheel.register()")
_BUILD_SYSTEM = ("[build-system]", 'requires = ["setuptools"]')
_COMMAND = re.compile(r"\bpython3?\s+((?:-m\s+)?[\w./-]*train[\w./-]*(?:\s.*)?)$", re.MULTILINE)
_CONDITION = re.compile(
    r"\[% if .*?(?:\[% else %\]\n(?P<otherwise>.*?))?\[% endif %\]\n", re.DOTALL
)
_MODEL = re.compile(r"\S+\.(?:joblib|pkl|pickle|skops|onnx)")


def find_missing(root: Path) -> Iterator[MachineCheck]:
    """Yield what a repository does not have yet; nothing where the chain can run.

    Args:
        root: Its folder.
    """
    text = read_text(root / "pyproject.toml") or ""
    document = _parse(text)
    has_table = document is not None and "trainwheel" in document.get("tool", {})
    yield from _categories(root, is_new=not has_table)
    if document is None:
        return  # another check says what is wrong with it
    if has_table:
        try:
            config = parse_config(text)
        except TrainwheelError:
            return
    else:
        config = _guess(root)
        build = () if "build-system" in document else (*_BUILD_SYSTEM, "")
        yield _missing("pyproject.toml", "has no [tool.trainwheel]", *build, *_table(config))
    yield from _function(root, config)
    yield from _ignored(root, config)
    noxfile = read_text(root / "noxfile.py") or ""
    if "trainwheel.register(" not in noxfile:
        yield _missing("noxfile.py", "does not register the steps", *_NOXFILE)


def _missing(name: str, reason: str, *lines: str) -> MachineCheck:
    return MachineCheck(name, PROBLEM, reason, "add these lines", lines)


def _parse(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _categories(root: Path, *, is_new: bool) -> Iterator[MachineCheck]:
    """Look which categories the Pipfile has: a step takes its packages from the one of its name."""
    text = read_text(root / "Pipfile")
    pipfile = _parse(text or "")
    if pipfile is None:
        return
    needed = ["packages", "test", "package", "upload"]
    needed += ["doc"] if (root / "docs").is_dir() else []
    # One that is at work has its task runner, from wherever.
    needed += ["dev-packages"] if is_new else []
    # Those of before have what they have; of the runner's only nox is looked for.
    absent = [name for name in needed if name not in pipfile]
    lines = [line for name in absent for line in _section(name)]
    if is_new and "nox" not in pipfile.get("dev-packages", {"nox": "*"}):
        absent.append("dev-packages")
        _, *packages = _section("dev-packages")
        lines += ["# below [dev-packages], which is there:", *packages]
    if absent:
        names = ", ".join(f"[{name}]" for name in absent)
        state = "does not exist" if text is None else f"does not have all of {names}"
        yield _missing("Pipfile", state, *lines, "# then: nox -s lock")


def _section(category: str) -> list[str]:
    """Return the lines of a category in the Pipfile of a new repository, its heading first."""
    template = (TEMPLATE / "project" / "Pipfile.jinja").read_text(encoding="utf-8")
    # None of its conditions holds here: there is no table, and this is not the library.
    text = _CONDITION.sub(lambda match: match["otherwise"] or "", template)
    _, _, rest = text.partition(f"\n[{category}]\n")
    lines = rest.partition("\n[")[0].splitlines()
    own = [line for line in lines if line.strip() and not line.startswith("#")]
    return [f"[{category}]", *(line for line in own if "{path" not in line), ""]


def _guess(root: Path) -> Config:
    """Return a configuration by what the folders and the Makefile say."""
    source, package = _package(root)
    recipe = _COMMAND.search(read_text(root / "Makefile") or "")
    words = shlex.split(recipe[1].replace("$", "")) if recipe else ["-m", f"{package}_training"]
    model = next((word for word in words if _MODEL.fullmatch(word)), "")
    folder = f"{source}/{package}/"
    artefact = model.removeprefix(folder) if model.startswith(folder) else "artefact/model.joblib"
    names = {model: "{model}", **{w: "{report}" for w in words if w.startswith("build/")}}
    command = shlex.join(["python", *(names.get(word, word) for word in words)])
    command = command.replace("'{model}'", "{model}").replace("'{report}'", "{report}")
    return Config(
        package=package,
        train_command=command if model else f"{command} -o {{model}} -t {{report}}",
        predict=f"{package}.classifier:predict_record",
        source=source,
        artefact=(artefact,),
    )


def _package(root: Path) -> tuple[str, str]:
    """Return the source root and the package that is shipped, as the folders suggest."""
    name = "my_model"
    with contextlib.suppress(OSError, TrainwheelError):
        name = read_distribution_name((root / "setup.py").read_bytes())
    expected = canonicalize_name(name).replace("-", "_")
    packages = [
        (source, path.parent.name)
        for source in _SOURCES
        for path in sorted((root / source).glob("*/__init__.py"))
        if path.parent.name not in {"tests", "docs"}
    ]
    by_name = (each for each in packages if each[1] == expected)
    return next(by_name, packages[0] if packages else ("model", expected))


def _table(config: Config) -> Iterator[str]:
    """Yield the lines of ``[tool.trainwheel]`` that differ from the defaults."""
    yield "[tool.trainwheel]"
    yield f"package = {json.dumps(config.package)}"
    if config.source != "model":
        yield f"source = {json.dumps(config.source)}"
    if config.artefact != ("artefact/model.joblib",):
        yield f"artefact = {json.dumps(config.artefact[0])}"
    yield f"train.command = {json.dumps(config.train_command)}"


def _function(root: Path, config: Config) -> Iterator[MachineCheck]:
    """Look whether the module of the entry point defines it."""
    module, _, name = config.predict.partition(":")
    place = PurePosixPath(config.source, *module.split("."))
    texts = [read_text(root / path) for path in (f"{place}.py", f"{place}/__init__.py")]
    text = next((text for text in texts if text is not None), None)
    first = name.partition(".")[0]
    if text is None or not re.search(rf"\b{re.escape(first)}\b", text):
        head = ("from pathlib import Path", "", "import joblib", "", "") if text is None else ()
        path = f"Path(__file__).with_name({json.dumps(config.artefact[0].split('/')[0])})"
        parts = "".join(f" / {json.dumps(part)}" for part in config.artefact[0].split("/")[1:])
        body = [
            'COLUMNS = ["…"]  # in the order in which training reads them',
            "",
            "",
            f"def {first}(record):",
            '    """Answer one JSON object, the columns of a row by their names, with another."""',
            f"    model = joblib.load({path}{parts})",
            "    label = model.predict([[record[name] for name in COLUMNS]])[0]",
            '    return {"label": label.item()}',
        ]
        reason = "does not exist" if text is None else f"has no {first}"
        yield _missing(f"{place}.py", reason, *head, *body)


def _ignored(root: Path, config: Config) -> Iterator[MachineCheck]:
    """Look whether git leaves out what the steps make."""
    lines = (read_text(root / ".gitignore") or "").splitlines()
    present = [line.strip().strip("/") for line in lines]
    folder = PurePosixPath(config.artefact_paths[0]).parent
    wanted = (*_IGNORED, f"/{folder}/" if str(folder) != config.package_folder else "")
    absent = [
        line
        for line in filter(None, wanted)
        if not any(fnmatch.fnmatchcase(line.strip("/"), pattern) for pattern in present)
    ]
    if absent:
        reason = "does not name all that the steps make"
        yield MachineCheck(".gitignore", WARNING, reason, "add these lines", tuple(absent))
