"""Real processes: what they are given, what is kept of them, and that none outlives its run."""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.system.command import Command, Completed
from trainwheel.system.environ import Environment
from trainwheel.system.process import (
    NICENESS,
    RunEndedError,
    close,
    end_group,
    is_closed,
    reopen,
    run,
    start,
)
from trainwheel.system.secrets import SecretClass

SAID = "the s3cret x.whl?sig=1\n"
ENVIRONMENT = Environment({"PATH": os.environ["PATH"], "PYTHONUTF8": "1"})
LONG = 60.0


def python(script: str, *arguments: str, **options: object) -> Command:
    """Return a command that runs a script, with more of a Command's own fields."""
    argv = (sys.executable, "-I", "-c", script, *arguments)
    return Command(argv, **{"timeout": LONG, **options})  # type: ignore[arg-type]


class Witness:
    """A pipe by name that says when the last process that holds it has ended."""

    HOLD = "import os, signal\nheld = os.open({!r}, os.O_WRONLY)\nos.write(held, b'held ')\n"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "witness"
        os.mkfifo(self.path)
        self._reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    @property
    def hold(self) -> str:
        """The lines of a script that take hold of the pipe."""
        return self.HOLD.format(str(self.path))

    def await_end(self) -> str:
        """Return what was written, once nobody holds the pipe any more."""
        told = b""
        while select.select([self._reader], [], [], LONG)[0]:
            piece = os.read(self._reader, 4096)
            if not piece:
                return told.decode()
            told += piece
        return f"{told.decode()}and still held"

    def close(self) -> None:
        """Stop listening."""
        os.close(self._reader)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    """What the processes of a test may hold."""
    witness = Witness(tmp_path)
    yield witness
    witness.close()


@pytest.mark.parametrize(
    ("script", "code", "output"),
    [
        ("print('hello')", 0, "hello\n"), ("pass", 0, ""), ("raise SystemExit(3)", 3, ""),
        ("import os; os.write(1, b'no end')", 0, "no end"),
        ("import os; os.write(2, b'error\\n'); os.write(1, b'output\\n')", 0, "error\noutput\n"),
        ("import os; os.write(1, b'\\xff\\n')", 0, "\ufffd\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        ("print('x' * 200_000)", 0, "x" * 200_000 + "\n"),
    ],
)  # fmt: skip
def test_the_exit_code_and_all_output_are_kept(script: str, code: int, output: str) -> None:
    completed = run(python(script), ENVIRONMENT)

    assert completed == Completed(code, output)
    assert completed.failed == (code != 0)


@pytest.mark.parametrize(
    ("program", "reason"),
    [("no-such-program", "No such file or directory"), ("./tool", "Permission denied")],
)
def test_a_program_that_cannot_be_started_is_named(
    tmp_path: Path, program: str, reason: str
) -> None:
    (tmp_path / "tool").write_text("plain text")

    with pytest.raises(StepFailedError) as caught:
        run(Command((program, "--secret"), cwd=tmp_path), ENVIRONMENT)

    assert str(caught.value) == f"failed: cannot start {program}: {reason}"


def test_it_runs_in_its_folder(tmp_path: Path) -> None:
    completed = run(python("import os; print(os.getcwd())", cwd=tmp_path), ENVIRONMENT)

    assert completed.last_line == str(tmp_path.resolve())


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_standard_input_arrives_whole_and_may_be_left_unread(size: int) -> None:
    script = "import sys; print(len(sys.stdin.buffer.read()))"

    assert run(python(script, stdin="x" * size), ENVIRONMENT).output == f"{size}\n"
    assert run(python("print('done')", stdin="x" * size), ENVIRONMENT).output == "done\n"


@pytest.mark.parametrize("stdin", ["", "x" * 3_000_000], ids=["no input", "unread input"])
def test_past_its_deadline_a_command_is_ended_and_says_so(stdin: str) -> None:
    script = "import signal; print('at work', flush=True); signal.pause()"

    completed = run(python(script, timeout=0.4, stdin=stdin), ENVIRONMENT)

    assert completed.is_late
    assert completed.returncode == -signal.SIGTERM
    assert completed.output.startswith("at work\n")
    assert completed.last_line == "ended after 0 s without an end"


def test_a_command_that_will_not_end_is_forced(witness: Witness) -> None:
    script = f"{witness.hold}signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile 1: signal.pause()"

    completed = run(python(script, timeout=0.4, grace=0.2), ENVIRONMENT)

    assert completed.returncode == -signal.SIGKILL
    assert witness.await_end() == "held "


@pytest.mark.parametrize("handler", ["SIG_DFL", "SIG_IGN"])
def test_nothing_that_a_command_started_outlives_it(witness: Witness, handler: str) -> None:
    script = (
        f"{witness.hold}signal.signal(signal.SIGTERM, signal.{handler})\n"
        "if os.fork() == 0:\n"
        "    while 1: signal.pause()\n"
        "print('done')"
    )
    before = time.monotonic()

    completed = run(python(script), ENVIRONMENT)

    # The one it left behind holds the pipe of its output, which must not be waited for.
    assert time.monotonic() - before < LONG / 2
    assert completed == Completed(0, "done\n")
    assert witness.await_end() == "held "


def test_a_run_that_is_interrupted_ends_its_processes(witness: Witness) -> None:
    # One line, for a second interrupt may come when the run has ended.
    script = f"{witness.hold}os.fork() and print('at work', flush=True)\nwhile 1: signal.pause()"

    def interrupt(_: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(python(script), ENVIRONMENT, echo=interrupt)

    assert witness.await_end() == "held "


def test_ending_a_group_twice_does_no_harm(witness: Witness) -> None:
    process = start(python(f"{witness.hold}while 1: signal.pause()"), ENVIRONMENT)

    end_group(process)
    end_group(process)

    assert process.returncode is not None
    assert process.stdout is not None
    process.stdout.close()


def test_a_process_sees_only_the_secrets_of_its_command() -> None:
    variables = {"PIP_INDEX_URL": "read", "NEXUS_PASSWORD": "publish", "PYTHONPATH": "/somewhere"}
    environment = Environment({"PATH": os.environ["PATH"], **variables})
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    command = python(script, env={"ADDED": "x"}, secrets=frozenset({SecretClass.READ}))

    shown = set(json.loads(run(command, environment).output))

    assert shown - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {"PATH", "ADDED", "PIP_INDEX_URL"}


@pytest.mark.parametrize("is_open", [False, True])
def test_a_process_gets_no_more_of_the_shell_than_its_command_says(*, is_open: bool) -> None:
    environment = Environment({"PATH": os.environ["PATH"], "ALPHA": "1"})

    completed = run(python("import os; os.environ['ALPHA']", is_open=is_open), environment)

    assert completed.failed is bool(completed.withheld) is not is_open
    assert "ALPHA" in completed.withheld or is_open
    assert run(python("print('ALPHA')"), environment) == Completed(0, "ALPHA\n")


@pytest.mark.parametrize(("is_private", "output"), [(False, "the *** x.whl?***\n"), (True, SAID)])
def test_a_secret_that_was_read_is_not_in_the_log_and_only_in_a_private_result(
    tmp_path: Path, output: str, *, is_private: bool
) -> None:
    log = tmp_path / "log" / "upload.log"
    environment = Environment({**ENVIRONMENT.variables, "KEY": "s3cret"})
    environment.secret("KEY")
    command = python("print('the s' 'cret'.replace('sc', 's3c') + ' x.whl?sig=1')")

    completed = run(replace(command, is_private=is_private), environment, log=log)

    assert completed.output == output
    assert log.read_text().splitlines()[1:] == ["the *** x.whl?***", "", "exit code 0"]


def test_a_log_is_appended_to_and_names_each_command(tmp_path: Path) -> None:
    log = tmp_path / "build" / "log" / "step.log"

    run(python("print('1 é')"), ENVIRONMENT, log=log)
    run(python("raise SystemExit(2)"), ENVIRONMENT, log=log)

    first, second = log.read_text(encoding="utf-8").split("exit code 0\n")
    assert first.startswith("$ ")
    assert first.endswith("print('\"'\"'1 é'\"'\"')'\n1 é\n\n")
    assert second.endswith("exit code 2\n")


def test_a_line_is_echoed_while_the_command_still_runs(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = "import sys; print('first', flush=True); open(sys.argv[1]).read(); print('last')"
    told: list[str] = []

    def echo(line: str) -> None:
        told.append(line)
        if line == "first":
            gate.write_text("go on")

    completed = run(python(script, str(gate)), ENVIRONMENT, echo=echo)

    assert not completed.is_late
    assert told == ["first", "last"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000, -1])
def test_the_umask_is_that_of_the_command_or_else_ours(tmp_path: Path, umask: int) -> None:
    (tmp_path / "ours").touch()

    run(python("open('made', 'w')", cwd=tmp_path, umask=umask), ENVIRONMENT)

    ours = stat.S_IMODE((tmp_path / "ours").stat().st_mode)
    expected = ours if umask == -1 else 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == expected


@pytest.fixture
def handled() -> Iterator[None]:
    """Handlers that raise, as those of a run do."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handled")
def test_handlers_are_as_they_were_after_a_start() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    run(python("pass"), ENVIRONMENT)
    with pytest.raises(StepFailedError):
        run(Command(("no-such-program",)), ENVIRONMENT)

    now = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert now == before


each_signal = pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1), (signal.SIGINT, -signal.SIGINT)],
)
CHAIN = """
import sys
from pathlib import Path

from trainwheel.system.environ import read_environment
from trainwheel.system.command import Command
from trainwheel.system.process import handle_termination, run

handle_termination()
try:
    run(Command((sys.executable, "-I", "-c", sys.argv[1])), read_environment(), echo=print)
finally:
    Path(sys.argv[2]).write_text("cleaned")
"""


@each_signal
def test_a_signal_ends_the_children_and_unwinds_the_run(
    tmp_path: Path, witness: Witness, number: signal.Signals, code: int
) -> None:
    script = f"{witness.hold}os.fork()\nprint('at work', flush=True)\nwhile 1: signal.pause()"
    cleaned = tmp_path / "cleaned"
    argv = [sys.executable, "-u", "-c", CHAIN, script, str(cleaned)]

    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as chain:
        assert chain.stdout is not None
        assert chain.stdout.readline() == b"at work\n"
        chain.send_signal(number)
        chain.communicate(timeout=LONG)

    assert chain.returncode == code
    assert cleaned.read_text() == "cleaned"
    assert witness.await_end() == "held "


SURPRISED = """
import os, signal, sys

from trainwheel.system.environ import read_environment
from trainwheel.system.command import Command
from trainwheel.system.process import handle_termination, start

def surprise(event, _):
    if event == "subprocess.Popen":
        signal.raise_signal(int(sys.argv[1]))

handle_termination()
sys.addaudithook(surprise)
exec(sys.argv[2])
waiting = Command((sys.executable, "-I", "-c", "import signal; signal.pause()"))
start(waiting, read_environment(), stdout=held)
print("not reached")
"""


@each_signal
def test_a_signal_amid_the_start_of_a_process_ends_both(
    witness: Witness, number: signal.Signals, code: int
) -> None:
    argv = [sys.executable, "-c", SURPRISED, str(int(number)), witness.hold]

    completed = subprocess.run(argv, capture_output=True, check=False, timeout=LONG)

    assert completed.returncode == code
    assert completed.stdout == b""
    assert witness.await_end() == "held "


TWICE = """
import signal, sys

from trainwheel.system import process

process.handle_termination()
numbers = [int(number) for number in sys.argv[1:]]
process._children.add(2**22 + 1)  # a number that no process has

def surprise(event, _):
    if event == "os.killpg" and numbers:
        signal.raise_signal(numbers.pop())

sys.addaudithook(surprise)
try:
    process.close()
finally:
    print("cleaned", flush=True)
"""


@each_signal
def test_a_signal_amid_the_end_of_the_children_stops_nothing(
    number: signal.Signals, code: int
) -> None:
    argv = [sys.executable, "-c", TWICE, str(int(number)), str(int(number))]

    completed = subprocess.run(argv, capture_output=True, check=False, timeout=10)

    assert completed.stdout == b"cleaned\n"
    assert completed.returncode == code


@pytest.fixture
def closing() -> Iterator[None]:
    """A run that may end, after which the next test starts processes again."""
    yield
    reopen()


@pytest.mark.usefixtures("closing")
def test_closing_ends_what_another_thread_waits_for(witness: Witness) -> None:
    script = f"{witness.hold}os.fork()\nprint('at work', flush=True)\nwhile 1: signal.pause()"
    begun, errors = threading.Event(), list[BaseException]()

    def body() -> None:
        try:
            run(python(script), ENVIRONMENT, echo=lambda _: begun.set())
        except RunEndedError as error:
            errors.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    assert begun.wait(LONG)
    close()
    thread.join(LONG)

    assert len(errors) == 1
    assert witness.await_end() == "held "


@pytest.mark.usefixtures("closing")
def test_once_closed_nothing_starts_until_it_is_opened_again() -> None:
    close()
    assert is_closed()
    with pytest.raises(RunEndedError):
        start(python("pass"), ENVIRONMENT)

    reopen()

    assert run(python("print(1)"), ENVIRONMENT).output == "1\n"


@pytest.mark.usefixtures("closing")
def test_a_start_that_races_with_the_end_leaves_no_process(witness: Witness) -> None:
    command = Command(("/bin/sh", "-c", 'exec 3>"$0"; exec sleep 60', str(witness.path)))
    for _ in range(100):
        gate = threading.Barrier(2)

        def body(gate: threading.Barrier = gate) -> None:
            gate.wait(LONG)
            with contextlib.suppress(RunEndedError):
                run(command, ENVIRONMENT)

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        gate.wait(LONG)
        close()
        thread.join(LONG)
        assert not thread.is_alive()
        reopen()
    run(python(witness.hold), ENVIRONMENT)

    assert "still held" not in witness.await_end()


def test_the_processes_of_a_context_give_way_and_so_do_theirs() -> None:
    script = "import os, subprocess as s; print(os.nice(0), flush=True); s.run(['nice'])"
    own = os.nice(0)

    def nicely() -> Completed:
        NICENESS.set(7)
        return run(python(script), ENVIRONMENT)

    assert contextvars.copy_context().run(nicely).output.split() == ["7", "7"]
    assert run(python(script), ENVIRONMENT).output.split() == [str(own)] * 2
