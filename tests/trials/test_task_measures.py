"""Figures of label sets and of numbers against scikit-learn and scipy, row errors against redrawn rows."""

import numpy as np
import pytest
from hypothesis import given as drawn_from
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, f1_score, recall_score

from backend.data.targets.label_sets import LabelSetSpace
from backend.data.targets.number_space import NumberSpace
from backend.tasks import multilabel, regression
from backend.trials.measures import measure_of
from backend.trials.redrawn_measure import RedrawnMeasure
from backend.trials.row_moves import average_precision, rank_correlation, ratio_moves

SETS = LabelSetSpace(("a", "b", "c", "never"))
NUMBERS = NumberSpace(0.0, 2.5, 5.0)
GROUPS = ("x", "y")


def label_rows(count: int, seed: int) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(seed)
    given = random.random((count, 4)) < [0.5, 0.3, 0.2, 0.0]
    return SETS.targets(given), random.choice(GROUPS, count).tolist()


def label_run(targets: list[str], seed: int, noise: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    logits = 2.0 * SETS.numbers(targets) - 1 + random.normal(0, noise, (len(targets), 4))
    return multilabel.TASK.outputs(logits)


def number_rows(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Numbers in steps of a half: with ties."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 11, count) / 2
    return NUMBERS.targets(values), random.choice(GROUPS, count).tolist()


def number_run(targets: list[str], seed: int, noise: float) -> np.ndarray:
    """Values with two digits: with ties, too."""
    truth = np.array([float(each) for each in targets])
    said = truth + np.random.default_rng(seed).normal(0, noise, len(truth))
    return said.round(2).astype(np.float32)[:, None]


TASKS = {
    "multilabel": (SETS, label_rows, label_run, (0.8, 1.5)),
    "regression": (NUMBERS, number_rows, number_run, (0.7, 1.4)),
}


@pytest.mark.parametrize("task", TASKS)
def test_figures_are_those_that_the_task_tells_elsewhere(task):
    space, rows, run, noise = TASKS[task]
    targets, groups = rows(300, 0)
    outputs = run(targets, 1, noise[1])
    measure = measure_of(space, targets, groups)
    found = dict(zip(measure.names, measure.figures(outputs), strict=True))
    task_of = {"multilabel": multilabel.TASK, "regression": regression.TASK}[task]
    for each in task_of.figures(space, outputs, targets):
        assert found[each.name] == pytest.approx(each.value, rel=1e-6), each.name
    judged = task_of.judge(space, outputs, targets)
    assert found["loss"] == pytest.approx(judged.loss.mean(), rel=1e-6)
    assert measure.sizes == {name: groups.count(name) for name in GROUPS}
    own = np.array(groups) == "y"
    values = judged.correct if task == "multilabel" else np.sqrt(judged.loss)
    assert found["group/y"] == pytest.approx(values[own].mean(), rel=1e-5)


def test_figures_of_labels_are_those_of_scikit_learn():
    targets, _ = label_rows(300, 0)
    outputs = label_run(targets, 1, 1.5)
    measure = measure_of(SETS, targets, None)
    found = dict(zip(measure.names, measure.figures(outputs), strict=True))
    given, said = SETS.numbers(targets)[:, :3], (outputs > 0.5)[:, :3]
    for number, name in enumerate("abc"):
        assert found[f"f1/{name}"] == pytest.approx(f1_score(given, said, average=None)[number])
        assert found[f"recall/{name}"] == pytest.approx(recall_score(given, said, average=None)[number])
    assert np.isnan(found["f1/never"]) and np.isnan(found["recall/never"])
    assert "f1/never" not in measure.differences([outputs], [outputs])


def test_the_strata_of_numbers_are_disjoint_and_whole():
    targets, _ = number_rows(300, 0)
    outputs = number_run(targets, 1, 1.0)
    measure = measure_of(NUMBERS, targets, None)
    found = dict(zip(measure.names, measure.figures(outputs), strict=True))
    truth = np.array([float(each) for each in targets])
    absolute, names = np.abs(outputs[:, 0] - truth), [n for n in measure.names if n.startswith("mae/")]
    assert len(names) == 5 and names[0].startswith("mae/0 to ") and names[-1].endswith(" to 5")
    counted = 0
    for name in names:
        low, _, high = name.removeprefix("mae/").partition(" to ")
        rows = (truth >= float(low)) & (truth <= float(high))
        assert found[name] == pytest.approx(absolute[rows].mean())
        counted += rows.sum()
    assert counted == 300


@pytest.mark.parametrize("task", TASKS)
def test_the_rows_part_is_that_of_a_bootstrap(task):
    """One seed: half an interval is 1.96 standard deviations over redrawn rows, for every figure."""
    space, rows, run, noise = TASKS[task]
    targets, groups = rows(400, 0)
    one, other = run(targets, 1, noise[0]), run(targets, 2, noise[1])
    measure = measure_of(space, targets, groups)
    found = measure.differences([one], [other])
    random, drawn = np.random.default_rng(2), []
    own, of_group = np.array(targets, dtype=object), np.array(groups, dtype=object)
    for _ in range(500):
        chosen = random.integers(0, 400, 400)
        again = measure_of(space, own[chosen].tolist(), of_group[chosen].tolist())
        values = again.figures(one[chosen]) - again.figures(other[chosen])
        drawn.append(dict(zip(again.names, values, strict=True)))
    # Strata of redrawn rows may have other edges; the test below has their formula.
    checked = [name for name in found if all(name in each for each in drawn)]
    assert {
        "loss",
        "group/x",
        "group/y",
        *(("map", "f1/a") if task == "multilabel" else ("spearman", "r2")),
    } <= set(checked)
    for name in checked:
        expected = np.std([each[name] for each in drawn])
        assert (found[name].high - found[name].low) / 2 / 1.96 == pytest.approx(expected, rel=0.12), name


def test_the_rows_part_of_a_stratum_is_that_of_its_mean():
    targets, _ = number_rows(300, 0)
    one, other = number_run(targets, 1, 0.7), number_run(targets, 2, 1.4)
    measure = measure_of(NUMBERS, targets, None)
    found = measure.differences([one], [other])
    truth = np.array([float(each) for each in targets])
    gained = np.abs(one[:, 0] - truth) - np.abs(other[:, 0] - truth)
    for name in (each for each in measure.names if each.startswith("mae/")):
        low, _, high = name.removeprefix("mae/").partition(" to ")
        own = gained[(truth >= float(low)) & (truth <= float(high))]
        expected = 1.96 * own.std() / np.sqrt(len(own))
        assert (found[name].high - found[name].low) / 2 == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("seeds", [2, 3])
@pytest.mark.parametrize("task", TASKS)
def test_chance_between_seeds_is_not_called_an_effect(task, seeds):
    """Nothing differs but noise: in at most about 5 % of the worlds may any figure of all rows look real."""
    space, rows, run, noise = TASKS[task]
    names = [name for name in measure_of(space, rows(9, 0)[0], None).names if "/" not in name]
    false = dict.fromkeys(names, 0)
    for world in range(120):
        targets, _ = rows(200, world)
        measure = measure_of(space, targets, None)
        random = np.random.default_rng(world)
        runs, reference = (
            [
                run(targets, int(random.integers(2**31)), noise[0] * float(np.exp(random.normal(0, 0.05))))
                for _ in range(seeds)
            ]
            for _ in range(2)
        )
        found = measure.differences(runs, reference)
        for name in names:
            false[name] += found[name].beyond_noise
    assert max(false.values()) <= 13, false  # of 120: 6 are expected, 13 are 3 standard errors more


@pytest.mark.parametrize("task", TASKS)
def test_redrawn_rows_tell_what_the_formulas_tell(task):
    """What stands in for them where a task has none."""
    space, rows, run, noise = TASKS[task]
    targets, groups = rows(300, 0)
    runs, reference = [run(targets, 1, noise[0])], [run(targets, 2, noise[1])]
    redrawn = RedrawnMeasure(space, targets, groups).differences(runs, reference)
    found = measure_of(space, targets, groups).differences(runs, reference)
    for name, each in redrawn.items():
        if name.startswith("group/"):
            continue  # the mean loss here
        assert each.mean == pytest.approx(found[name].mean, rel=1e-5)
        half = (found[name].high - found[name].low) / 2
        assert (each.high - each.low) / 2 == pytest.approx(half, rel=0.2), name


# -- influence functions ------------------------------------------------------------------------------

VALUES = st.lists(st.integers(0, 6), min_size=8, max_size=25)


def weighted_rank_correlation(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> float:
    """Spearman's correlation where row i stands for ``weights[i]`` rows, from all pairs."""
    share = weights / weights.sum()
    u, v = (((e[None] < e[:, None]) + 0.5 * (e[None] == e[:, None])) @ share - 0.5 for e in (one, other))
    return float((share * u * v).sum() / np.sqrt((share * u * u).sum() * (share * v * v).sum()))


def weighted_precision(given: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Average precision likewise."""
    above = scores[None] >= scores[:, None]
    precision = (above @ (weights * given)) / (above @ weights)
    return float((weights * given * precision).sum() / (weights * given).sum())


def by_small_steps(figure, count: int) -> np.ndarray:
    """How a figure of weights (n) moves with each, by central differences, less the mean."""
    step, found = 1e-5, []
    for row in range(count):
        up, down = np.ones(count), np.ones(count)
        up[row] += step
        down[row] -= step
        found.append((figure(up) - figure(down)) / (2 * step))
    return np.array(found)


@drawn_from(VALUES, st.data())
def test_moves_of_the_rank_correlation(values, data):
    one = np.array(values, dtype=float)
    other = np.array(
        data.draw(st.lists(st.integers(0, 6), min_size=len(one), max_size=len(one))), dtype=float
    )
    found, moves = rank_correlation(one, other)
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        assert found == 0 and not moves.any()
        return
    assert found == pytest.approx(spearmanr(one, other).statistic, abs=1e-9)
    expected = by_small_steps(lambda weights: weighted_rank_correlation(one, other, weights), len(one))
    np.testing.assert_allclose(moves, expected, atol=1e-6)
    assert moves.sum() == pytest.approx(0, abs=1e-9)


@drawn_from(VALUES, st.data())
def test_moves_of_the_average_precision(values, data):
    scores = np.array(values, dtype=float)
    given = np.array(data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores))))
    given[0] = True
    found, moves = average_precision(given, scores)
    assert found == pytest.approx(average_precision_score(given, scores))
    expected = by_small_steps(lambda weights: weighted_precision(given, scores, weights), len(scores))
    np.testing.assert_allclose(moves, expected, atol=1e-6)
    assert moves.sum() == pytest.approx(0, abs=1e-9)


def test_moves_of_a_ratio():
    above, below = np.array([1.0, 0.0, 2.0]), np.array([2.0, 1.0, 2.0])
    expected = by_small_steps(lambda w: float((w * above).sum() / (w * below).sum()), 3)
    np.testing.assert_allclose(ratio_moves(above, below), expected, atol=1e-9)
    assert ratio_moves(np.zeros(3), np.zeros(3)).tolist() == [0, 0, 0]


# -- what is said of runs -----------------------------------------------------------------------------


def test_right_is_the_whole_set_and_numbers_are_never_right():
    measure = measure_of(SETS, ["a; b", "(none)", "c"], None)
    outputs = np.array([[0.9, 0.8, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1], [0.9, 0.1, 0.9, 0.1]], np.float32)
    assert measure.right(outputs).tolist() == [True, True, False]
    assert measure_of(NUMBERS, ["1", "2"], None).right(np.array([[1.0], [2.0]])) is None


def test_a_model_that_says_one_thing_is_noticed():
    sets = measure_of(SETS, ["a", "b"], None)
    assert sets.says_one_thing(np.full((2, 4), 0.2)) and not sets.says_one_thing(SETS.numbers(["a", "b"]))
    numbers = measure_of(NUMBERS, ["1", "4"], None)
    assert numbers.says_one_thing(np.array([[2.5], [2.51]])) and not numbers.says_one_thing(
        np.array([[1], [2]])
    )
