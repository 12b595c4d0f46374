"""Figures, differences, intervals and flips, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from backend.retraining.statistics import Difference, Measure, flips

CLASSES = ("a", "b", "c")


def random_run(truth: np.ndarray, seed: int, right: float = 0.6) -> np.ndarray:
    """Probabilities (n, 3) of a model that is right in about that share of rows."""
    random = np.random.default_rng(seed)
    found = random.dirichlet(np.ones(3), size=len(truth))
    hit = random.random(len(truth)) < right
    found[hit] = 0.1
    found[hit, truth[hit]] = 0.8
    return found.astype(np.float32)


def test_figures_are_those_of_scikit_learn():
    truth = np.random.default_rng(0).integers(0, 3, 200)
    groups = ["x" if each % 2 else "y" for each in range(200)]
    probabilities = random_run(truth, 1)
    measure = Measure(truth, CLASSES, groups)
    found = dict(zip(measure.names, measure.figures(probabilities)[0], strict=True))
    predicted = probabilities.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    for number, name in enumerate(CLASSES):
        assert found[f"f1/{name}"] == pytest.approx(f1_score(truth, predicted, average=None)[number])
        assert found[f"recall/{name}"] == pytest.approx(recall_score(truth, predicted, average=None)[number])
    own = probabilities[np.arange(200), truth]
    assert found["loss"] == pytest.approx(-np.log(own).mean(), rel=1e-5)
    even = np.array([each == "y" for each in groups])
    assert found["group/y"] == pytest.approx((predicted == truth)[even].mean())


def test_weights_count_rows_more_than_once():
    truth = np.array([0, 1, 2, 0])
    probabilities = random_run(truth, 3)
    measure = Measure(truth, CLASSES, None)
    twice = measure.figures(probabilities, np.array([[2.0, 1.0, 0.0, 1.0]]))[0]
    listed = np.array([0, 0, 1, 3])
    again = Measure(truth[listed], CLASSES, None).figures(probabilities[listed])[0]
    np.testing.assert_allclose(twice, again)


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    """Two models of equal quality: about 95 % of intervals must contain 0; with one seed, rows alone vary."""
    covered = 0
    for world in range(60):
        truth = np.random.default_rng(world).integers(0, 3, 120)
        measure = Measure(truth, CLASSES, None)
        one, other = random_run(truth, 2 * world + 1000), random_run(truth, 2 * world + 1001)
        found = measure.differences([one], [other])["accuracy"]
        covered += found.low <= 0 <= found.high
    assert 51 <= covered <= 60


def test_a_difference_that_all_seeds_show_is_beyond_noise():
    truth = np.random.default_rng(0).integers(0, 3, 400)
    measure = Measure(truth, CLASSES, None)
    good = [random_run(truth, seed, 0.9) for seed in range(3)]
    bad = [random_run(truth, seed, 0.5) for seed in range(3)]
    found = measure.differences(good, bad)["accuracy"]
    assert found.beyond_noise and 0.2 < found.low < found.mean < found.high
    assert found.mean == pytest.approx(np.mean(found.seeds))
    assert not measure.differences(good, good)["accuracy"].beyond_noise
    assert not measure.differences(good[:1], bad[:1])["accuracy"].beyond_noise


def test_seeds_that_disagree_are_noise():
    assert not Difference(0.1, 0.05, 0.2, [0.3, -0.1]).beyond_noise
    assert Difference(-0.1, -0.2, -0.05, [-0.1, -0.1]).beyond_noise


def test_a_class_without_rows_has_no_figures():
    truth = np.array([0, 0, 1, 1])
    measure = Measure(truth, CLASSES, None)
    figures = dict(zip(measure.names, measure.figures(random_run(truth, 1, 1.0))[0], strict=True))
    assert np.isnan(figures["f1/c"]) and np.isnan(figures["recall/c"])
    assert figures["macro_f1"] == 1.0
    runs = [random_run(truth, 1), random_run(truth, 2)]
    assert "f1/c" not in measure.differences(runs, runs)


def test_flips_by_hand():
    truth = np.array([0, 0, 1, 1])
    sure = np.array([[0.9, 0.1], [0.1, 0.9]])

    def run(*predicted):
        return sure[list(predicted)]

    before = [run(0, 1, 1, 1), run(0, 1, 1, 0)]
    after = [run(0, 0, 0, 1), run(0, 0, 0, 1)]
    found = flips(after, before, truth)
    assert (found.fixed, found.broken) == ([1, 3], [2])  # row 3 was a tie, which argmax gives to class 0
    assert found.by_chance == 1.0
    assert flips(after[:1], before[:1], truth).by_chance is None
