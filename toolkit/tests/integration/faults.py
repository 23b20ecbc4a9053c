"""Faults at every write, rename and process start of a run, by Python's own audit events.

Python runs the text below at the start of Nox, and of nothing that Nox starts. Nothing of the
toolkit knows of it: Python tells of each event before it happens, and there the run is killed,
or told that the disk is full.
"""

from __future__ import annotations

from pathlib import Path

from integration.tiny import TinyProject

HOOK = r"""import errno, os, re, signal, sys

ROOT, LOG, USED, KIND, AT = os.getcwd(), *(
    os.environ[name] for name in ("FAULT_LOG", "FAULT_USED", "FAULT_KIND", "FAULT_AT")
)
CHANGES = {"os.rename", "os.link", "os.truncate", "os.symlink"}
used = set(open(USED).read().splitlines())
busy = False

def name_of(event, args):
    if event == "open":
        path, mode, flags = args
        if not isinstance(path, (str, bytes)) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return None
    elif event == "subprocess.Popen":
        return "start " + " ".join(re.split(r"[/=]", str(word))[-1] for word in args[1][:5])
    elif event not in CHANGES:
        return None
    paths = [os.fsdecode(arg) for arg in args if isinstance(arg, (str, bytes))][:2]
    return " ".join([event, *map(shorten, paths if event != "open" else paths[:1])])

def shorten(path):
    path = os.path.relpath(path, ROOT) if path.startswith(ROOT) else path
    path = re.sub(r"[0-9a-f]{64}", "#", path)
    path = re.sub(r"(?<=[-./])(tmp)?[a-z0-9_]{8}$|(?<=[-.])[a-z0-9_]{8}(?=/)", "*", path)
    path = re.sub(r"cache/files/.*", "cache/files/#", path)
    path = re.sub(r"^/.*\.pyc(\.\d+)?$", "/.../#.pyc", path)
    path = re.sub(r"tmp/(\w+)-\*/(test|source|staged)/.*", r"tmp/\1-*/\2/...", path)
    return re.sub(r"^/.*/", "/.../", re.sub(r"\d+", "N", path))

def hook(event, args):
    global busy
    if busy:
        return
    busy = True
    try:
        name = name_of(event, args)
        if name is None or "/.../null" in name or name in used or not re.search(AT, name):
            return
        used.add(name)
        with open(LOG, "a") as log:
            log.write(name + "\n")
        if KIND == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if KIND == "full" and event == "open" and " /.../" not in name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
    finally:
        busy = False

if "nox" in sys.orig_argv:
    sys.addaudithook(hook)
"""


class Faults:
    """The events of a project's runs.

    Attributes:
        project: The project, for runs that meet them.
        finished: The same, for runs that do not.

    Args:
        project: What is run.
        folder: For the log and the text above.
        kind: ``kill``, ``full``, or ``log`` to do nothing.
        at: A regular expression for the events to meet; all of them where it is empty.
    """

    def __init__(self, project: TinyProject, folder: Path, kind: str, at: str = "") -> None:
        self._log, self._used = folder / "events", folder / "used"
        self._log.touch()
        self._used.touch()
        (folder / "hook").mkdir()
        (folder / "hook" / "sitecustomize.py").write_text(HOOK)
        self.finished = project
        self.project = project.with_variables(
            FAULT_LOG=str(self._log), FAULT_USED=str(self._used), FAULT_KIND=kind, FAULT_AT=at,
            PYTHONPATH=str(folder / "hook"),
        )  # fmt: skip

    def events(self) -> list[str]:
        """Return what happened, in order."""
        return self._log.read_text().splitlines()

    def use_up(self) -> None:
        """Let the next run pass where this one ended."""
        self._used.write_text(self._log.read_text())
