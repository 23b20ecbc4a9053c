"""The classifier in threads, in children that fork while it loads, and in other processes."""

import multiprocessing
import os
import re
import runpy
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest
from sklearn.pipeline import Pipeline

from oncology_model import Tumor

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


def has_semaphores() -> bool:
    """Say whether a pool can be made: not in a container whose /dev/shm cannot be written."""
    try:
        multiprocessing.get_context("fork").Lock()
    except (OSError, ValueError):
        return False
    return True


METHODS = ["fork", "spawn", "forkserver", "loky"] if has_semaphores() else []
POOLS = ["Pool", "ProcessPoolExecutor"]
in_pools = pytest.mark.skipif(not METHODS, reason="there are no semaphores, so no pools")

# A child of pytest plays the scenes, for it has scikit-learn, which a new interpreter imports for a
# second of CPU time; the slow tests take one nonetheless. Each line that is printed starts with the
# scene. Children are killed by an alarm, so that one that hangs is a failure and no endless test.
PROGRAM = r"""
import multiprocessing, os, signal, sys, threading, time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from oncology_model import MEASUREMENTS, ArtefactError, Classifier, Tumor
from oncology_model.load_lock import LOAD_LOCK

small, large = (Tumor(**dict.fromkeys(MEASUREMENTS, size)) for size in (1.0, 9.0))
importing, entered = threading.Event(), threading.Event()
during_load = None
forking = forked = threading.Semaphore(0)

def renew(count):
    global forking, forked
    forking, forked = threading.Semaphore(count), threading.Semaphore(count)

# Of what is called before a fork, the last registered comes first: nobody has waited for a load.
# A child that loads need not wait for anybody.
os.register_at_fork(
    before=lambda: forking.release(),
    after_in_parent=lambda: forked.release(),
    after_in_child=lambda: renew(9),
)

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # in one piece, beside other threads

def ask(scene, name, classifier):
    try:
        say(scene, name, classifier.predict_proba(small))
    except ArtefactError as error:
        say(scene, name, error)

def start(scene, classifier):
    thread = threading.Thread(target=ask, args=(scene, "parent", classifier))
    thread.start()
    return thread

def fork(scene, classifier):
    child = os.fork()
    if not child:
        signal.alarm(20)
        ask(scene, "child", classifier)
        os._exit(0)
    return child

def wait(scene, child):
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        say(scene, "child ended by", code)

# Stops the thread that imports scikit-learn half-way, until the process forks a second time: while
# Python executes a module, it holds that module's lock and no other. A finder would hold the lock
# of all imports, without which nothing forks.
def pause(event, arguments):
    if event == "exec" and "/sklearn/" in arguments[0].co_filename and not importing.is_set():
        importing.set()
        forking.acquire(timeout=30)
        forking.acquire(timeout=30)

# The first fork does not wait for the import, and the second does.
def import_meanwhile(artefact):
    classifier = Classifier(artefact)
    sys.modules.pop("sklearn.pipeline", None)  # the artefact's; a new interpreter has none at all
    sys.addaudithook(pause)
    thread = start("import", classifier)
    importing.wait(timeout=30)
    usual, LOAD_LOCK.patience = LOAD_LOCK.patience, 0.01
    hasty = fork("half", classifier)
    LOAD_LOCK.patience = usual
    wait("import", fork("import", classifier))
    wait("half", hasty)
    thread.join()

# An artefact that says when it is being unpickled, and takes its time.
def unpickle(scene, estimator):
    say(scene, "unpickled")
    entered.set()
    during_load()
    return estimator

class Slow:
    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return unpickle, self.parts

def make_slow(scene, artefact):
    import joblib
    path = artefact.with_name(f"{scene}.joblib")
    joblib.dump(Slow(scene, joblib.load(artefact)), path)
    entered.clear()
    renew(0)
    return Classifier(path, verify=False)

def start_slow(scene, artefact, until):
    global during_load
    classifier = make_slow(scene, artefact)
    during_load = until
    thread = start(scene, classifier)
    entered.wait(timeout=30)
    return classifier, thread

def load_until_forking():
    forking.acquire(timeout=30)
    forked.acquire(timeout=0.1)  # a fork that does not wait is done by then

def load_meanwhile(scene, artefact, until, patience):
    LOAD_LOCK.patience = patience
    classifier, thread = start_slow(scene, artefact, until)
    wait(scene, fork(scene, classifier))
    thread.join()

def fork_within(artefact):
    global during_load
    during_load = lambda: wait("within", fork("within", Classifier(artefact)))
    ask("within", "parent", make_slow("within", artefact))

def ask_workers(pool, method, artefact):
    with pool:
        try:
            answers = pool.map(Classifier(artefact).predict_proba, [small, large])
            say(method, type(pool).__name__, *answers)
        except ArtefactError as error:
            say(method, type(pool).__name__, type(error).__name__, error)

# The workers of spawn, forkserver and loky are new interpreters: what counts is what arrives there,
# and what comes back. An artefact that is not there needs no scikit-learn to be refused.
def pool_meanwhile(method, artefact, absent):
    _, thread = start_slow(method, artefact, load_until_forking)
    if method == "loky":
        from joblib import Parallel, delayed
        call = delayed(Classifier(artefact).predict_proba)
        # In one batch, so that one of the two workers imports scikit-learn.
        say("loky pool", *Parallel(2, batch_size=2)(call(tumor) for tumor in (small, large)))
    else:
        context = multiprocessing.get_context(method)
        path = artefact if method == "fork" else absent
        ask_workers(context.Pool(1), method, path)
        ask_workers(ProcessPoolExecutor(1, mp_context=context), method, path)
    forking.release()
    thread.join()

if __name__ == "__main__":
    signal.alarm(100)
    artefact, absent = map(Path, sys.argv[1:3])
    import_meanwhile(artefact)
    load_meanwhile("patient", artefact, load_until_forking, 30.0)
    load_meanwhile("hasty", artefact, lambda: forked.acquire(timeout=30), 0.1)
    LOAD_LOCK.patience = 30.0
    fork_within(artefact)
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers that follow
    for method in sys.argv[3:]:
        pool_meanwhile(method, artefact, absent)
"""


@pytest.fixture(scope="module")
def arguments(
    tmp_path_factory: pytest.TempPathFactory,
    estimator: Pipeline,
    write_manifest: Callable[..., Path],
) -> list[str]:
    """Give the program, an artefact, and one that is absent."""
    folder = tmp_path_factory.mktemp("scenes")
    (folder / "scenes.py").write_text(PROGRAM)
    joblib.dump(estimator, folder / "small.joblib")
    write_manifest(folder / "small.joblib")
    return [str(folder / name) for name in ("scenes.py", "small.joblib", "absent.joblib")]


@pytest.fixture(scope="module")
def all_lines(arguments: list[str]) -> list[str]:
    """Give the sorted lines of a new interpreter, which must not write to standard error."""
    # As many threads as usual, and not one as in other tests: forks have to cope with them. Python
    # from 3.12 on warns of every fork beside threads.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", *arguments]
    done = subprocess.run(
        [*command, *METHODS],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(done.stdout.splitlines())


def play_in_child(arguments: list[str]) -> list[str]:
    """Give the sorted lines of a forked child, which must not write to standard error."""
    outputs = [Path(arguments[0]).with_suffix(f".{name}") for name in ("out", "err")]
    child = os.fork()
    if not child:
        code = 1
        try:
            for number, path in enumerate(outputs, start=1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
            sys.stderr = os.fdopen(2, "w")
            sys.argv = [*arguments, *METHODS[:1]]
            warnings.simplefilter("ignore", DeprecationWarning)
            runpy.run_path(arguments[0], run_name="__main__")
            code = 0
        except BaseException:  # noqa: BLE001 - the parent shows it
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    out, err = (path.read_text() for path in outputs)
    assert (code, err) == (0, "")
    return sorted(out.splitlines())


@pytest.fixture(scope="module", params=["child", pytest.param("new", marks=pytest.mark.slow)])
def lines(request: pytest.FixtureRequest, arguments: list[str]) -> list[str]:
    """Give the sorted lines of the scenes that fork."""
    if request.param == "child":
        return play_in_child(arguments)
    lines: list[str] = request.getfixturevalue("all_lines")
    return lines


@pytest.fixture
def answers(estimator: Pipeline, small: Tumor, large: Tumor) -> list[float]:
    """Give what the artefact answers for a small and a large tumour."""
    return [float(estimator.predict_proba([t.values()])[0, 1]) for t in (small, large)]


def select(lines: list[str], scene: str) -> list[str]:
    return [line.removeprefix(f"{scene} ") for line in lines if line.startswith(f"{scene} ")]


def test_a_child_answers_that_forks_while_another_thread_imports(
    lines: list[str], answers: list[float]
) -> None:
    assert select(lines, "import") == [f"child {answers[0]}", f"parent {answers[0]}"]


@pytest.mark.parametrize(
    ("scene", "loads"),
    [
        pytest.param("patient", 1, id="the fork waits"),
        pytest.param("hasty", 2, id="the child loads anew"),
    ],
)
def test_a_slow_load_is_waited_for_and_done_anew_where_it_takes_too_long(
    lines: list[str], answers: list[float], scene: str, loads: int
) -> None:
    answer = answers[0]
    expected = [f"child {answer}", f"parent {answer}"] + ["unpickled"] * loads
    assert select(lines, scene) == expected


def test_a_child_without_its_imports_says_so_instead_of_waiting_for_ever(
    lines: list[str],
) -> None:
    (child,) = select(lines, "half")
    problem = "was being imported by another thread when this process forked, so no model can be"
    assert re.match(rf"child (joblib|numpy|scipy|sklearn)[\w.]*: {problem}", child)


def test_a_load_may_fork(lines: list[str], answers: list[float]) -> None:
    answer = answers[0]
    assert select(lines, "within") == [f"child {answer}", f"parent {answer}", "unpickled"]


@in_pools
@pytest.mark.parametrize("pool", POOLS)
def test_workers_that_fork_while_a_thread_loads_answer(
    lines: list[str], pool: str, answers: list[float]
) -> None:
    assert f"fork {pool} {answers[0]} {answers[1]}" in lines


@in_pools
@pytest.mark.slow
def test_workers_of_loky_that_were_started_while_a_thread_loads_answer(
    all_lines: list[str], answers: list[float]
) -> None:
    assert f"loky pool {answers[0]} {answers[1]}" in all_lines


@in_pools
@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_that_is_a_new_interpreter_gets_the_classifier_with_its_file(
    all_lines: list[str], method: str, pool: str
) -> None:
    (answer,) = select(all_lines, f"{method} {pool}")
    assert re.match(r"ArtefactError .*absent\.joblib: the model has not been trained", answer)
