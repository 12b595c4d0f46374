"""The arms that decisions make."""

import numpy as np
import pytest

from backend.data.dataset import load_split
from backend.data.rowstate import RowState
from backend.data.targets.class_space import ClassSpace
from backend.data.targets.number_space import NumberSpace
from backend.errors import InputError
from backend.files import digest
from backend.folder import Folder
from backend.trials.arm import Rows
from backend.trials.decision_mark import target_array
from backend.trials.strategies.decisions import BY_LOSS, CLEANED, RANDOM, UNTOUCHED, decisions_trial

CLASSES = ("bad", "good")
SPACE = ClassSpace(CLASSES)


@pytest.fixture(scope="module")
def train(tiny_template):
    return load_split(Folder(tiny_template), "train")


def state(action: str, label: str | None = None) -> RowState:
    return RowState(action, label, "", "me", "2026-11-24")


def rows_of(trial, name: str, seed: int = 0):
    (arm,) = [each for each in trial.arms if each.name == name]
    (phase,) = arm.phases(seed)
    assert phase.recipe is None
    return phase.rows


def trial_of(train, states, losses=None):
    return decisions_trial(train, 20, SPACE, states, losses)


def test_cleaned_rows_have_the_labels_in_force(train):
    other = "good" if train.labels[5] == "bad" else "bad"
    states = {
        train.ids[3]: state("remove"),
        train.ids[5]: state("relabel", other),
        train.ids[7]: state("flag"),
        train.ids[9]: state("keep"),
        "gone": state("remove"),
    }
    trial = trial_of(train, states)
    untouched, cleaned = rows_of(trial, UNTOUCHED), rows_of(trial, CLEANED)
    assert untouched.train.tolist() == list(range(60))
    assert cleaned.train.tolist() == [each for each in range(60) if each != 3]
    changed = np.flatnonzero(untouched.targets[cleaned.train] != cleaned.targets)
    assert cleaned.train[changed].tolist() == [5]
    assert cleaned.targets[changed].tolist() == [other]
    assert (trial.reference, trial.control) == (UNTOUCHED, RANDOM)


def test_controls_remove_as_many_of_every_class(train):
    places = {name: [i for i, each in enumerate(train.labels) if each == name] for name in CLASSES}
    chosen = [*places["bad"][:4], places["good"][0]]
    losses = np.zeros(60)
    losses[[*places["bad"][10:14], places["good"][8]]] = 5.0
    trial = trial_of(train, {train.ids[each]: state("remove") for each in chosen}, losses)
    for name, seed in ((RANDOM, 0), (RANDOM, 1), (BY_LOSS, 0)):
        gone = sorted(set(range(60)) - set(rows_of(trial, name, seed).train.tolist()))
        assert sorted(train.labels[each] for each in gone) == ["bad"] * 4 + ["good"]
    marks = [rows_of(trial, RANDOM, seed).mark(SPACE) for seed in (0, 1, 0)]
    assert marks[0] != marks[1] and marks[0] == marks[2]
    kept = rows_of(trial, BY_LOSS).train
    assert not set(kept.tolist()) & set(np.flatnonzero(losses).tolist())


def test_random_decisions_relabel_as_many_to_the_same_labels(train):
    """Else "better than random" would be data size: removing is not what was done."""
    places = {name: [i for i, each in enumerate(train.labels) if each == name] for name in CLASSES}
    states = {train.ids[each]: state("relabel", "good") for each in places["bad"][:6]}
    states |= {train.ids[each]: state("relabel", "bad") for each in places["good"][:2]}
    states |= {train.ids[places["bad"][7]]: state("remove")}
    trial = trial_of(train, states, np.arange(60.0))
    given = np.array(train.labels, dtype=object)
    for seed in (0, 1):
        rows = rows_of(trial, RANDOM, seed)
        gone = np.setdiff1d(np.arange(60), rows.train)
        assert given[gone].tolist() == ["bad"]
        changed = rows.targets != given[rows.train]
        assert sorted(given[rows.train][changed]) == ["bad"] * 6 + ["good"] * 2
    assert rows_of(trial, RANDOM, 0).mark(SPACE) != rows_of(trial, RANDOM, 1).mark(SPACE)
    arms = {arm.name: arm for arm in trial.arms}
    assert arms[RANDOM].description.startswith("1 row removed, 8 relabelled, drawn at random")
    assert len(rows_of(trial, BY_LOSS)) == 59


def test_nothing_removed_is_nothing_to_remove_by_loss(train):
    other = "good" if train.labels[5] == "bad" else "bad"
    trial = trial_of(train, {train.ids[5]: state("relabel", other)}, np.zeros(60))
    assert [each.name for each in trial.arms] == [UNTOUCHED, CLEANED, RANDOM]
    assert len(rows_of(trial, RANDOM)) == 60


def test_nothing_decided_is_nothing_to_compare(train):
    for states in ({}, {train.ids[0]: state("flag")}, {train.ids[0]: state("relabel", train.labels[0])}):
        with pytest.raises(InputError, match="no training row is removed or relabelled"):
            trial_of(train, states)


def test_a_class_must_not_vanish(train):
    gone = {
        row: state("remove") for row, label in zip(train.ids, train.labels, strict=True) if label == "bad"
    }
    with pytest.raises(InputError, match="no training row of class 'bad'"):
        trial_of(train, gone)


def test_rows_have_the_key_that_kept_outcomes_were_stored_under():
    """By class indices, as until 2026-11-29: another key would orphan what was trained (D-124)."""
    rows = Rows(np.array([0, 2]), target_array(["good", "bad"]))
    assert rows.mark(SPACE) == digest([0, 2], [1, 0], []) == "462ed0b375f1132f"
    numbers = NumberSpace(0.0, 2.0, 5.0)
    marks = [Rows(np.array([0]), target_array([each])).mark(numbers) for each in ("3.1", "3.1415926", "3.1")]
    assert marks[0] == marks[2] != marks[1]
