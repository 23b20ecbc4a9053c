"""What the model's files need where the wheel is installed.

A pickle holds names, not code. What it refers to in the training package, in the training script
or in a package that only training has loads on this machine and nowhere else, so it is refused
before anything loads it.
"""

from __future__ import annotations

import codecs
import functools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError, RefusedError, StepFailedError
from trainwheel.guest import ENTRY_POINT
from trainwheel.install.bytecode import site_packages
from trainwheel.requirements.lockfile import LockedRequirement, requirements
from trainwheel.system.command import Command
from trainwheel.system.console import Console
from trainwheel.wheel.formats import LIBRARIES, UNKNOWN, format_of, references_of
from trainwheel.wheel.manifest import OF_ESTIMATORS
from trainwheel.wheel.pickles import Reference, UnreadablePickleError, UnsupportedPickleError

__all__ = ["check_dependencies", "check_entry_point"]
_DANGEROUS = frozenset({
    "ctypes", "importlib", "nt", "os", "pkgutil", "posix", "pty", "pydoc", "runpy", "shutil",
    "socket", "subprocess", "sys", "webbrowser",
})  # fmt: skip
"""Modules of the standard library that no estimator's pickle refers to: seen in none of the 174
estimators of scikit-learn 1.9, nor in those of LightGBM, XGBoost, CatBoost and imbalanced-learn."""

_DANGEROUS_NAMES = {
    "builtins": {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open"},
    "io": {"open", "open_code"},
    "_io": {"open", "open_code"},
    "_pickle": {"load", "loads"},
    "pickle": {"load", "loads"},
}
_BY_VALUE = {"marshal": {"loads"}, "types": {"CodeType", "FunctionType"}}
_BY_VALUE_NAME = re.compile(r"_(make|create|fill)_(cell|code|empty_cell|function|skel|type)")
"""Functions of cloudpickle and dill that build others from their code."""


def check_dependencies(run: Run, files: Iterable[Path]) -> frozenset[str]:
    """Return the distributions that the files of a model need: those it refers to, or its library.

    Args:
        run: This run; the environment of training is there.
        files: The files that training wrote.

    Raises:
        RefusedError: A file refers to what neither the wheel nor its requirements have.
        StepFailedError: A pickle is damaged.
    """
    supply = _Supply(run.workspace, site_packages(run.tools.python("train").parents[1]))
    needed: set[str] = set()
    references: set[Reference] = set()
    for path in files:
        file_format = format_of(path)
        references |= _read(path, file_format, run.console)
        needed |= _libraries(path, file_format, supply, run.console)
    return frozenset(needed | supply.require(references))


def _read(path: Path, file_format: str, console: Console) -> frozenset[Reference]:
    try:
        references = references_of(path, file_format)
    except UnsupportedPickleError as error:
        console.notice(f"{path.name} {error}, so what it refers to is not checked")
        # joblib loads it with that package only.
        return frozenset({Reference("lz4", "frame")} if file_format == "joblib" else ())
    except UnreadablePickleError as error:
        message = f"{path.name} {error}"
        raise StepFailedError(message, hint="let training write it again") from None
    if file_format == UNKNOWN and not _is_text(path):
        console.notice(f"the format of {path.name} is not known, so what it needs is not checked")
    return references


def _is_text(path: Path) -> bool:
    """Return whether a file begins as text, such as a vocabulary in JSON, which names no code."""
    with path.open("rb") as stream:
        head = stream.read(1 << 12)
    try:
        # An incremental decoder takes a last character that was cut in two.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


def _libraries(path: Path, file_format: str, supply: _Supply, console: Console) -> set[str]:
    """Return the packages that a format needs, as far as the wheel requires them."""
    libraries = LIBRARIES.get(file_format)
    if libraries is None:
        return set(OF_ESTIMATORS)
    required = supply.required.intersection(libraries)
    if not required:
        names = " or ".join(libraries)
        console.notice(f"{path.name} is of the format {file_format}, but [packages] has no {names}")
    return set(required)


@dataclass(frozen=True)
class _Supply:
    """What there will be where the wheel is installed.

    Args:
        workspace: The repository.
        site: Where the environment of training has its packages.
    """

    workspace: Workspace
    site: Path

    @functools.cached_property
    def locked(self) -> Mapping[str, LockedRequirement]:
        """The locked packages that training may have, by name."""
        categories = (*self.workspace.config.model_categories, "train")
        return {row.name: row for row in requirements(self.workspace.lock, *categories)}

    @functools.cached_property
    def required(self) -> frozenset[str]:
        """The names of the packages that the estimator gets, directly or through others."""
        rows = requirements(self.workspace.lock, *self.workspace.config.model_categories)
        return frozenset(row.name for row in rows if row.kind != "local")

    @functools.cached_property
    def records(self) -> Mapping[str, str]:
        """The lists of files of the installed packages, by name (RECORD, PEP 376)."""
        installed = distributions(path=[str(self.site)])
        return {canonicalize_name(each.name): each.read_text("RECORD") or "" for each in installed}

    @functools.cached_property
    def shipped(self) -> tuple[str, ...]:
        """The files of the wheel, relative to the source root."""
        source = self.workspace.layout.source
        return tuple(
            path.relative_to(source).as_posix() for path in self.workspace.shipped_package()
        )

    def require(self, references: Iterable[Reference]) -> set[str]:
        """Return the packages that have what is referred to.

        Raises:
            RefusedError: Something will not be there, or is dangerous to load.
        """
        names, problems = set[str](), list[RefusedError]()
        package = self.workspace.layout.package.name
        # Code first: what it brings along is the lesser problem.
        for reference in sorted(references, key=lambda each: (not _code_in(each, package), each)):
            try:
                names.update(self._providers(reference))
            except RefusedError as error:
                problems.append(error)
        if problems:
            details = [problem.message for problem in problems[1:]]
            raise RefusedError(problems[0].message, hint=problems[0].hint, details=details)
        return names

    def _providers(self, reference: Reference) -> Iterator[str]:
        """Yield the package that has what is referred to; none for Python's and the wheel's own."""
        subject, top = f"the model refers to {reference}", reference.module.partition(".")[0]
        package = self.workspace.layout.package.name
        move = f"move it to {package}"
        if problem := _code_in(reference, package):
            raise problem
        if top in {"__main__", "__mp_main__"}:
            message = f"{subject}, which exists only in the training script"
            raise RefusedError(message, hint=move)
        if top in sys.stdlib_module_names or self._ships(reference.module):
            return
        names = self._distributions(reference.module)
        if not names:
            message = f"{subject}, which the wheel does not ship"
            if not self._has(top):
                message = f"{subject}, which neither the wheel nor a package of training has"
                move = f"add its package to [packages] of the Pipfile, or {move}"
            raise RefusedError(message, hint=move)
        required = self.required.intersection(names)
        if not required:
            raise self._unrequired(subject, names[0], move)
        yield min(required)

    def _unrequired(self, subject: str, name: str, move: str) -> RefusedError:
        """Return why a package is not where the wheel is installed."""
        row = self.locked.get(name)
        subject = f"{subject} of the package {name}, which"
        if row is not None and row.kind == "local":
            return RefusedError(f"{subject} is local, so the wheel cannot require it", hint=move)
        state = "is not locked" if row is None else f"is locked for [{row.category}] only"
        hint = "add it to [packages] of the Pipfile and run `nox -s lock`"
        return RefusedError(f"{subject} {state}", hint=hint)

    def _ships(self, module: str) -> bool:
        path = module.replace(".", "/")
        return any(name.startswith((f"{path}.", f"{path}/")) for name in self.shipped)

    def _has(self, top: str) -> bool:
        """Return whether the repository has a module or package of a name."""
        folders = (self.workspace.layout.source, self.workspace.layout.root)
        return any((folder / name).exists() for folder in folders for name in (top, f"{top}.py"))

    def _distributions(self, module: str) -> list[str]:
        """Return the installed packages that have a module; several may share its first name."""
        path = module.replace(".", "/")
        names = list(self._having(path.partition("/")[0], self.records))
        return names if len(names) < 2 else list(self._having(path, names)) or names  # noqa: PLR2004

    def _having(self, path: str, names: Iterable[str]) -> Iterator[str]:
        pattern = re.compile(rf"^{re.escape(path)}[./]", re.MULTILINE)
        return (name for name in names if pattern.search(self.records[name]))


def _code_in(reference: Reference, package: str) -> RefusedError | None:
    """Return why what is referred to may not be called: it runs code, or builds it from bytes."""
    modules, (*above, name) = reference.module.split("."), reference.name.split(".")
    # A dotted name reaches what its module has imported: `os.system` in `joblib`.
    if name in _DANGEROUS_NAMES.get(reference.module, ()) or _DANGEROUS.intersection(
        (modules[0], *above)
    ):
        message = f"the model refers to {reference}, which can run anything when it is loaded"
        return RefusedError(message, hint="do not load that file, and look for what put it there")
    is_copier = {"cloudpickle", "dill", "_dill"}.intersection(modules)
    if name in _BY_VALUE.get(reference.module, ()) or (is_copier and _BY_VALUE_NAME.match(name)):
        message = f"the model holds the code of a function or class, by {reference}"
        hint = f"define it with a name in {package} and import it from there, also for a lambda"
        return RefusedError(message, hint=hint)
    return None


_ANSWER = "\x1eentry point: "
_KEY = "tool.trainwheel.predict"


def check_entry_point(run: Run, scratch: Path) -> None:
    """Import the entry point from the package that is shipped, and look whether it can be called.

    What its module raises for want of the model, which is not trained yet, is only noticed.

    Args:
        run: This run.
        scratch: A folder for the source root, which has a link to the package and nothing else.

    Raises:
        ConfigurationError: A module or the function is missing or cannot be called.
    """
    layout, predict = run.workspace.layout, run.workspace.config.predict
    root = scratch / "entry_point"
    package = root / layout.package.relative_to(layout.source)
    package.parent.mkdir(parents=True)
    package.symlink_to(layout.package, target_is_directory=True)
    argv = (str(run.tools.python("train")), "-P", str(ENTRY_POINT), predict, str(root))
    result = run.tools.complete(Command(argv, env={"PYTHONPATH": str(root)}), "train")
    # Not splitlines, which takes the record separator for the end of a line.
    lines = [line for line in result.output.split("\n") if line.startswith(_ANSWER)]
    for answer in map(json.loads, (line.removeprefix(_ANSWER) for line in lines)):
        problem = f"{answer['problem']}{_place(run, answer, root)}"
        if answer["certain"]:
            message = f"{_KEY} = {json.dumps(predict)}, but {problem}"
            raise ConfigurationError(message, hint=_fix(run, **answer))
        run.console.notice(f"{_KEY} is only checked after the training, because {problem}")


def _place(run: Run, answer: Mapping[str, Any], root: Path) -> str:
    layout, file = run.workspace.layout, answer["file"]
    if file.startswith(f"{root}/"):
        file = layout.relative(layout.source / Path(file).relative_to(root))
    return f" ({file} line {answer['line']})" if file else ""


def _fix(run: Run, *, module: str, file: str, **_: object) -> str:
    """Return what to do about a module that is missing; empty where that is plain."""
    top, config = module.partition(".")[0], run.workspace.config
    if not top or top == config.package.partition(".")[0]:
        return ""
    source = run.workspace.layout.source
    if any((source / name).exists() for name in (top, f"{top}.py")):
        return f"the wheel ships nothing but {config.package}: move what it needs of {top} there"
    package = "if it is a package, add it to [packages] of the Pipfile and run `nox -s lock`"
    return package if file else ""
