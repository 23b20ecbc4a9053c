"""The classifier in several threads, and its copies."""

import asyncio
import copy
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oncology_model import ArtefactError, Classifier, Tumor
from oncology_model.lazy_model import LazyModel


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
