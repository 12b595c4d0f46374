"""Label sets and numbers held against probes, neighbours and words: against sklearn, cleanlab and by hand."""

import math

import numpy as np
import pytest
from cleanlab.multilabel_classification import get_label_quality_scores
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge

from backend.data.targets.label_sets import LabelSetSpace
from backend.data.targets.number_space import NumberSpace
from backend.scores import set_probe
from backend.scores.label_sets import SetFit
from backend.scores.neighbour_votes import NumberVotes, SetVotes, jaccard
from backend.scores.number_fit import NumberFit
from backend.scores.number_probe import STRENGTHS, out_of_fold_numbers
from backend.scores.producers.label_sets import set_quality
from backend.scores.producers.label_words import set_association
from backend.scores.producers.neighbours import scan
from backend.scores.producers.number_words import word_leanings
from backend.scores.set_probe import SetProbe, out_of_fold_sets
from backend.scores.token_label import TokenLabels, token_labels, token_numbers
from backend.workspace import Workspace

NAMES = ("a", "b", "c")
SPACE = LabelSetSpace(NAMES)
NUMBERS = NumberSpace(0.0, 2.0, 5.0)


def some_sets(count: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of unit norm, and sets that they tell."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, 6)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features, (features[:, :3] + 0.2 * generator.normal(size=(count, 3)) > 0.3).astype(np.float32)


@pytest.mark.parametrize("strength", [0.3, 10.0])
def test_a_probe_is_one_logistic_regression_a_label(strength):
    features, sets = some_sets()
    found = SetProbe(features, sets, C=strength).probabilities(features)
    for label in range(3):
        model = LogisticRegression(C=strength, max_iter=2000, tol=1e-8).fit(features, sets[:, label])
        np.testing.assert_allclose(found[:, label], model.predict_proba(features)[:, 1], atol=1e-3)


def test_a_label_that_no_row_has_keeps_a_small_share():
    features, sets = some_sets()
    sets[:, 2], sets[:, 1] = 0, 1
    found = SetProbe(features, sets, C=1.0).probabilities(features)
    assert found[:, 2] == pytest.approx(0.5 / 121) and found[:, 1] == pytest.approx(120.5 / 121)


def test_probabilities_of_a_fold_do_not_depend_on_its_own_targets(monkeypatch):
    monkeypatch.setattr(set_probe, "STRENGTHS", (1.0,))
    features, sets = some_sets()
    folds, groups = np.arange(120) % 4, np.arange(120)
    found = out_of_fold_sets(features, sets, groups, folds, 0)
    assert ((found > 0.5) == (sets > 0.5)).mean() > 0.8
    held = folds == 2
    changed = sets.copy()
    changed[held] = 1 - changed[held]
    other = out_of_fold_sets(features, changed, groups, folds, 0)
    np.testing.assert_array_equal(other[held], found[held])
    assert not np.allclose(other[~held], found[~held])


def test_ridge_out_of_fold_is_that_of_sklearn():
    features, _ = some_sets()
    generator = np.random.default_rng(1)
    numbers = 3 * features[:, 0] - features[:, 4] + 0.3 * generator.normal(size=120) + 2
    folds = np.arange(120) % 5
    predicted = []
    for strength in STRENGTHS:
        one = np.zeros(120)
        for fold in range(5):
            fit = folds != fold
            model = Ridge(alpha=strength).fit(features[fit].astype(float), numbers[fit])
            one[~fit] = model.predict(features[~fit].astype(float))
        predicted.append(one)
    best = min(predicted, key=lambda each: float(((each - numbers) ** 2).sum()))
    np.testing.assert_allclose(out_of_fold_numbers(features, numbers, folds), best, rtol=1e-6, atol=1e-8)


# -- label sets -----------------------------------------------------------------------------------


def test_what_does_not_fit_is_counted_in_bits():
    sets = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=np.float32)
    chances = np.array([[0.75, 0.6, 0.1], [0.1875, 0.1, 0.1], [0.75, 0.0625, 0.2], [0.2, 0.2, 0.9]])
    found = SetFit(sets, chances)
    place, lift = found.least
    none = math.log2(0.8 * 0.8 * 0.1 / 0.25)  # by its text, over the share of rows without a label
    assert place.tolist() == [0, 0, 1, -1]
    np.testing.assert_allclose(lift, [0, -2, -2, none])
    np.testing.assert_allclose(found.surprise, -lift)
    assert found.missing[0].tolist() == [1, 1, 2, 2] and found.missing[1].tolist() == [0.6, 0.1, 0.2, 0.9]


def test_what_is_suggested_is_what_the_probes_are_sure_of():
    sets = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 1, 1]], dtype=np.float32)
    chances = np.array([[0.9, 0.7, 0.1], [0.9, 0.1, 0.2], [0.1, 0.2, 0.3], [0.1, 0.8, 0.1], [0.9, 0.3, 0.4]])
    suggested, sure = SetFit(sets, chances).suggested()
    # Added; taken away; nothing would be left; swapped; less likely than not, but c not below its share.
    assert SPACE.targets(suggested) == ["a; b", "a", "a", "b", "a; c"]
    np.testing.assert_allclose(sure, [0.7, 0.9, math.nan, 0.8, 0.7])


def test_no_suggestion_where_the_given_set_stands():
    sets = np.eye(3, dtype=np.float32)
    suggested, sure = SetFit(sets, np.where(sets > 0, 0.8, 0.2)).suggested()
    assert (suggested == sets).all() and np.isnan(sure).all()


def test_quality_of_sets_is_that_of_cleanlab():
    _, sets = some_sets()
    chances = np.random.default_rng(2).uniform(0.01, 0.99, sets.shape)
    given = [[place for place in range(3) if row[place]] for row in sets.tolist()]
    np.testing.assert_allclose(set_quality(SetFit(sets, chances)), get_label_quality_scores(given, chances))


# -- numbers --------------------------------------------------------------------------------------


def test_a_number_far_from_what_is_expected():
    numbers = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 5.0])
    predictions = np.array([1.1, 1.9, 3.1, 3.9, 5.1, 0.5])
    found = NumberFit(numbers, predictions)
    errors = numbers - predictions
    deviation = 1.4826 * np.median(np.abs(errors - np.median(errors)))
    np.testing.assert_allclose(found.far, np.abs(errors) / deviation)
    assert found.far.argmax() == 5 and found.sure[5] > 0.99 and found.suggested(1, 5)[5] == "1"
    assert not NumberFit(numbers, numbers[::-1]).tells


@pytest.mark.parametrize(("scale", "said"), [(1.0, "3.5"), (100.0, "346"), (0.01, "0.0346")])
def test_suggested_numbers_are_as_fine_as_the_spread(scale, said):
    numbers = scale * np.array([1.0, 2.0, 3.0, 4.0, 4.8])
    suggested = NumberFit(numbers, np.full(5, 3.4567 * scale)).suggested(scale, 5 * scale)[0]
    assert float(suggested) == pytest.approx(float(said), rel=0.02) and len(suggested) <= len("0.0346")


def test_suggestions_among_whole_numbers_are_whole():
    numbers = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert NumberFit(numbers, np.full(5, 3.6)).suggested(1, 5) == ["4"] * 5


# -- neighbours -----------------------------------------------------------------------------------


def unit(values) -> np.ndarray:
    vectors = np.array(values, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_jaccard_distance():
    one = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0]], dtype=np.float32)
    other = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 0], [0.5, 0.5, 0]], dtype=np.float32)
    np.testing.assert_allclose(jaccard(one, other), [0.5, 0, 1, 1 - 0.5 / 1.5])


def test_neighbours_of_sets_against_all_pairs():
    vectors, sets = some_sets(60)
    found = scan(vectors, SetVotes(SPACE, sets, np.arange(60)), k=5)
    cosines = vectors.astype(float) @ vectors.T.astype(float)
    np.fill_diagonal(cosines, -np.inf)
    for row in range(60):
        near = np.argsort(-cosines[row], kind="stable")[:5]
        weights = np.maximum(cosines[row, near], 0)
        distances = [_distance(sets[row], sets[each]) for each in near]
        assert found["disagreement"][row] == pytest.approx(np.average(distances, weights=weights), abs=1e-5)
        shares = weights @ sets[near] / weights.sum()
        if np.abs(shares - 0.5).min() > 1e-5:
            assert found["said"][row] == SPACE.targets((shares > 0.5)[None].astype(float))[0]


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    a, b = set(np.flatnonzero(one)), set(np.flatnonzero(other))
    return 1 - len(a & b) / len(a | b) if a | b else 0.0


def test_neighbours_of_numbers_against_all_pairs():
    vectors, _ = some_sets(60)
    numbers = np.random.default_rng(3).uniform(0, 5, 60)
    found = scan(vectors, NumberVotes(NUMBERS, numbers, np.arange(60)), k=5)
    cosines = vectors.astype(float) @ vectors.T.astype(float)
    np.fill_diagonal(cosines, -np.inf)
    for row in range(60):
        near = np.argsort(-cosines[row], kind="stable")[:5]
        mean = np.average(numbers[near], weights=np.maximum(cosines[row, near], 0))
        assert found["disagreement"][row] == pytest.approx(abs(numbers[row] - mean) / numbers.std(), abs=1e-4)
        assert abs(float(found["said"][row]) - mean) < 0.05 + 1e-4 and len(found["said"][row]) <= len("2.6")


def test_numbers_contradict_where_they_are_apart():
    """Three copies and a near-duplicate: 4 and 4.2 are the same, 1 is not."""
    vectors = unit([[1, 0], [1, 0], [1, 0], [1, 0.01], [0, 1], [0.1, -1]])
    numbers = np.array([4.0, 4.2, 1.0, 4.1, 0.0, 2.0])
    found = scan(vectors, NumberVotes(NUMBERS, numbers, np.array([0, 0, 0, 1, 2, 3])))
    assert found["contradicting"].tolist() == [1, 1, 3, 1, 0, 0]
    assert found["near_duplicates"].tolist() == [3, 3, 3, 3, 0, 0]
    assert found["contradicted_by"].tolist()[:4] == [2, 2, 0, 2]
    np.testing.assert_allclose(found["contradiction"], [1 / 3, 1 / 3, 1, 1 / 3, 0, 0], atol=1e-4)


def test_sets_contradict_where_they_are_not_the_same():
    vectors = unit([[1, 0], [1, 0], [1, 0.01], [0, 1]])
    sets = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)
    found = scan(vectors, SetVotes(SPACE, sets, np.array([0, 0, 1, 2])))
    assert found["contradicting"].tolist() == [1, 2, 1, 0]
    np.testing.assert_allclose(found["contradiction"], [0.5, 1, 0.5, 0], atol=1e-4)


# -- words ----------------------------------------------------------------------------------------


def test_numbers_of_two_kinds_have_the_z_of_labels(multilabel_template):
    """A number that is 0 or 1 goes with words as a label does."""
    split = Workspace.open(multilabel_template).train_split
    given = np.array(["music" in each for each in split.labels])
    of_numbers = token_numbers(split, given.astype(np.float32))
    of_labels = token_labels(split, given.astype(np.int64), 2)
    np.testing.assert_allclose(of_numbers.z[:, 0], of_labels.z[:, 1], atol=1e-9)
    np.testing.assert_allclose(of_numbers.z[:, 1], of_labels.z[:, 0], atol=1e-9)


def test_sets_with_one_label_each_have_the_z_of_classes(multilabel_template):
    split = Workspace.open(multilabel_template).train_split
    labels = np.arange(len(split)) % 3
    np.testing.assert_array_equal(
        token_labels(split, labels, 3).z, token_labels(split, np.eye(3, dtype=np.float32)[labels], 3).z
    )


def test_words_against_a_label_that_is_there_and_for_one_that_is_not():
    """12 rows of each kind: word 0 goes with label 0, word 1 with label 1; the last row has the other."""
    present = sparse.csr_matrix(np.array([[1, 0]] * 12 + [[0, 1]] * 12 + [[1, 0]] + [[0, 0]], dtype=float))
    sets = np.array([[1, 0]] * 12 + [[0, 1]] * 12 + [[0, 1]] + [[1, 0]], dtype=np.float32)
    z = np.array([[4.0, -4.0], [-3.0, 3.0]])
    found = TokenLabels(present, ["gorgeous", "dull"], np.zeros((2, 2), dtype=np.int32), z)
    margins, against, towards, strongest = set_association(found, sets)
    assert margins[0] == 8 and margins[12] == 6 and margins[24] == -8 and math.isnan(margins[25])
    assert (against[24], towards[24]) == (1, 0) and strongest[12] == -1


def test_leanings_come_from_the_other_rows_with_the_word():
    present = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, 1], [0, 0, 0]], dtype=float)
    numbers = np.array([1.0, 5.0, 2.0, 4.0, 3.0])
    found = TokenLabels(sparse.csr_matrix(present), ["a", "b", "c"], np.zeros((3, 2)), np.zeros((3, 2)))
    expected = []
    for row in range(4):
        others = [each for each in range(5) if each != row]
        means = [
            sum(numbers[each] - 3 for each in others if present[each, word])
            / (sum(present[each, word] for each in others) + 5)
            for word in np.flatnonzero(present[row])
        ]
        expected.append(np.mean(means))
    leanings = word_leanings(found, numbers)
    np.testing.assert_allclose(leanings[:4], np.array(expected) / np.std(expected))
    assert math.isnan(leanings[4])
