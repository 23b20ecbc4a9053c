"""A row stays on its side of the split, whatever happens around it."""

from collections.abc import Callable
from dataclasses import replace

from oncology_model import Prediction, Tumor
from oncology_training.data import Example
from oncology_training.split import is_held_out, split


def test_each_row_is_on_one_side_in_its_order(
    make_examples: Callable[[int], list[Example]],
) -> None:
    examples = make_examples(100)
    training, holdout = split(examples)
    assert sorted([*training, *holdout], key=examples.index) == examples
    assert training == sorted(training, key=examples.index)
    assert not set(training) & set(holdout)


def test_about_one_row_in_five_is_held_out(make_examples: Callable[[int], list[Example]]) -> None:
    _, holdout = split(make_examples(800))
    assert 132 < len(holdout) < 188  # two and a half standard deviations of a binomial each way


def test_added_and_moved_rows_move_no_other_row(
    make_examples: Callable[[int], list[Example]],
) -> None:
    _, before = split(make_examples(50))
    _, after = split([*make_examples(51), *reversed(make_examples(50))])
    assert set(before) <= set(after)


def test_a_corrected_diagnosis_moves_no_row(make_examples: Callable[[int], list[Example]]) -> None:
    examples = make_examples(100)
    corrected = [replace(example, diagnosis=Prediction.BENIGN) for example in examples]
    before, after = split(examples)[1], split(corrected)[1]
    assert [example.tumor for example in before] == [example.tumor for example in after]


def test_the_rule_is_the_one_that_earlier_versions_were_split_by(small: Tumor) -> None:
    # Written down, since a change here would train new models on rows held out so far.
    sides = [is_held_out(replace(small, mean_radius=float(size))) for size in range(12)]
    assert [size for size, held_out in enumerate(sides) if held_out] == [4, 10]
