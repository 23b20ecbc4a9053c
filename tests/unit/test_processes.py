"""The classifier in threads, in children that fork while it loads, and in other processes."""

import copy
import os
import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import pytest
from sklearn.pipeline import Pipeline

from oncology_model import ArtefactError, Classifier, Tumor
from oncology_model.load_lock import LoadLock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")

# One interpreter plays all scenes, as importing scikit-learn takes it a second of CPU time. Each
# line that it prints starts with the scene. Children are killed by an alarm, so that one that hangs
# is a failure and no endless test.
PROGRAM = r"""
import multiprocessing, os, signal, sys, threading, time
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

# Stops the thread that imports scikit-learn half-way, until the process forks a second time. A
# finder would hold the lock of all imports meanwhile, without which nothing forks.
def pause(event, arguments):
    if event == "import" and arguments[0].startswith("sklearn.") and not importing.is_set():
        importing.set()
        forking.acquire(timeout=30)
        forking.acquire(timeout=30)

# The first fork does not wait for the import, and the second does.
def import_meanwhile(artefact):
    classifier = Classifier(artefact)
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
    time.sleep(0.1)  # a fork that does not wait is done by then

def load_meanwhile(scene, artefact, until, patience):
    LOAD_LOCK.patience = patience
    classifier, thread = start_slow(scene, artefact, until)
    wait(scene, fork(scene, classifier))
    thread.join()

def fork_within(artefact):
    global during_load
    during_load = lambda: wait("within", fork("within", Classifier(artefact)))
    ask("within", "parent", make_slow("within", artefact))

# The workers of spawn, forkserver and loky are new interpreters: what counts is what arrives there,
# and what comes back. An artefact that is not there needs no scikit-learn to be refused.
def pool_meanwhile(method, artefact, absent):
    _, thread = start_slow(method, artefact, load_until_forking)
    try:
        if method == "loky":
            from joblib import Parallel, delayed
            call = delayed(Classifier(artefact).predict_proba)
            # In one batch, so that one of the two workers imports scikit-learn.
            say("loky pool", *Parallel(2, batch_size=2)(call(tumor) for tumor in (small, large)))
        else:
            classifier = Classifier(artefact if method == "fork" else absent)
            with multiprocessing.get_context(method).Pool(1) as pool:
                say(method, "pool", *pool.map(classifier.predict_proba, [small, large]))
    except ArtefactError as error:
        say(method, "pool", type(error).__name__, error)
    forking.release()
    thread.join()

if __name__ == "__main__":
    signal.alarm(100)
    artefact, absent = map(Path, sys.argv[1:])
    import_meanwhile(artefact)
    load_meanwhile("patient", artefact, load_until_forking, 30.0)
    load_meanwhile("hasty", artefact, lambda: forked.acquire(timeout=30), 0.1)
    LOAD_LOCK.patience = 30.0
    fork_within(artefact)
    pool_meanwhile("fork", artefact, absent)
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers that follow
    for method in ("spawn", "forkserver", "loky"):
        pool_meanwhile(method, artefact, absent)
"""


@pytest.fixture(scope="module")
def lines(
    tmp_path_factory: pytest.TempPathFactory,
    estimator: Pipeline,
    write_manifest: Callable[..., Path],
) -> list[str]:
    """Give the sorted lines of the program, which must not write to standard error."""
    folder = tmp_path_factory.mktemp("scenes")
    (folder / "scenes.py").write_text(PROGRAM)
    joblib.dump(estimator, folder / "small.joblib")
    write_manifest(folder / "small.joblib")
    # As many threads as usual, and not one as in other tests: forks have to cope with them. Python
    # from 3.12 on warns of every fork beside threads.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(folder / "scenes.py")]
    done = subprocess.run(
        [*command, *(str(folder / f"{name}.joblib") for name in ("small", "absent"))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(done.stdout.splitlines())


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


@pytest.mark.parametrize("method", ["fork", "loky"])
def test_workers_that_were_started_while_a_thread_loads_answer(
    lines: list[str], answers: list[float], method: str
) -> None:
    assert f"{method} pool {answers[0]} {answers[1]}" in lines


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_worker_that_is_a_new_interpreter_gets_the_classifier_with_its_file(
    lines: list[str], method: str
) -> None:
    (answer,) = select(lines, f"{method} pool")
    assert re.match(r"ArtefactError .*absent\.joblib: the model has not been trained", answer)


def test_a_fork_that_waited_in_vain_or_not_at_all_releases_nothing() -> None:
    lock, entered, left = LoadLock(), threading.Event(), threading.Event()
    lock.patience = 0.01

    def load() -> None:
        with lock.hold():
            entered.set()
            left.wait(timeout=30)

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load)
        entered.wait(timeout=30)
        lock.before_fork()
        lock.after_fork_in_parent()
        left.set()
        loading.result()
        lock.after_fork_in_parent()  # as a program does that tells only of the end of a fork
        lock.before_fork()
        lock.after_fork_in_parent()
        lock.after_fork_in_parent()
        pool.submit(load).result(timeout=30)


DUPLICATES = [
    pytest.param(copy.deepcopy, id="deep copy"),
    *(
        pytest.param(lambda it, number=number: pickle.loads(pickle.dumps(it, number)), id=name)
        for number, name in enumerate(["oldest", *"12345"][: pickle.HIGHEST_PROTOCOL + 1])
    ),
]


@pytest.mark.parametrize("duplicate", DUPLICATES)
@pytest.mark.parametrize("is_loaded", [False, True])
def test_a_duplicate_loads_the_same_file_anew_and_answers_the_same(
    artefact: Path,
    small: Tumor,
    duplicate: Callable[[Classifier], Classifier],
    *,
    is_loaded: bool,
) -> None:
    artefact.with_name(f"{artefact.name}.json").unlink()
    classifier = Classifier(artefact, verify=False)  # which the duplicate must know too
    if is_loaded:
        classifier.predict(small)
    duplicated = duplicate(classifier)
    moved = artefact.rename(artefact.with_name("moved.joblib"))
    with pytest.raises(ArtefactError, match=r"small\.joblib: the model has not been trained"):
        duplicated.predict(small)
    moved.rename(artefact)
    assert duplicated.predict_proba(small) == classifier.predict_proba(small)


def test_a_shallow_copy_shares_the_model(artefact: Path, small: Tumor) -> None:
    classifier = Classifier(artefact)
    answer = classifier.predict_proba(small)
    artefact.unlink()
    assert copy.copy(classifier).predict_proba(small) == answer


def test_a_pickled_classifier_holds_no_model(artefact: Path, small: Tumor) -> None:
    classifier = Classifier(artefact)
    classifier.predict(small)
    content = pickle.dumps(classifier)
    assert b"sklearn" not in content
    assert len(content) < 1000


def test_what_a_subclass_adds_is_copied(artefact: Path) -> None:
    class Named(Classifier):
        name: str

    classifier = Named(artefact)
    classifier.name = "mine"
    assert copy.deepcopy(classifier).name == "mine"
