"""Ask a project's build back end which requirements its metadata have.

Run by file path with ``-P`` in the environment that has ``build`` and the back end.

    python -P read_metadata.py PROJECT ANSWER

Writes JSON into the file ANSWER: ``missing``, what the build needs and the environment does not
have, or ``requires``, the lines of ``Requires-Dist``. A back end that fails says why in the last
line of its output, which ends this.
"""

import importlib
import importlib.metadata
import json
import os
import pathlib
import sys
import tempfile
from typing import Any


def main(project: str, answer: str) -> None:
    """Write the answer, or end with one line that says why there is none."""
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        build = importlib.import_module("build")
    except ModuleNotFoundError:
        _write(answer, missing=["build"])
        return
    try:
        hooks = importlib.import_module("pyproject_hooks")
        builder = build.ProjectBuilder(project, runner=hooks.quiet_subprocess_runner)
        if missing := _missing(build, builder):
            _write(answer, missing=missing)
            return
        with tempfile.TemporaryDirectory() as folder:
            info = pathlib.Path(builder.metadata_path(folder))
            _write(answer, requires=importlib.metadata.PathDistribution(info).requires or [])
    except build.BuildException as error:
        sys.exit(" ".join(str(error).split()))
    except build.BuildBackendException as error:
        # The hook's own output ends with the line that says what went wrong.
        output = getattr(error.exception, "output", b"").decode(errors="replace").strip()
        sys.stdout.write(f"{output}\n")
        sys.exit(output.splitlines()[-1] if output else " ".join(str(error).split()))


def _missing(build: Any, builder: Any) -> list[str]:
    """Return the requirements of the build that are not installed here.

    The back end itself is not asked for more of them: setuptools' hook for that writes an egg-info
    folder into the project, and the one for metadata does not.
    """
    chains = (build.check_dependency(text) for text in builder.build_system_requires)
    return sorted({chain[-1] for each in chains for chain in each})


def _write(answer: str, **content: list[str]) -> None:
    pathlib.Path(answer).write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
