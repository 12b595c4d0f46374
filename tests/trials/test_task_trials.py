"""`retrain` end to end on label sets and on numbers, and every strategy on both."""

import json

import numpy as np
import pytest

from backend.errors import InputError
from backend.trials.headline import is_better, is_harm
from backend.trials.kept import is_blunt
from backend.trials.markdown import markdown
from backend.trials.run import RetrainSettings
from backend.trials.strategies.registry import all_strategies, strategies_for, strategy_for
from backend.workspace import Workspace
from tests import tiny_tasks

NEW = {"multilabel": "plot; praise", "regression": "3.5"}
FOLLOWED = {"multilabel": "not music", "regression": "high"}


@pytest.mark.parametrize("task", NEW)
def test_decisions_by_command_line(request, inside, task):
    path = request.getfixturevalue(f"{task}_workspace").path
    inside("relabel", path, "r3", NEW[task])
    inside("remove", path, "r8", "r9", "r12")
    wrong = inside("relabel", path, "r4", "nonsense", check=False)
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1
    followed = ("--row", "er1001", "--label", FOLLOWED[task])
    said = inside("forecast", path, *followed).stdout
    assert "1 relabelled" in said and "on eval" in said
    assert "p(not music)" in said if task == "multilabel" else "should get" in said and "er" in said
    plan = json.loads(inside("retrain", path, "--plan", "--seeds", 2, "--json").stdout)
    assert plan["arms"] == ["untouched", "cleaned", "random decisions", "removal by loss"]
    done = json.loads(inside("retrain", path, "--seeds", 2, *followed, "--json").stdout)
    workspace = Workspace.open(path)
    kept = workspace.trials.last_forecast(done["decisions"]["mark"])
    for name in ("loss_change", "unlearning"):
        assert kept is not None and kept["forecast"]["eval"][name] == done["forecast"]["eval"][name]
    assert done["task"] == task and done["decisions"]["removed"] == 3
    cleaned = done["arms"][1]
    _check_figures(workspace, done)
    assert cleaned["verdict"].startswith("micro-F1" if task == "multilabel" else "mean absolute error")
    (query,) = done["queries"]
    assert query["label"] == FOLLOWED[task]
    said = query["probability"] if task == "multilabel" else query["value"]
    assert len(said["cleaned"]["seeds"]) == 2
    measured = done["forecast"]["queries"][0]["measured"]["seeds"]
    before, after = (np.array(said[name]["seeds"]) for name in ("untouched", "cleaned"))
    # Of one label of four the log of its probability, over four; of a direction the number itself.
    expected = (np.log(before) - np.log(after)) / 4 if task == "multilabel" else before - after
    assert measured == pytest.approx(expected, abs=1e-6)
    text = markdown(done)
    assert ("F1 by label" in text) == (task == "multilabel")
    assert ("fixed / broken" in text) == (task == "multilabel")
    assert ("by the number that is right" in text) == (task == "regression")
    assert all(line.count("|") > 2 for line in text.splitlines() if line.startswith("|"))


def _check_figures(workspace: Workspace, done: dict) -> None:
    """The untouched arm with the run's own seed is the workspace's run: its figures are those of `train`."""
    outputs = workspace.predictions("eval").outputs
    task = workspace.explainer().task
    own = {
        each.name: each.value for each in task.figures(workspace.space, outputs, workspace.eval_split.labels)
    }
    first = done["arms"][0]["figures"]
    for shown in done["shown"]:
        name = shown["name"]
        if name in own:
            change = done["arms"][1]["change"][name]["seeds"][0]
            cleaned = done["arms"][1]["figures"][name]
            assert first[name]["sd"] is not None and cleaned["sd"] is not None and np.isfinite(change)
    one = workspace.trials.run(RetrainSettings(seeds=1, arms=("untouched",), device="cpu"))
    for name, value in own.items():
        assert one["arms"][0]["figures"][name]["mean"] == pytest.approx(value, abs=2e-3), name


@pytest.mark.parametrize("strategy", ["mask", "dga", "prune", "reweight", "select"])
@pytest.mark.parametrize("task", NEW)
def test_every_strategy_trains_and_reports(request, task, strategy):
    workspace = request.getfixturevalue(f"{task}_workspace")
    options = {"fractions": "0.5"} if strategy in ("prune", "select") else {}
    if strategy == "prune":
        for ask in (workspace.trials.plan, workspace.trials.run):
            with pytest.raises(InputError, match=f"score=el2n: not made for {task}; such are .*mean_loss"):
                ask(RetrainSettings(seeds=1, strategy=strategy, options={**options, "score": "el2n"}))
            with pytest.raises(InputError, match="no scores yet; run"):  # the default
                ask(RetrainSettings(seeds=1, strategy=strategy, options=options))
        workspace.scores.compute(["mean_loss"])
        options |= {"way": "stratified"}
    settings = RetrainSettings(
        seeds=1, strategy=strategy, options=options, guide=0.5, epochs=0.5, device="cpu"
    )
    cost = workspace.trials.plan(settings)
    content = workspace.trials.run(settings)
    assert list(cost.arms) == [arm["name"] for arm in content["arms"]]
    logs = {arm["name"]: arm["logs"][0][0] for arm in content["arms"]}
    if strategy == "mask":
        kinds = (
            {"(none)", *tiny_tasks.LABELS} if task == "multilabel" else {f"fifth {n}" for n in range(1, 6)}
        )
        assert {name.removesuffix(" of the numbers") for name in logs["masked"]["masked_by_class"]} == kinds
    if strategy == "reweight":
        assert logs["weighted"]["percentiles"]["100"] > logs["weighted"]["percentiles"]["0"] == 0
    if strategy == "dga":
        assert set(logs["aligned"]["weights"]) == {"a", "b"}


def test_a_mixture_needs_groups_where_there_are_no_classes(tmp_path):
    columns = tiny_tasks.number_columns()
    workspace = tiny_tasks.task_workspace(
        tmp_path, tiny_tasks.number_rows(30), tiny_tasks.number_rows(20, 1000), columns, 1
    )
    workspace.train(tiny_tasks.SETTINGS)
    for ask in (workspace.trials.plan, workspace.trials.run):
        with pytest.raises(
            InputError, match="draws from groups of rows; name their column with `init --group`"
        ):
            ask(RetrainSettings(seeds=1, strategy="dga", guide=0.5))


def test_a_strategy_says_which_tasks_it_serves(monkeypatch, inside, regression_template):
    known = all_strategies()
    assert strategies_for("classification") == known
    only = {**known, "mask": _for_classes(known["mask"])}
    monkeypatch.setattr("backend.trials.strategies.registry._built_in", lambda: only)
    assert "mask" not in strategies_for("regression") and "prune" in strategies_for("regression")
    with pytest.raises(
        InputError, match="serves classification, not regression; for regression there are dec"
    ):
        strategy_for("mask", "regression")
    for more in ((), ("--plan",)):
        refused = inside("retrain", regression_template, "--strategy", "mask", *more, check=False)
        assert refused.returncode == 2 and "serves classification, not regression" in refused.stderr
    listed = inside("retrain", regression_template, "--strategy", "list").stdout
    assert "tasks: classification\n" in listed and "tasks: every\n" in listed


def _for_classes(strategy):
    from dataclasses import replace

    return replace(strategy, tasks=("classification",))


def test_the_good_end_of_a_figure():
    low, high = {"name": "mae", "better": "low"}, {"name": "accuracy", "better": "high"}
    assert is_better(low, -0.1) and not is_better(low, 0.1) and is_better(high, 0.1)
    assert is_harm(low, 2.0, 2.2) and not is_harm(low, 2.0, 2.05) and not is_harm(low, 2.0, 1.0)
    assert is_harm(high, 0.9, 0.8) and not is_harm(high, 0.9, 0.87)
    blunt = {"unlearning": {"before": 1.0, "after": 1.1, "random": 1.2}}
    assert is_blunt(blunt, low)
    assert not is_blunt({"unlearning": {"before": 1.0, "after": 1.5, "random": 1.2}}, low)
    assert is_blunt({"unlearning": {"before": 0.9, "after": 0.7, "random": 0.7}})
    assert not is_blunt({"unlearning": {"before": 0.9, "after": 0.7, "random": 0.88}})
