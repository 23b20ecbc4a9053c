"""Parallel work of every kind on a cluster, run by file path in the environment of training.

``python -P on_cluster.py HOSTS PLAN CASE`` prints what came of a case, as JSON: a result, or the
error by which the cluster refused. PLAN is what the step gives to the training host.
"""

import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed


def nested():
    """Work that has parallel work of its own."""
    return Parallel(n_jobs=2)(delayed(outer)(number) for number in range(6))


def outer(number):
    return sum(Parallel(n_jobs=2)(delayed(pow)(part, 2) for part in range(number)))


def arrays():
    """Large arguments, by place and by name, the same one in many calls."""
    shared = np.arange(200_000, dtype=float)
    calls = (delayed(weigh)(shared, other=np.full(20_000, number)) for number in range(8))
    return [float(found) for found in Parallel(n_jobs=2)(calls)]


def weigh(shared, other):
    return shared[:10].sum() + other.mean()


def unordered():
    """Results as they come."""
    work = Parallel(n_jobs=2, return_as="generator_unordered")
    return sorted(work(delayed(abs)(-number) for number in range(50)))


def error():
    """A call that fails, by an error of its own."""
    return told(lambda: Parallel(n_jobs=2)(delayed(fail)(number) for number in range(4)))


def fail(number):
    message = f"call {number % 1} failed"
    raise LookupError(message)


def unpicklable():
    """An argument that cannot travel."""
    return told(lambda: Parallel(n_jobs=2)(delayed(id)(threading.Lock()) for _ in range(2)))


def deadly():
    """A call that ends whatever runs it."""
    return told(lambda: Parallel(n_jobs=2)(delayed(os._exit)(1) for _ in range(2)))


def told(work):
    try:
        return work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def abandoned():
    """A cluster whose workers are gone for long."""
    Parallel(n_jobs=2)(delayed(time.sleep)(0) for _ in range(2))
    os.kill(int(sys.argv[4]), 9)
    time.sleep(60)


def shipped():
    """What a module of the repository says, wherever it is imported."""
    return Parallel(n_jobs=2)(delayed(read_mark)() for _ in range(2))


def read_mark():
    return importlib.import_module("tiny_training.estimator").MARK


def print_aside(line):
    print(line, file=sys.stderr)


def main(hosts, plan, case, *_):
    spec = importlib.util.spec_from_file_location("train", Path(hosts) / "train.py")
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    train._load_cluster()
    session = importlib.import_module("trainwheel_cluster.session")
    watching = importlib.import_module("trainwheel_cluster.watching")
    session.watch = lambda *words: watching.watch(*words, empty=1.0)

    def give_up(error):
        print(json.dumps(error.message), flush=True)
        os._exit(0)

    try:
        with session.working_on(json.loads(plan), print_aside, give_up):
            print(json.dumps(globals()[case]()), flush=True)
    except session.ClusterError as error:
        give_up(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
