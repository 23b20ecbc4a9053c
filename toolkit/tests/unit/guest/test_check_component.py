"""A component of GitLab is checked as its defaults fill it, and so are its inputs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trainwheel.guest import CHECK_COMPONENT

COMPONENT = """\
spec:
  inputs:
    tags:
      type: array
      default: []
    publish:
      type: boolean
      default: false
    size:
      default: small
      options: [small, large]
    name:
---
"job-$[[ inputs.size ]]":
  tags: $[[ inputs.tags ]]
  rules:
    - if: '"$[[ inputs.publish ]]" == "true"'
  script:
    - echo "$[[ inputs.name ]]"
"""


def check(folder: Path, text: str) -> tuple[int, str]:
    path = folder / "model.yml"
    path.write_text(text)
    done = subprocess.run(
        (sys.executable, "-I", str(CHECK_COMPONENT), str(path)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_component_that_is_right_passes(tmp_path: Path) -> None:
    assert check(tmp_path, f"# Its jobs.\n\n{COMPONENT}")[0] == 0


@pytest.mark.parametrize("text", ["{{ .Values.all }}\n", "kind: Job\nspec:\n  a: 1\n---\n", ""])
def test_what_other_tools_keep_in_the_folder_is_not_a_component(tmp_path: Path, text: str) -> None:
    assert check(tmp_path, text) == (0, "")


@pytest.mark.parametrize(("old", "new", "words"), [
    ("script:", "scripts:", ("job-small", "scripts")),
    ("tags: $[[", "tag: $[[", ("job-small",)),
    ("default: []", "default: all", ("tags", "array")),
    ("default: false", 'default: "no"', ("publish", "boolean")),
    ("default: small", "default: tiny", ("size", "options")),
    ("default: small", "default: small\n      regex: ^l", ("size", "regex")),
    ("default: small", "default: small\n      kind: x", ("size", "kind")),
    ("type: array", "type: list", ("tags", "'list'")),
    ("inputs.name ]]", "inputs.title ]]", ("name is used nowhere", "title is not declared")),
    ("---\n", "", ("two documents",)),
])  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    assert old in COMPONENT

    code, output = check(tmp_path, COMPONENT.replace(old, new, 1))

    assert code == 1, output
    assert all(word in output for word in words), output
    assert "Traceback" not in output
