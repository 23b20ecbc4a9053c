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

import pytest

from oncology_model import ArtefactError, Classifier, Tumor
from oncology_model.load_lock import LoadLock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")

# Children are killed by an alarm, so that one that hangs is a failure and no endless test.
HEAD = r"""
import os, signal, sys, threading, time
from pathlib import Path
from oncology_model import MEASUREMENTS, ArtefactError, Classifier, Tumor
from oncology_model.load_lock import LOAD_LOCK

artefact = Path(sys.argv[1])
tumor = Tumor(**dict.fromkeys(MEASUREMENTS, 1.0))

def ask(classifier, name):
    try:
        answer = classifier.predict_proba(tumor)
    except ArtefactError as error:
        answer = error
    os.write(1, f"{name} {answer}\n".encode())  # in one piece, beside other threads

def ask_in_child(classifier):
    child = os.fork()
    if not child:
        signal.alarm(20)
        ask(classifier, "child")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def start(classifier):
    thread = threading.Thread(target=ask, args=(classifier, "parent"))
    thread.start()
    return thread
"""
# An artefact that says when it is being unpickled, and takes its time.
SLOW = r"""
import joblib

entered = threading.Event()

def unpickle(estimator):
    os.write(1, b"unpickled\n")
    entered.set()
    {body}
    return estimator

class Slow:
    def __init__(self, estimator):
        self.estimator = estimator

    def __reduce__(self):
        return unpickle, (self.estimator,)

slow = artefact.with_name("slow.joblib")
joblib.dump(Slow(joblib.load(artefact)), slow)
classifier = Classifier(slow, verify=False)
"""


def run(script: str, *arguments: object) -> list[str]:
    """Run a script, which must not write to standard error, and return its sorted lines."""
    # Python from 3.12 on warns of every fork beside threads.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script]
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(done.stdout.splitlines())


@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_a_child_answers_whenever_it_forks_while_another_thread_loads(
    artefact: Path, small: Tumor, delay: float
) -> None:
    fork = f"""
classifier = Classifier(artefact)
thread = start(classifier)
time.sleep({delay})
code = ask_in_child(classifier)
thread.join()
sys.exit(code)
"""
    answer = Classifier(artefact).predict_proba(small)
    assert run(HEAD + fork, artefact) == [f"child {answer}", f"parent {answer}"]


@pytest.mark.parametrize(
    ("patience", "loads"),
    [pytest.param(30.0, 1, id="the fork waits"), pytest.param(0.1, 2, id="the child loads anew")],
)
def test_a_slow_load_is_waited_for_and_done_anew_where_it_takes_too_long(
    artefact: Path, small: Tumor, patience: float, loads: int
) -> None:
    fork = f"""
LOAD_LOCK.patience = {patience}
thread = start(classifier)
entered.wait()
code = ask_in_child(classifier)
thread.join()
sys.exit(code)
"""
    answer = Classifier(artefact).predict_proba(small)
    lines = run(HEAD + SLOW.format(body="time.sleep(1)") + fork, artefact)
    assert lines == [f"child {answer}", f"parent {answer}"] + ["unpickled"] * loads


def test_a_child_without_its_imports_says_so_instead_of_waiting_for_ever(artefact: Path) -> None:
    fork = """
LOAD_LOCK.patience = 0.01
classifier = Classifier(artefact)
thread = start(classifier)
while "sklearn" not in sys.modules:
    time.sleep(0.001)
code = ask_in_child(classifier)
thread.join()
sys.exit(code)
"""
    child, parent = run(HEAD + fork, artefact)
    said = "was being imported by another thread when this process forked, so no model can be"
    assert re.match(rf"child (joblib|numpy|scipy|sklearn)[\w.]*: {said}", child)
    assert parent.startswith("parent 0.")


def test_a_load_may_fork(artefact: Path, small: Tumor) -> None:
    load = """
ask(classifier, "parent")
"""
    answer = Classifier(artefact).predict_proba(small)
    body = "assert ask_in_child(Classifier(artefact)) == 0"
    lines = run(HEAD + SLOW.format(body=body) + load, artefact)
    assert lines == [f"child {answer}", f"parent {answer}", "unpickled"]


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
        pool.submit(load).result(timeout=30)


POOLS = """\
import multiprocessing, signal, sys, threading
from pathlib import Path
from oncology_model import MEASUREMENTS, Classifier, Tumor

if __name__ == "__main__":
    signal.alarm(100)
    method, artefact = sys.argv[1:]
    tumors = [Tumor(**dict.fromkeys(MEASUREMENTS, size)) for size in (1.0, 9.0)]
    classifier = Classifier(Path(artefact))
    thread = threading.Thread(target=classifier.predict, args=(tumors[0],))
    thread.start()
    if method == "loky":
        from joblib import Parallel, delayed
        calls = (delayed(classifier.predict_proba)(tumor) for tumor in tumors)
        print(*Parallel(n_jobs=2)(calls), sep="\\n")
    else:
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(*pool.map(classifier.predict_proba, tumors), sep="\\n")
    thread.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver", "loky"])
def test_workers_of_a_pool_answer_though_it_was_made_while_a_thread_loads(
    tmp_path: Path, artefact: Path, small: Tumor, large: Tumor, method: str
) -> None:
    program = tmp_path / "pools.py"
    program.write_text(POOLS)
    options = ["-W", "ignore", str(program), method, str(artefact)]
    done = subprocess.run(
        [sys.executable, *options], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    classifier = Classifier(artefact)
    answers = [str(classifier.predict_proba(tumor)) for tumor in (small, large)]
    assert done.stdout.splitlines() == answers


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
