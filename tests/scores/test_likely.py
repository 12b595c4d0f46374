"""The likely classes of a row, from what the model and the scores say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backend.scores.likely import likely_labels, most_probable

CLASSES = [f"c{number}" for number in range(12)]


@given(st.integers(1, 6), st.integers(1, 20), st.integers(0, 12), st.integers(0, 99))
def test_the_most_probable_are_those_of_a_full_sort(rows, count, most, seed):
    probabilities = np.random.default_rng(seed).integers(0, 5, (rows, count)) / 5
    found = most_probable(probabilities, most)
    assert found.shape == (rows, min(most, count))
    expected = np.sort(-probabilities, axis=1)[:, : min(most, count)]
    np.testing.assert_array_equal(-np.take_along_axis(probabilities, found, axis=1), expected)
    assert all(len(set(row)) == len(row) for row in found.tolist())


def test_voices_come_before_the_models_second_choice():
    found = likely_labels(CLASSES, [3, 4, 5], {"cv_label": "c7", "neighbours_label": "c3"}, 9)
    assert list(found.items()) == [
        ("c3", "predicted, neighbours"),
        ("c7", "cross-validation"),
        ("c4", "model's no. 2"),
        ("c5", "model's no. 3"),
    ]
    assert list(likely_labels(CLASSES, [3, 4, 5], {"cv_label": "c7"}, 2)) == ["c3", "c7"]


@given(
    st.lists(st.sampled_from(range(12)), unique=True),
    st.dictionaries(
        st.sampled_from(["cv_label", "neighbours_label", "x"]), st.sampled_from(["", None, "c1", "gone"])
    ),
    st.integers(0, 9),
)
def test_only_classes_are_named_each_once(ranked, said, most):
    found = likely_labels(CLASSES, ranked, said, most)
    assert len(found) <= most and set(found) <= set(CLASSES) and all(found.values())
