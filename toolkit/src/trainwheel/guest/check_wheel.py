"""Check a finished wheel with twine and check-wheel-contents, in one interpreter.

Run by file path with ``-P`` inside the environment that has both, in the folder whose
pyproject.toml may configure check-wheel-contents.

    python -P check_wheel.py WHEEL

Both always run, and what they print is passed on. If one refuses the wheel, this ends with one
line that names it and says why.
"""

import contextlib
import io
import os
import re
import sys
import textwrap
from collections.abc import Callable

from check_wheel_contents.__main__ import main as check_contents
from twine.commands.check import main as check_metadata
from twine.exceptions import TwineException

_CONTENTS, _METADATA = "check-wheel-contents", "twine check"
_LONGEST = 300


def main(wheel: str) -> None:
    """Run both checks, and end with one line if the wheel is refused."""
    # rich, with which twine prints, would break long paths after 80 characters.
    os.environ["COLUMNS"] = "1000"
    refusals = (_run(_METADATA, _by_twine, wheel), _run(_CONTENTS, _by_contents, wheel))
    sys.exit("; ".join(filter(None, refusals)) or None)


def _run(name: str, check: Callable[[str], bool], wheel: str) -> str:
    """Run one check, and return why it refuses the wheel; empty if it passes."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            passes = check(wheel)
    finally:
        sys.stdout.write(output.getvalue())
        sys.stdout.flush()
    reason = re.sub(f"(Checking )?{re.escape(wheel)}: ", "", output.getvalue())
    return "" if passes else textwrap.shorten(f"{name}: {reason}", _LONGEST, placeholder=" …")


def _by_twine(wheel: str) -> bool:
    try:
        return not check_metadata(["--strict", wheel])
    except TwineException as error:
        sys.stdout.write(f"{type(error).__name__}: {error}\n")
        return False


def _by_contents(wheel: str) -> bool:
    try:
        check_contents([wheel], prog_name=_CONTENTS)
    except SystemExit as end:
        return not end.code
    return True


if __name__ == "__main__":
    main(sys.argv[1])
