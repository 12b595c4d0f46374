"""Figures, differences, intervals and flips, against scikit-learn and by hand."""

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from backend.trials.class_measure import ClassMeasure
from backend.trials.flips import Flips, flips

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
    measure = ClassMeasure(truth, CLASSES, groups)
    found = dict(zip(measure.names, measure.figures(probabilities), strict=True))
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


def seeded_runs(truth: np.ndarray, random: np.random.Generator, seeds: int, shift: float) -> list[np.ndarray]:
    """Runs that differ in quality by ``shift`` from seed to seed and in the rows at the border."""
    hardness = np.random.default_rng(5).random(len(truth))
    runs = []
    for _ in range(seeds):
        chance = random.normal(0, shift) + random.normal(0, 0.01, len(truth))
        wrong = (truth + random.integers(1, 3, len(truth))) % 3
        said = np.where(hardness + chance < 0.8, truth, wrong)
        runs.append(np.full((len(truth), 3), 0.1) + 0.7 * np.eye(3)[said])
    return runs


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    """Two models of equal quality: about 95 % of intervals must contain 0; with one seed, rows alone vary."""
    covered = 0
    for world in range(200):
        truth = np.random.default_rng(world).integers(0, 3, 120)
        measure = ClassMeasure(truth, CLASSES, None)
        one, other = random_run(truth, 2 * world + 1000), random_run(truth, 2 * world + 1001)
        found = measure.differences([one], [other])["accuracy"]
        covered += found.low <= 0 <= found.high
    assert 182 <= covered <= 198


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_chance_between_seeds_is_not_called_an_effect(seeds):
    """Nothing differs but seeds: at most about 5 % may look real, all classes and groups together."""
    false = {"accuracy": 0, "macro_f1": 0, "f1/": 0, "recall/": 0, "group/": 0}
    for world in range(200):
        random = np.random.default_rng(world)
        truth = random.integers(0, 3, 1500)
        measure = ClassMeasure(truth, CLASSES, [f"g{each % 4}" for each in range(1500)])
        runs, reference = (seeded_runs(truth, random, seeds, 0.03) for _ in range(2))
        found = measure.differences(runs, reference)
        for name in false:
            false[name] += any(e.beyond_noise for each, e in found.items() if each.startswith(name))
    assert max(false.values()) <= 19, false  # of 200: 10 are expected, 19 are 3 standard errors more


def test_the_rows_part_is_that_of_a_bootstrap():
    """One seed: half an interval is 1.96 standard deviations over redrawn rows, for every figure."""
    truth = np.random.default_rng(0).integers(0, 3, 400)
    groups = np.array(["x", "y"])[np.random.default_rng(1).integers(0, 2, 400)]
    one, other = random_run(truth, 1, 0.7), random_run(truth, 2, 0.5)
    found = ClassMeasure(truth, CLASSES, groups.tolist()).differences([one], [other])
    random, drawn = np.random.default_rng(2), []
    for _ in range(600):
        rows = random.integers(0, 400, 400)
        again = ClassMeasure(truth[rows], CLASSES, groups[rows].tolist())
        drawn.append(again.figures(one[rows]) - again.figures(other[rows]))
    for name, expected in zip(found, np.std(drawn, axis=0), strict=True):
        assert (found[name].high - found[name].low) / 2 / 1.96 == pytest.approx(expected, rel=0.12), name


def test_an_interval_is_as_wide_as_rows_and_seeds_ask_for():
    truth = np.zeros(100, dtype=np.int64)
    right, wrong = np.array([0.9, 0.1]), np.array([0.1, 0.9])

    def run(count: int) -> np.ndarray:
        return np.array([right] * count + [wrong] * (100 - count))

    found = ClassMeasure(truth, ("a", "b"), None).differences([run(60), run(70), run(80)], [run(50)] * 3)
    accuracy = found["accuracy"]
    gained = np.array([0.0] * 50 + [1.0] * 10 + [2 / 3] * 10 + [1 / 3] * 10 + [0.0] * 20)
    half = np.hypot(1.95996 * gained.std() / 10, 4.30265 * 0.1 / np.sqrt(3))
    assert accuracy.mean == pytest.approx(0.2)
    assert (accuracy.low, accuracy.high) == pytest.approx((0.2 - half, 0.2 + half), rel=1e-4)
    assert not accuracy.beyond_noise  # though every seed gains 10 rows at least


def test_a_group_of_few_rows_proves_nothing():
    truth = np.zeros(200, dtype=np.int64)
    groups = ["small"] * 5 + ["large"] * 195
    good = [np.tile([0.9, 0.1], (200, 1))] * 3
    bad = [np.tile([0.1, 0.9], (200, 1))] * 3
    measure = ClassMeasure(truth, ("a", "b"), groups)
    found = measure.differences(good, bad)
    assert measure.sizes == {"large": 195, "small": 5}
    assert found["group/large"].beyond_noise and not found["group/small"].beyond_noise


def test_many_rows_and_groups_are_compared_at_once():
    """As tables, rows times groups would take gigabytes."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 60_000)
    measure = ClassMeasure(truth, CLASSES, [f"g{each}" for each in random.integers(0, 5000, 60_000)])
    runs = [random_run(truth, seed) for seed in range(4)]
    tracemalloc.start()
    found = measure.differences(runs[:2], runs[2:])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 3 + 6 + 5000 and peak < 100e6


def test_a_difference_that_all_seeds_show_is_beyond_noise():
    truth = np.random.default_rng(0).integers(0, 3, 400)
    measure = ClassMeasure(truth, CLASSES, None)
    good = [random_run(truth, seed, 0.9) for seed in range(3)]
    bad = [random_run(truth, seed, 0.5) for seed in range(3)]
    found = measure.differences(good, bad)["accuracy"]
    assert found.beyond_noise and 0.2 < found.low < found.mean < found.high
    assert found.mean == pytest.approx(np.mean(found.seeds))
    assert not measure.differences(good, good)["accuracy"].beyond_noise
    assert not measure.differences(good[:1], bad[:1])["accuracy"].beyond_noise


def test_a_class_without_rows_has_no_figures():
    truth = np.array([0, 0, 1, 1])
    measure = ClassMeasure(truth, CLASSES, None)
    figures = dict(zip(measure.names, measure.figures(random_run(truth, 1, 1.0)), strict=True))
    assert np.isnan(figures["f1/c"]) and np.isnan(figures["recall/c"])
    assert figures["macro_f1"] == 1.0
    runs = [random_run(truth, 1), random_run(truth, 2)]
    assert "f1/c" not in measure.differences(runs, runs)


def turned(after: list[np.ndarray], before: list[np.ndarray], truth: np.ndarray) -> Flips:
    measure = ClassMeasure(truth, ("a", "b"), None)
    return flips([measure.right(each) for each in after], [measure.right(each) for each in before])


def test_flips_by_hand():
    truth = np.array([0, 0, 1, 1])
    sure = np.array([[0.9, 0.1], [0.1, 0.9]])

    def run(*predicted):
        return sure[list(predicted)]

    before = [run(0, 1, 1, 1), run(0, 1, 1, 0), run(1, 1, 1, 0)]
    after = [run(0, 0, 0, 1), run(0, 0, 0, 1), run(0, 1, 1, 1)]
    found = turned(after, before, truth)
    assert (found.fixed, found.broken) == ([1, 3], [2])
    rights = [[each.argmax(axis=1) == truth for each in runs] for runs in (after, before)]
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    expected = [np.mean([(side[a] != rights[1][b]).sum() for a, b in pairs]) for side in rights]
    assert (found.changed, found.by_chance) == pytest.approx(tuple(expected))
    alone = turned(after[:1], before[:1], truth)
    assert alone.changed is None and alone.by_chance is None and alone.broken == [2]


def test_flips_are_votes_not_averages():
    """One seed that is very sure does not outvote two; a tie is on neither side."""
    truth = np.array([0])
    before = [np.array([[0.99, 0.01]]), np.array([[0.45, 0.55]]), np.array([[0.45, 0.55]])]
    after = [np.array([[0.9, 0.1]])] * 3
    assert turned(after, before, truth).fixed == [0]
    assert turned(after[:2], before[:2], truth).fixed == []
