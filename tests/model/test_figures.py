"""Figures against those of scikit-learn, and the line between models that have learnt and have not."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from backend.model.figures import figures_of, has_hardly_learnt

PAIRS = st.integers(2, 6).flatmap(
    lambda size: st.tuples(
        st.just(size), st.lists(st.tuples(*[st.integers(0, size - 1)] * 2), min_size=1, max_size=60)
    )
)


def made(labels, predicted, size):
    return figures_of(labels, predicted, [f"c{each}" for each in range(size)])


@given(PAIRS)
def test_figures_are_those_of_scikit_learn(drawn):
    size, pairs = drawn
    labels, predicted = map(list, zip(*pairs, strict=True))
    found = made(labels, predicted, size)
    numbers = list(range(size))
    assert (found.confusion == confusion_matrix(labels, predicted, labels=numbers)).all()
    assert found.accuracy == pytest.approx(accuracy_score(labels, predicted))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=numbers, zero_division=0
    )
    for each, *expected in zip(found.per_class, precision, recall, f1, support, strict=True):
        shown = [each.precision or 0.0, each.recall or 0.0, each.f1 or 0.0, each.support]
        assert shown == pytest.approx(expected)
    assert found.macro_f1 == pytest.approx(f1[support > 0].mean())
    if len(set(labels) | set(predicted)) > 1:
        assert found.kappa == pytest.approx(cohen_kappa_score(labels, predicted), abs=1e-12)
    assert found.majority == max(labels.count(each) for each in numbers) / len(labels)
    json.dumps(found.to_json(), allow_nan=False)
    wrong = sum(each.count for each in found.most_confused(size * size))
    assert wrong == sum(a != b for a, b in pairs)


def test_the_error_of_kappa_is_that_of_shuffled_predictions():
    generator = np.random.default_rng(0)
    labels, predicted = (generator.choice(3, 300, p=[0.6, 0.3, 0.1]) for _ in range(2))
    shuffled = [made(labels, generator.permutation(predicted), 3).kappa for _ in range(1000)]
    assert made(labels, predicted, 3).kappa_error == pytest.approx(np.std(shuffled), rel=0.1)


def simulated(sizes, right, rows, seed=0):
    """A model that gives the label with probability ``right``, else another class by size."""
    generator = np.random.default_rng(seed)
    shares = np.array(sizes) / np.sum(sizes)
    labels = generator.choice(len(sizes), rows, p=shares)
    guessed = generator.choice(len(sizes), rows, p=shares)
    return made(labels, np.where(generator.random(rows) < right, labels, guessed), len(sizes))


def constant(sizes):
    return made(np.repeat(np.arange(len(sizes)), sizes), np.zeros(sum(sizes), dtype=int), len(sizes))


@pytest.mark.parametrize("sizes", [[50, 50], [90, 10], [780, 130, 46], [10] * 77])
def test_always_the_same_class_has_learnt_nothing_however_large_it_is(sizes):
    reason = has_hardly_learnt(constant(sizes))
    assert reason and f"{max(sizes) / sum(sizes):.1%}" in reason


def test_77_classes_at_a_few_percent_have_hardly_learnt_though_well_above_the_majority():
    found = simulated([1] * 77, 0.035, 3000)
    assert found.accuracy > 2 * found.majority
    assert has_hardly_learnt(found)
    assert has_hardly_learnt(simulated([1] * 77, 0.6, 770)) is None


def test_nine_of_ten_rows_of_one_class():
    labels = np.repeat([0, 1], [360, 40])
    half = labels.copy()
    half[380:] = 0  # finds half of the small class, at an accuracy of .95 beside .9
    assert has_hardly_learnt(made(labels, half, 2)) is None
    few = labels.copy()
    few[363:] = 0  # three of 40
    assert has_hardly_learnt(made(labels, few, 2))


def test_few_rows_cannot_show_much():
    assert "chance" in str(has_hardly_learnt(made([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0], 2)))
    assert has_hardly_learnt(made([0] * 10 + [1] * 10, [0] * 9 + [1] * 10 + [0], 2)) is None


def test_a_class_of_three_that_is_never_predicted_counts_one_of_six_does_not():
    three = np.repeat([0, 1, 2], [100, 100, 30])
    assert "1 of 3 classes are never" in str(has_hardly_learnt(made(three, np.minimum(three, 1), 3)))
    six = np.repeat(np.arange(6), [100] * 5 + [8])
    assert has_hardly_learnt(made(six, np.minimum(six, 4), 6)) is None
    tiny = np.repeat([0, 1, 2], [100, 100, 3])  # too few rows to hold against it
    assert has_hardly_learnt(made(tiny, np.minimum(tiny, 1), 3)) is None


def test_where_nothing_can_be_said():
    nothing = made([], [], 3)
    assert math.isnan(nothing.accuracy) and nothing.to_json()["accuracy"] is None
    assert has_hardly_learnt(nothing) is None
    assert has_hardly_learnt(made([1] * 20, [0] * 20, 2)) is None


def test_without_rows_nothing_is_sure():
    empty = figures_of([], [], ["a", "b"])
    assert empty.kappa_error == math.inf and empty.rows == 0
