"""Programs of their own that fork while a model is loaded, and after that."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oncology_model.load_lock import LoadLock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")

# What a load imports has locks of its own, which are held during a fork: those of a new interpreter
# are registered here for the first time. What the thread does last needs them. The last registered
# is called first before a fork, so the thread goes on when the fork has taken all but the load's.
LOAD_IN_NEW = r"""
import os, threading
from oncology_model.load_lock import LOAD_LOCK
entered, forking, loaded = threading.Event(), threading.Event(), threading.Event()
os.register_at_fork(before=forking.set)

def load():
    with LOAD_LOCK.hold():
        import concurrent.futures.thread, logging
        entered.set()
        forking.wait(timeout=20)
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
