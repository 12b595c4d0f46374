"""Choosing rows: pruning, ranks as weights, likeness to a target, guides."""

from types import SimpleNamespace

import numpy as np
import pytest

from backend.data.targets.class_space import ClassSpace
from backend.errors import InputError
from backend.scores.registry import producer_of
from backend.scores.table import artifact_name
from backend.trials.arm import Rows
from backend.trials.strategies import prune
from backend.trials.strategies.prune import _notes, kept_rows, parsed_fractions, percent
from backend.trials.strategies.registry import all_strategies, checked_options, strategy_named
from backend.trials.strategies.reweight import rank_weights
from backend.trials.strategies.strategy import divided_eval

HARDNESS = np.array([0.1, 0.9, 0.5, 0.7, 0.3, 0.2])
LABELS = np.array([0, 0, 0, 1, 1, 1])


def test_easy_and_hard_ends():
    assert kept_rows(HARDNESS, LABELS, 0.5, "easy", 0).tolist() == [1, 2, 3]
    assert kept_rows(HARDNESS, LABELS, 0.5, "hard", 0).tolist() == [0, 4, 5]


def test_stratified_keeps_every_class():
    kept = kept_rows(HARDNESS, LABELS, 1 / 3, "stratified", 0)
    assert kept.tolist() == [1, 3]
    rare = np.r_[np.zeros(50, int), 1]
    assert 50 in kept_rows(np.r_[np.ones(50), 0.0], rare, 0.2, "stratified", 0)


def test_probabilistic_prefers_the_hard_and_draws_without_replacement():
    values = np.r_[np.zeros(100), np.ones(100)]
    labels = np.zeros(200, dtype=int)
    kept = kept_rows(values, labels, 0.25, "probabilistic", 0)
    assert len(set(kept.tolist())) == 50
    assert (kept >= 100).mean() > 0.9
    assert kept.tolist() == kept_rows(values, labels, 0.25, "probabilistic", 0).tolist()
    assert kept.tolist() != kept_rows(values, labels, 0.25, "probabilistic", 1).tolist()


def test_equal_scores_are_a_random_choice_that_changes_with_the_seed():
    values, labels = np.zeros(100), np.zeros(100, dtype=int)
    one, other = (kept_rows(values, labels, 0.5, "easy", seed).tolist() for seed in (0, 1))
    assert one != other and len(one) == 50


def test_rows_without_a_value_are_in_the_middle():
    values = np.array([0.0, np.nan, 1.0])
    assert kept_rows(values, np.zeros(3, int), 2 / 3, "easy", 0).tolist() == [1, 2]
    assert kept_rows(values, np.zeros(3, int), 2 / 3, "hard", 0).tolist() == [0, 1]


def test_fractions_are_checked_and_different_ones_stay_different():
    assert parsed_fractions("0.5,.9,0.5") == [0.9, 0.5]
    assert len({percent(each) for each in parsed_fractions("0.904,0.9,0.5")}) == 3
    for text in ("", "0", "1", "a", "0.5,2", "nan"):
        with pytest.raises(InputError, match="--set fractions"):
            parsed_fractions(text)


@pytest.mark.parametrize(
    ("score", "settings", "said"),
    [
        ("influence_on_errors", {}, True),
        ("alignment", {"clean": "eval"}, True),
        ("alignment", {"clean": "kept"}, False),
        ("target_probability", {"target": "other.csv"}, False),
        ("el2n", {}, False),
    ],
)
def test_a_score_that_read_the_rows_which_measure_is_named(score, settings, said):
    artifacts = {artifact_name(producer_of(score)): SimpleNamespace(details=settings)}
    context = SimpleNamespace(scores=SimpleNamespace(manifest=SimpleNamespace(artifacts=artifacts)))
    assert bool(_notes(context, score)) == said


def test_weights_rank_within_the_class():
    found = rank_weights(np.array([-5.0, 0.0, 3.0, 100.0, 101.0]), np.array([0, 0, 0, 1, 1]))
    assert found.tolist() == [0.0, 1.0, 2.0, 0.0, 2.0]
    assert rank_weights(np.array([1.0, 2.0]), np.array([0, 1])).tolist() == [1.0, 1.0]
    ties = rank_weights(np.zeros(4), np.zeros(4, dtype=int))
    assert ties.tolist() == [1.0] * 4


def test_the_guide_has_the_classes_of_eval_and_measures_nothing():
    labels = np.array([0] * 60 + [1] * 40)
    guide, measured = divided_eval(labels, 0.3, 0)
    assert sorted([*guide, *measured]) == list(range(100))
    assert np.bincount(labels[guide]).tolist() == [18, 12]
    again, _ = divided_eval(labels, 0.3, 0)
    assert again.tolist() == guide.tolist()


def test_a_row_whose_text_is_in_the_guide_does_not_measure():
    labels, groups = np.array([0] * 60 + [1] * 40), np.arange(100) // 2
    guide, measured = divided_eval(labels, 0.3, 0, groups)
    assert guide.tolist() == divided_eval(labels, 0.3, 0)[0].tolist()
    assert not set(groups[guide]) & set(groups[measured])
    assert set(groups[guide]) | set(groups[measured]) == set(range(50))


@pytest.mark.parametrize(("classes", "each", "fraction"), [(100, 3, 0.5), (60, 9, 0.5), (60, 9, 0.7)])
def test_the_control_of_a_stratified_choice_has_as_many_of_every_class(classes, each, fraction):
    given = np.repeat(np.arange(classes), each)
    context = SimpleNamespace(
        options={"score": "el2n", "way": "stratified", "fractions": str(fraction)},
        everything=None,
        chosen=lambda rows: Rows(rows, given[rows]),
        strata=given,
        space=ClassSpace(("a", "b")),
        scores=SimpleNamespace(evaluation=range(10), folder=None),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prune, "_hardness", lambda *_: np.random.default_rng(0).random(len(given)))
        patch.setattr(prune, "_notes", lambda *_: ())
        _, pruned, random = strategy_named("prune").trial(context).arms
    kept, control = (arm.phases(3)[0].rows.targets for arm in (pruned, random))
    assert np.bincount(kept).tolist() == np.bincount(control).tolist()


def test_options_have_the_types_of_their_defaults():
    dga = strategy_named("dga")
    assert checked_options(dga, {"every": "7", "eta": "0.5"})["every"] == 7
    assert checked_options(dga, {})["eta"] == dga.options["eta"][0]
    with pytest.raises(InputError, match="--set every=a"):
        checked_options(dga, {"every": "a"})
    for strategy in all_strategies().values():
        assert strategy.summary and strategy.source
