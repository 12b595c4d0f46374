"""Measuring how well wrong labels are found."""

import numpy as np
import pytest

from backend.errors import InputError
from backend.evaluation.compare import _correlation, _overlap, compare_methods
from backend.evaluation.detection import detect
from backend.experiments.mislabel import MislabelSettings, evaluate_mislabel, flip
from backend.influence.answers.registry import all_methods
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.conftest import without_model

WRONG = np.array([True, True] + [False] * 18)


def test_a_perfect_score_and_its_opposite():
    perfect = np.r_[2.0, 1.0, np.zeros(18)]
    best, worst = detect({"worst": -perfect, "best": perfect}, WRONG)
    assert (best.name, best.auroc, best.average_precision, best.recall) == ("best", 1.0, 1.0, 1.0)
    assert (worst.name, worst.auroc, worst.recall) == ("worst", 0.0, 0.0)


def test_ties_at_the_end_of_the_first_tenth_count_in_part():
    (constant,) = detect({"constant": np.zeros(20)}, WRONG)
    assert constant.auroc == 0.5
    assert constant.recall == pytest.approx(0.1)


def test_a_row_without_a_value_is_the_least_suspicious():
    (found,) = detect({"score": np.r_[np.nan, 5.0, np.linspace(0, 1, 18)]}, WRONG)
    assert found.auroc == pytest.approx(0.5)


def test_all_right_or_all_wrong_is_no_measurement():
    with pytest.raises(ValueError, match="some labels must be wrong"):
        detect({}, np.zeros(3, dtype=bool))


def test_flips_are_as_many_as_asked_and_never_the_same_class():
    labels = ["a", "b", "c", "a"] * 25
    flipped = flip(labels, ["a", "b", "c"], MislabelSettings(0.3, seed=1))
    changed = [one != other for one, other in zip(labels, flipped, strict=True)]
    assert sum(changed) == 30
    assert set(flipped) <= {"a", "b", "c"}
    assert flipped == flip(labels, ["a", "b", "c"], MislabelSettings(0.3, seed=1))
    assert flipped != flip(labels, ["a", "b", "c"], MislabelSettings(0.3, seed=2))


@pytest.mark.parametrize("share", [0.0, 0.95, float("nan")])
def test_a_share_that_makes_no_sense_is_refused(share):
    with pytest.raises(InputError, match="--share"):
        MislabelSettings(share)


def test_planted_labels_are_found_in_a_copy_that_goes_away(tiny_workspace):
    before = sorted(path.name for path in tiny_workspace.path.iterdir())
    labels = tiny_workspace.train_split.labels
    training = TrainingSettings(epochs=3, lr=2e-3, batch_size=8, precision="fp32", device="cpu")
    measured, left_out = evaluate_mislabel(tiny_workspace, training, MislabelSettings(0.2))
    found = {each.name: each for each in measured}
    assert left_out == []
    assert {"suspicion", "confidence", "aum", "self_influence", "influence_on_errors"} <= set(found)
    assert all(0 <= each.auroc <= 1 for each in found.values())
    assert found["confidence"].auroc > 0.6
    assert sorted(path.name for path in tiny_workspace.path.iterdir()) == before
    assert Workspace.open(tiny_workspace.path).train_split.labels == labels


def test_all_methods_are_compared_with_the_first(tiny_workspace):
    engine = tiny_workspace.explainer()
    found, left_out = compare_methods(engine, queries=4)
    assert not left_out
    by_name = {(each.method, each.score): each for each in found}
    assert set(by_name) == {(name, score) for name, each in all_methods().items() for score in each.scores}
    own = by_name["we", "dot"]
    assert (own.proponents, own.opponents) == (1.0, 1.0)
    assert own.correlation == pytest.approx(1.0)
    assert by_name["we-syn", "dot"].correlation is None
    assert abs(by_name["random", "plain"].correlation) < 0.3
    assert by_name["we-nocommon", "dot"].correlation > by_name["random", "plain"].correlation
    assert by_name["embedding", "label"].same_label == 1.0


def test_overlap_correlation_and_spread_by_hand():
    lists = [np.array([1, 2, 3, 4]), np.array([5, 6])]
    assert _overlap(lists, [np.array([1, 2, 9, 8]), np.array([5, 7])]) == 0.5
    assert _overlap([np.empty(0, int)], [np.empty(0, int)]) == 1.0
    assert _correlation(np.array([1.0, 2.0, 3.0]), np.array([9.0, 5.0, 1.0])) == pytest.approx(-1.0)
    assert _correlation(np.zeros(3), np.arange(3.0)) == 0.0


def test_a_score_that_cannot_be_had_is_named_and_the_others_are_compared(tiny_workspace):
    for path in tiny_workspace.folder.checkpoints.glob("checkpoint-*/optimizer.pt"):
        path.unlink()
    found, left_out = compare_methods(tiny_workspace.explainer(), queries=100, only=["we", "random"])
    assert [line.split(":")[0] for line in left_out] == ["we adam"]
    assert {each.method for each in found} == {"we", "random"}
    chance = next(each for each in found if each.method == "random")
    assert chance.distinct == pytest.approx(1.0, abs=0.05)  # 20 eval rows ask, 60 rows can answer
    assert chance.milliseconds > 0
    with pytest.raises(InputError, match="--method magic"):
        compare_methods(tiny_workspace.explainer(), only=["magic"])


def test_an_attached_run_has_no_start_to_plant_in(tiny_template, tmp_path):
    workspace = without_model(tmp_path, 40)
    workspace.attach(Workspace.open(tiny_template).folder.checkpoints, classes=["bad", "good"])
    with pytest.raises(InputError, match="make a workspace with that model"):
        evaluate_mislabel(workspace, TrainingSettings(device="cpu"), MislabelSettings(0.2))
