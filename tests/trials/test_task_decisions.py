"""Arms, questions and forecasts of label sets and of numbers."""

import numpy as np
import pytest

from backend.data.dataset import load_split
from backend.data.examples import Examples
from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.folder import Folder
from backend.tasks import classification, multilabel, regression
from backend.trials.question import Asked, resolved
from backend.trials.strategies.decisions import BY_LOSS, CLEANED, RANDOM, UNTOUCHED, decisions_trial
from backend.workspace import Workspace


@pytest.fixture(params=["multilabel", "regression"])
def workspace(request) -> Workspace:
    return request.getfixturevalue(f"{request.param}_workspace")


@pytest.fixture(params=["multilabel", "regression"])
def template(request) -> Workspace:
    return Workspace.open(request.getfixturevalue(f"{request.param}_template"))


def state(action: str, label: str | None = None) -> RowState:
    return RowState(action, label, "", "me", "2026-11-29")


def rows_of(trial, name: str, seed: int = 0):
    (arm,) = [each for each in trial.arms if each.name == name]
    (phase,) = arm.phases(seed)
    return phase.rows


# -- arms ---------------------------------------------------------------------------------------------


def test_controls_do_as_much_in_every_stratum(template):
    train, space = template.train_split, template.space
    new = "music; plot" if space.task == "multilabel" else "4.75"
    changed = [place for place in range(0, 60, 7) if train.labels[place] != new]
    removed = [place for place in range(1, 60, 11) if place not in changed]
    states = {train.ids[each]: state("relabel", new) for each in changed}
    states |= {train.ids[each]: state("remove") for each in removed}
    losses = np.random.default_rng(0).random(60)
    trial = decisions_trial(train, 20, space, states, losses)
    strata, given = space.strata(train.labels), np.array(train.labels, dtype=object)
    assert rows_of(trial, UNTOUCHED).targets.tolist() == train.labels
    cleaned = rows_of(trial, CLEANED)
    assert sorted(cleaned.train[cleaned.targets != given[cleaned.train]].tolist()) == changed
    wanted = np.bincount(strata[removed], minlength=9).tolist()
    for name, seed in ((RANDOM, 0), (RANDOM, 1), (BY_LOSS, 0)):
        rows = rows_of(trial, name, seed)
        gone = np.setdiff1d(np.arange(60), rows.train)
        assert np.bincount(strata[gone], minlength=9).tolist() == wanted, name
    drawn = rows_of(trial, RANDOM, 0)
    # A drawn row may have had the new target before: it is given it all the same.
    assert (drawn.targets == new).sum() >= len(changed)
    assert drawn.mark(space) != rows_of(trial, RANDOM, 1).mark(space)
    worst = np.setdiff1d(np.arange(60), rows_of(trial, BY_LOSS).train)
    for each in worst.tolist():
        same = np.setdiff1d(np.flatnonzero(strata == strata[each]), worst)
        assert losses[each] >= losses[same].max(initial=0)


def test_a_label_must_not_vanish(multilabel_template):
    workspace = Workspace.open(multilabel_template)
    train = workspace.train_split
    gone = {row: state("remove") for row, each in zip(train.ids, train.labels, strict=True) if "plot" in each}
    with pytest.raises(InputError, match="no training row with label 'plot'"):
        decisions_trial(train, 20, workspace.space, gone, None)


def test_one_number_is_nothing_to_learn(regression_template):
    workspace = Workspace.open(regression_template)
    train = workspace.train_split
    same = {row: state("relabel", "3") for row in train.ids}
    with pytest.raises(InputError, match="no two training rows with different numbers"):
        decisions_trial(train, 20, workspace.space, same, None)


# -- what is followed ---------------------------------------------------------------------------------


def test_a_row_of_several_labels_is_followed_by_each(multilabel_template):
    workspace = Workspace.open(multilabel_template)
    evaluation, space = load_split(Folder(multilabel_template), "eval"), workspace.space
    several = next(place for place, each in enumerate(evaluation.labels) if ";" in each)
    none = next(place for place, each in enumerate(evaluation.labels) if each == "(none)")
    records, texts = resolved(
        [Asked(row=evaluation.ids[several]), Asked(text="a film", label="not music")], evaluation, space
    )
    assert [each["label"] for each in records] == [*evaluation.labels[several].split("; "), "not music"]
    assert records[-1]["typed"] == 0 and len(texts) == 1
    with pytest.raises(InputError, match="has no label to follow"):
        resolved([Asked(row=evaluation.ids[none])], evaluation, space)
    (record,), _ = resolved([Asked(row=evaluation.ids[none], label="not plot")], evaluation, space)
    assert record["label"] == "not plot" and record["row"] == none
    for wrong in ("nonsense", "not nonsense"):
        with pytest.raises(InputError, match="unknown; the labels are"):
            resolved([Asked(text="a film", label=wrong)], evaluation, space)


def test_a_number_is_followed_by_its_own_or_up_or_down(regression_template):
    workspace = Workspace.open(regression_template)
    evaluation, space = workspace.eval_split, workspace.space
    asked = [
        Asked(row=evaluation.ids[0]),
        Asked(text="a film", label="high"),
        Asked(text="a film", label="3.50"),
    ]
    records, _ = resolved(asked, evaluation, space)
    assert [each["label"] for each in records] == [evaluation.labels[0], "high", "3.5"]
    with pytest.raises(InputError, match="--text needs --label: high, low"):
        resolved([Asked(text="a film")], evaluation, space)


# -- forecasts ----------------------------------------------------------------------------------------


def followed(workspace: Workspace) -> str:
    return "not music" if workspace.space.task == "multilabel" else "high"


def first_order(workspace: Workspace, row: str, label: str) -> float:
    content = workspace.trials.forecast((Asked(row=row, label=label),))
    return content["forecast"]["queries"][0]["loss_change"]


def test_removing_rows_takes_their_influence_away(workspace):
    """The sum of what `explain` gives, times visits over batch size: one, over batches of 8."""
    query, ids, label = workspace.eval_split.ids[2], workspace.train_split.ids, followed(workspace)
    found = workspace.explain(row=query, label=label, k=60, exact=True, score="dot")
    influence = {each.id: each.score for each in (*found.proponents, *found.opponents)}
    removed = [ids[3], ids[8], ids[11]]
    workspace.review.remove(*removed)
    expected = sum(influence.get(each, 0.0) for each in removed) / 8
    assert first_order(workspace, query, label) == pytest.approx(expected, rel=0.02, abs=1e-8)


def test_a_new_target_takes_one_influence_and_adds_another(workspace):
    """The row asked about with its new target: its own gradient there, against the query's."""
    split, label, space = workspace.train_split, followed(workspace), workspace.space
    query, row = workspace.eval_split.ids[2], split.ids[5]
    new = "music; plot" if space.task == "multilabel" else "4.75"
    assert split.labels[5] != new
    found = workspace.explain(row=query, label=label, k=60, exact=True, score="dot")
    old = {each.id: each.score for each in (*found.proponents, *found.opponents)}[row]
    engine = workspace.explainer()
    checkpoints, outputs = engine.checkpoints, np.zeros(len(space.names), np.float32)
    encoded = checkpoints.encode(Examples.of([split.texts[5], workspace.eval_split.texts[2]]))
    number = engine.task.choice(space, outputs, label).number
    mine, theirs = checkpoints.trace(encoded, np.stack([space.numbers([new])[0], number]))
    gained = 0.0
    for slot, token in enumerate(mine.tokens.tolist()):
        for place in np.flatnonzero(theirs.tokens == token).tolist():
            products = (mine.rows[:, slot].astype(float) * theirs.rows[:, place]).sum(axis=1)
            gained += float((products / checkpoints.weights).sum())
    workspace.review.relabel(row, new)
    assert first_order(workspace, query, label) == pytest.approx((old - gained) / 8, rel=0.05, abs=1e-8)


def test_unlearning_tells_the_headline_figure(workspace):
    workspace.review.remove(*workspace.train_split.ids[:6])
    found = workspace.trials.forecast((Asked(row=workspace.eval_split.ids[1], label=followed(workspace)),))
    content, task = found["forecast"], workspace.explainer().task
    evaluation = workspace.eval_split
    outputs = workspace.predictions("eval").outputs
    own = {each.name: each.value for each in task.figures(workspace.space, outputs, evaluation.labels)}
    assert content["headline"]["name"] == task.headline
    assert content["eval"]["unlearning"]["before"] == pytest.approx(own[task.headline], abs=1e-4)
    value = task.choice(workspace.space, outputs[1], followed(workspace)).value
    checked = content["queries"][0]["unlearning"]
    assert checked["before"] == pytest.approx(value, abs=1e-4) and checked["after"] != checked["before"]


def test_a_row_is_unknown_a_nat_beyond_guessing():
    assert classification.TASK.unknown(np.array([0, 1]), 3) == pytest.approx(np.log(3) + 1)
    given = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], np.float32)
    assert multilabel.TASK.unknown(given, 2) == pytest.approx(np.log(2) / 2 + 0.5)
    numbers = np.array([1.0, 3.0], np.float32)
    assert regression.TASK.unknown(numbers, 1) == pytest.approx(1 + 2)  # a normal's nat: 2 variances
