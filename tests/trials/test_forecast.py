"""Forecasts against their definitions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.data.examples import Examples
from backend.errors import InputError
from backend.trials.forecast import forecast
from backend.trials.question import Asked
from backend.trials.run import forecast_decisions
from backend.trials.unlearn import _optimizer
from tests.conftest import SETTINGS, build_tiny


def first_order(workspace, row: str) -> float:
    content = workspace.trials.forecast((Asked(row=row),))
    return content["forecast"]["queries"][0]["loss_change"]


def test_removing_rows_takes_their_influence_away(tiny_workspace):
    """The sum of what `explain` gives, times visits over batch size: one, over batches of 8."""
    workspace = tiny_workspace
    query, ids = workspace.eval_split.ids[2], workspace.train_split.ids
    label = workspace.eval_split.labels[2]
    found = workspace.explain(row=query, label=label, k=60, exact=True, score="dot")
    influence = {each.id: each.score for each in (*found.proponents, *found.opponents)}
    removed = [ids[3], ids[8], ids[11]]
    workspace.review.remove(*removed)
    expected = sum(influence.get(each, 0.0) for each in removed) / 8
    assert first_order(workspace, query) == pytest.approx(expected, rel=0.02, abs=1e-8)


def test_relabelling_takes_one_influence_and_adds_another(tiny_workspace):
    """The row asked about with its other label: its own gradient there, against the query's."""
    workspace = tiny_workspace
    split, query = workspace.train_split, workspace.eval_split.ids[2]
    row, other = split.ids[5], "good" if split.labels[5] == "bad" else "bad"
    label = workspace.eval_split.labels[2]
    old = {
        each.id: each.score
        for found in [workspace.explain(row=query, label=label, k=60, exact=True, score="dot")]
        for each in (*found.proponents, *found.opponents)
    }[row]
    # By symmetry the influence of the row with its new label on the query is what this pair gives.
    checkpoints = workspace.explainer().checkpoints
    encoded = checkpoints.encode(Examples.of([split.texts[5], workspace.eval_split.texts[2]]))
    classes = workspace.manifest.classes
    mine, theirs = checkpoints.trace(encoded, [classes.index(other), classes.index(label)])
    new = 0.0
    for slot, token in enumerate(mine.tokens.tolist()):
        for place in np.flatnonzero(theirs.tokens == token).tolist():
            products = (mine.rows[:, slot].astype(float) * theirs.rows[:, place]).sum(axis=1)
            new += float((products / checkpoints.weights).sum())
    workspace.review.relabel(row, other)
    assert first_order(workspace, query) == pytest.approx((old - new) / 8, rel=0.05, abs=1e-8)


def test_unlearning_raises_the_loss_of_what_is_removed(tiny_workspace):
    """A query that is itself among the removed rows becomes less likely than after random unlearning."""
    workspace = tiny_workspace
    same = [
        row
        for row, label in zip(workspace.train_split.ids, workspace.train_split.labels, strict=True)
        if label == "bad"
    ]
    workspace.review.remove(*same[:20])
    text = workspace.train_split.texts[workspace.train_split.position(same[0])]
    check = workspace.trials.forecast((Asked(text=text, label="bad"),))["forecast"]["queries"][0][
        "unlearning"
    ]
    assert check["after"] < check["before"]
    model = workspace.explainer().checkpoints.models[-1]
    assert not model.training and not any(each.requires_grad for each in model.parameters())


def test_unlearning_a_few_rows_does_not_break_a_model_of_sgd(tmp_path):
    """Adam at .05, a tenth of the run's rate, ends at chance, whatever rows are pushed."""
    settings = replace(SETTINGS, optimizer="sgd", lr=0.5, epochs=6, checkpoints=1)
    workspace = build_tiny(tmp_path / "sgd", settings=settings)
    workspace.review.remove(*workspace.train_split.ids[:6])
    check = workspace.trials.forecast()["forecast"]["eval"]["unlearning"]
    assert check["before"] == 1.0 and check["after"] > 0.9 and check["random"] > 0.9


def test_unlearning_takes_no_rate_that_adam_can_not_bear():
    """A rate of .5 is one of other optimizers."""
    model = torch.nn.Linear(1, 1)
    for name, lr, expected in (("adagrad", 0.5, 1e-4), ("adamw_torch", 5e-5, 5e-6), ("sgd", 0.5, 0.05)):
        optimizer = _optimizer(model, replace(SETTINGS, optimizer=name, lr=lr))
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)
        assert isinstance(optimizer, torch.optim.SGD if name == "sgd" else torch.optim.Adam)


def test_forecasting_leaves_the_models_as_they_are(tiny_workspace):
    workspace = tiny_workspace
    before = workspace.explain(text="a witty film").proponents[0].score
    workspace.review.remove(workspace.train_split.ids[0])
    workspace.trials.forecast()
    assert workspace.explain(text="a witty film").proponents[0].score == before


def test_nothing_decided_is_nothing_to_forecast(tiny_workspace):
    with pytest.raises(InputError, match="nothing to forecast"):
        forecast_decisions(tiny_workspace.explainer(), {}, ())


def test_the_forecast_of_eval_is_the_mean_over_its_rows(tiny_workspace):
    workspace = tiny_workspace
    workspace.review.remove(*workspace.train_split.ids[:4])
    explainer, states = workspace.explainer(), workspace.review.states()
    rows = workspace.eval_split
    records = [{"row": place, "label": label} for place, label in enumerate(rows.labels)]
    found = forecast(explainer, states, records)
    mean = np.mean([each["loss_change"] for each in found["queries"]])
    assert found["eval"]["loss_change"] == pytest.approx(mean, rel=1e-4)


def test_a_forecast_is_kept_under_its_decisions(tiny_workspace):
    workspace = tiny_workspace
    ids = workspace.train_split.ids
    workspace.review.remove(ids[0])
    first = workspace.trials.decisions_record()
    assert (first["removed"], first["relabelled"]) == (1, 0)
    assert workspace.trials.last_forecast(first["mark"]) is None
    content = workspace.trials.forecast([Asked(row=workspace.eval_split.ids[0])], "cpu")
    assert workspace.trials.last_forecast(first["mark"]) == content and content["decisions"] == first
    workspace.review.flag(ids[1])
    assert workspace.trials.decisions_record() == first  # a flag trains nothing else
    other = next(each for each in workspace.manifest.classes if each != workspace.train_split.labels[2])
    workspace.review.relabel(ids[2], other)
    second = workspace.trials.decisions_record()
    assert (second["removed"], second["relabelled"]) == (1, 1) and second["mark"] != first["mark"]
    assert workspace.trials.last_forecast(second["mark"]) is None
    workspace.review.undo()
    assert workspace.trials.decisions_record() == first
    place = workspace.path / "retrains" / "forecasts" / f"{first['mark']}.json"
    place.write_text("{")
    assert workspace.trials.last_forecast(first["mark"]) is None
