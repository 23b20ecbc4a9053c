"""The classifier in threads, in children that fork while it loads, and in other processes."""

import asyncio
import copy
import multiprocessing
import os
import pickle
import re
import runpy
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import pytest
from sklearn.pipeline import Pipeline

from oncology_model import ArtefactError, Classifier, Tumor
from oncology_model.lazy_model import LazyModel
from oncology_model.load_lock import LoadLock

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

# What a load imports has locks of its own, which are held during a fork: those of a new interpreter
# are registered here for the first time. What the thread does last needs them.
LOAD_IN_NEW = r"""
import os, threading, time
from oncology_model.load_lock import LOAD_LOCK
entered, forking, loaded = threading.Event(), threading.Event(), threading.Event()

def load():
    with LOAD_LOCK.hold():
        import concurrent.futures.thread, logging
        os.register_at_fork(before=forking.set)
        entered.set()
        forking.wait(timeout=20)
        time.sleep(0.05)
        logging.getLogger("late")
        concurrent.futures.thread.ThreadPoolExecutor(1).submit(int).result()
        loaded.set()

LOAD_LOCK.patience = 2.0
thread = threading.Thread(target=load)
thread.start()
entered.wait(timeout=20)
if os.fork() == 0:
    os._exit(0)
print("loaded" if loaded.is_set() else "not waited for", flush=True)
os._exit(0)  # threads may be stuck
"""


# Threads of OpenMP are not in a child, which waits for them once it predicts by more than one.
PREDICT_BEFORE_AND_AFTER = r"""
import os, signal, sys
import joblib
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info, threadpool_limits
from oncology_model import MEASUREMENTS, Classifier

rows = [[size] * len(MEASUREMENTS) for size in (1.0, 9.0)] * 20
labels = ["benign", "malignant"] * 20
with threadpool_limits(1):
    joblib.dump(HistGradientBoostingClassifier(max_iter=2).fit(rows, labels), sys.argv[1])
assert {each["num_threads"] for each in threadpool_info() if each["user_api"] == "openmp"} == {2}
classifier = Classifier.load(sys.argv[1], verify=False)
if os.fork() == 0:
    signal.alarm(20)
    print(classifier.predict(dict.fromkeys(MEASUREMENTS, 9.0)), flush=True)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
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


def test_a_fork_waits_for_a_load_that_needs_the_locks_of_what_it_has_imported() -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", LOAD_IN_NEW]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("loaded\n", "")


@pytest.mark.slow
def test_a_child_of_one_that_has_loaded_predicts_by_several_threads(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PREDICT_BEFORE_AND_AFTER]
    done = subprocess.run(
        [*command, str(tmp_path / "boosted.joblib")],
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "malignant\n", "")


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


def ask_in_threads(ask: Callable[[], object]) -> list[object]:
    """Ask in four threads at once."""
    with ThreadPoolExecutor(4) as pool:
        return [asked.result() for asked in [pool.submit(ask) for _ in range(4)]]


def ask_in_tasks(ask: Callable[[], object]) -> list[object]:
    """Ask in the threads of four tasks."""

    async def ask_all() -> list[object]:
        return await asyncio.gather(*(asyncio.to_thread(ask) for _ in range(4)))

    return asyncio.run(ask_all())


@pytest.mark.parametrize("ask_at_once", [ask_in_threads, ask_in_tasks])
def test_of_many_that_ask_first_one_loads_and_the_others_wait(
    artefact: Path, ask_at_once: Callable[[Callable[[], object]], list[object]]
) -> None:
    barrier, loads = threading.Barrier(4), []

    def check(model: object, *_: object) -> object:
        loads.append(model)
        return model

    model = LazyModel(artefact, check)

    def ask() -> object:
        barrier.wait(timeout=30)
        return model.get()

    assert ask_at_once(ask) == loads * 4


def test_an_event_loop_goes_on_while_a_thread_loads(artefact: Path) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()

        def check(model: object, *_: object) -> object:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(timeout=30)
            return model

        assert await asyncio.to_thread(LazyModel(artefact, check).get)

    asyncio.run(serve())


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
