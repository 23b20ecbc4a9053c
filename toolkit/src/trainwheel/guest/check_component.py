"""Checks a component of GitLab, filled with its defaults, against GitLab's schema.

python check_component.py FILE...
"""

from __future__ import annotations

import re
import subprocess  # nosec B404 - runs the linter beside it
import sys
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_INPUT = re.compile(r"\$\[\[\s*inputs\.([\w-]+)\s*(?:\|[^]]*)?\]\]")
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "array": (list,),
    "boolean": (bool,),
    "number": (int, float),
}
# Charts and other tools have files in such a folder, too.
_COMPONENT = re.compile(r"(?:\s|#.*\n)*spec:")
_KEYS = {"default", "description", "options", "regex", "type"}


def fill(node: Any, defaults: dict[str, Any]) -> Any:
    """Return a document with the defaults of its inputs in place."""
    if isinstance(node, dict):
        return {fill(key, defaults): fill(value, defaults) for key, value in node.items()}
    if isinstance(node, list):
        return [fill(item, defaults) for item in node]
    if not isinstance(node, str):
        return node
    if whole := _INPUT.fullmatch(node):
        return defaults[whole[1]]
    return _INPUT.sub(lambda name: _text(defaults[name[1]]), node)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def problems_of(name: str, declared: dict[str, Any], text: str) -> list[str]:
    """Return what is wrong with an input of a component; ``text`` is its jobs."""
    kind, default = declared.get("type", "string"), declared.get("default")
    has_default = "default" in declared
    checks = {
        f"does not take {', '.join(sorted(declared.keys() - _KEYS))}": declared.keys() - _KEYS,
        f"has the type {kind!r}, which there is not": kind not in _KINDS,
        f"has a default that is not of its type, {kind}": has_default
        and (not isinstance(default, _KINDS.get(kind, (object,)))),
        "has a default that is not one of its options": has_default
        and "options" in declared
        and default not in declared["options"],
        "has a default that its regex does not match": has_default
        and not re.search(declared.get("regex", ""), str(default)),
        "is used nowhere": name not in _INPUT.findall(text),
    }
    return [problem for problem, applies in checks.items() if applies]


def render(path: Path) -> tuple[list[str], Any]:
    """Return what is wrong with the inputs of a component, and its jobs with their defaults."""
    documents = list(YAML(typ="safe", pure=True).load_all(path))
    if len(documents) != 2 or set(documents[0]) != {"spec"}:  # noqa: PLR2004 - its two parts
        return ["has not two documents, `spec:` and the jobs"], {}
    inputs = {name: value or {} for name, value in documents[0]["spec"].get("inputs", {}).items()}
    text = path.read_text("utf-8").partition("\n---\n")[2]
    problems = [
        f"the input {name} {problem}"
        for name, declared in inputs.items()
        for problem in problems_of(name, declared, text)
    ]
    unknown = sorted(set(_INPUT.findall(text)) - inputs.keys())
    problems += [f"the input {name} is not declared" for name in unknown]
    return problems, {} if problems else fill(
        documents[1],
        {name: value.get("default", name) for name, value in inputs.items()},
    )


def main(paths: list[str]) -> int:
    """Check each file that is a component; return 1 where one is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        filled = []
        components = [name for name in paths if _COMPONENT.match(Path(name).read_text("utf-8"))]
        for name in components:
            problems, jobs = render(Path(name))
            for problem in problems:
                sys.stderr.write(f"{name}: {problem}\n")
            if not problems:
                filled.append(Path(folder, name.replace("/", "-")))
                YAML(typ="safe", pure=True).dump(jobs, filled[-1])
        if len(filled) < len(components) or not filled:
            return int(bool(components))
        command = Path(sys.executable).with_name("check-jsonschema")
        argv = (str(command), "--builtin-schema", "vendor.gitlab-ci", *map(str, filled))
        return subprocess.run(argv, check=False).returncode  # noqa: S603 # nosec B603


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
