"""What a trial will train, and how long that takes, is known before it starts."""

import json

import numpy as np
import pytest

from backend.errors import InputError
from backend.files import write_json
from backend.trials.cost import TRAINING_PASS, trial_cost
from backend.trials.run import RetrainSettings
from backend.trials.strategies.decisions import decisions_trial


def arms_of(workspace) -> list[str]:
    losses = None
    if workspace.folder.state("predictions") == "current":
        losses = np.arange(len(workspace.train_split), dtype=float)
    trial = decisions_trial(workspace.train_split, 20, workspace.space, workspace.review.states(), losses)
    return [arm.name for arm in trial.arms]


@pytest.mark.parametrize("predicted", [True, False])
@pytest.mark.parametrize("decided", ["remove", "relabel"])
def test_the_arms_are_those_of_the_trial(tiny_workspace, decided, predicted):
    row, label = tiny_workspace.train_split.ids[0], tiny_workspace.train_split.labels[0]
    if decided == "remove":
        tiny_workspace.review.remove(row)
    else:
        tiny_workspace.review.relabel(row, "bad" if label == "good" else "good")
    if not predicted:
        tiny_workspace.folder.forget("predictions")
    cost = tiny_workspace.trials.plan(RetrainSettings(seeds=2))
    assert list(cost.arms) == arms_of(tiny_workspace)
    assert set(cost.arms.values()) == {1.0}
    assert cost.training and cost.seconds == pytest.approx(2 * len(cost.arms) * cost.training)


def test_chosen_arms_cost_no_more_than_themselves_and_the_first(tiny_workspace):
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    cost = tiny_workspace.trials.plan(RetrainSettings(arms=("cleaned",)))
    assert list(cost.arms) == ["untouched", "cleaned"]
    with pytest.raises(InputError, match="the arms of trial decisions are untouched, cleaned"):
        tiny_workspace.trials.plan(RetrainSettings(arms=("magic",)))


def test_with_nothing_decided_there_is_nothing_to_plan(tiny_workspace):
    with pytest.raises(InputError, match="nothing to compare; decide first"):
        tiny_workspace.trials.plan(RetrainSettings())


def change_details(workspace, artifact: str, **details) -> None:
    manifest = workspace.manifest
    changed = manifest.artifacts[artifact].model_copy(update={"details": details})
    artifacts = {**manifest.artifacts, artifact: changed}
    workspace.folder.write_manifest(manifest.model_copy(update={"artifacts": artifacts}))


def test_a_training_takes_what_it_took_here(tiny_workspace):
    folder, arms = tiny_workspace.folder, {"one": 1.0, "half": 0.5}
    rate = {
        "precision": "fp32",
        "attention": "eager",
        "measured": {"examples_per_second": {"fp32 eager": 30}},
    }
    settings = {"epochs": 3.0}
    change_details(tiny_workspace, "rows", **rate)
    change_details(tiny_workspace, "checkpoints", settings=settings)
    estimated = trial_cost(folder, arms, 2, None)
    assert estimated.training == pytest.approx(3 * TRAINING_PASS * 60 / 30)
    assert estimated.basis == "estimated from precompute"
    change_details(tiny_workspace, "checkpoints", settings=settings, seconds=30.0)
    own = trial_cost(folder, arms, 2, 1.5)
    assert (own.training, own.basis) == (15.0, "as the workspace's own training")
    assert own.seconds == 15.0 * 2 * 1.5
    report = {"strategy": "decisions", "arms": [{"seconds": 16.0}], "seeds": [0, 1], "epochs": 4.0}
    write_json(folder.retrains / "20260101-000000-decisions" / "report.json", report)
    write_json(folder.retrains / "20260102-000000-select" / "report.json", {**report, "strategy": "select"})
    write_json(folder.retrains / "20260103-000000-old" / "report.json", {"strategy": "mask"})
    last = trial_cost(folder, arms, 2, None)
    assert (last.training, last.basis) == (6.0, "as in the last trial here")
    assert last.words().startswith("2 arms x 2 seeds, a training about 6 s: together about 18 s (as in")


def test_where_nothing_says_how_long_it_takes_that_is_said(tiny_workspace):
    change_details(tiny_workspace, "checkpoints")
    cost = trial_cost(tiny_workspace.folder, {"one": 1.0}, 1, None)
    assert cost.seconds is None
    assert cost.words() == "1 arm x 1 seed; how long a training takes here is not known yet"


def test_on_the_command_line(tiny_workspace, inside):
    ws = tiny_workspace.path
    failed = inside("retrain", ws, "--plan", check=False)
    assert failed.returncode == 2 and "decide first" in failed.stderr
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    said = inside("retrain", ws, "--plan").stdout
    assert "4 arms x 3 seeds" in said and "removal by loss" in said
    plan = json.loads(inside("retrain", ws, "--plan", "--json", "--seeds", 2).stdout)
    assert plan["arms"] == ["untouched", "cleaned", "random decisions", "removal by loss"]
    assert plan["seconds"] == pytest.approx(8 * plan["training_seconds"])
    assert not list(tiny_workspace.folder.retrains.glob("*"))
    wrong = inside("retrain", ws, "--arm", "magic", check=False)
    assert (
        wrong.returncode == 2 and "are untouched, cleaned, random decisions, removal by loss" in wrong.stderr
    )
    assert "'removal by loss'" in " ".join(inside("retrain", "--help").stdout.split())
    listed = inside("retrain", ws, "--strategy", "list").stdout
    assert "arms: plain, masked, guide only, train and guide" in listed
