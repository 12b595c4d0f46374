"""The report of a trial: plain data for the app and for `markdown`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from backend.data.targets.space import Space
from backend.tasks.registry import task_named
from backend.trials.answers import AnswerMeasure, Prompt
from backend.trials.answers_beside import SHOWN, answer_runs, answers_record, judged_prompts
from backend.trials.arm import Arm, Trial
from backend.trials.flips import flips
from backend.trials.headline import (
    headline,
    in_a_sentence,
    is_better,
    nothing_changed,
    shown_figures,
    size_of,
)
from backend.trials.measures import measure_of
from backend.trials.question import said_of
from backend.trials.runner import Outcomes
from backend.trials.statistics import Measure, Runs

Judged = list[tuple[Measure, dict[str, Runs]]]
"""Measures, each with what it reads of every arm; the first is that of the eval rows."""


def report(
    trial: Trial,
    outcomes: Outcomes,
    *,
    seeds: Sequence[int],
    ids: Sequence[str],
    targets: Sequence[str],
    space: Space,
    groups: Sequence[str] | None,
    queries: Sequence[dict[str, Any]],
    prompts: Sequence[Prompt] = (),
) -> dict[str, Any]:
    """What the trial came to, ready for JSON.

    Args:
        ids, targets, groups: of all eval rows. queries: what was asked of every model: ``label`` (the name
            of what is followed), ``row`` (place among eval rows) or ``typed`` (place among typed texts), and
            what else is to be shown. prompts: what language models answered.
    """
    measured, task = trial.measured, task_named(space.task)
    places = measured.tolist()
    own_groups = None if groups is None else [groups[each] for each in places]
    measure = measure_of(space, [targets[each] for each in places], own_groups)
    runs = {name: [each.evaluation[measured] for each in of_arm] for name, of_arm in outcomes.items()}
    answers, answered = answer_runs(prompts, outcomes), len(judged_prompts(prompts, outcomes))
    judged: Judged = [(measure, runs), *([(AnswerMeasure(answered), answers)] if answers else [])]
    told = {name for each, _ in judged for name in each.names}
    return {
        "trial": trial.name,
        "task": space.task,
        "edit": space.edit,
        "headline": headline(task),
        "shown": [each for each in (*shown_figures(task), *SHOWN) if each["name"] in told],
        "reference": trial.reference,
        "control": trial.control,
        "seeds": list(seeds),
        "eval_rows": len(measured),
        "groups": measure.sizes,
        "group_figure": measure.group_figure,
        "notes": [
            *trial.notes,
            *_warnings(seeds),
            *_several(trial),
            *_collapsed(runs, measure),
            *_followed(trial, queries),
        ],
        "arms": [
            _arm(trial, arm, outcomes, judged, [ids[each] for each in places], headline(task))
            for arm in trial.arms
        ],
        "queries": [_query(each, trial, outcomes, space) for each in queries],
        **({"answers": answers_record(prompts, outcomes), "answers_judged": answered} if prompts else {}),
    }


def _several(trial: Trial) -> list[str]:
    count = len(trial.arms) - 1
    if count < 3:
        return []
    return [
        f"{count} arms are compared, each with a 95 % interval of its own: of twenty that change nothing, "
        "one would seem to"
    ]


def _warnings(seeds: Sequence[int]) -> list[str]:
    if len(seeds) > 2:
        return []
    return [
        f"{len(seeds)} seed{'s' * (len(seeds) > 1)}: chance between trainings is hardly known; use 3 or more"
    ]


def _collapsed(runs: dict[str, Runs], measure: Measure) -> list[str]:
    """Arms that learnt nothing: some run says the same of all rows."""
    names = [name for name, of_arm in runs.items() if any(map(measure.says_one_thing, of_arm))]
    if not names:
        return []
    return [
        f"some trainings say {measure.one_answer} for every row ({', '.join(names)}): these figures mean "
        "little"
    ]


def _in_guide(trial: Trial, query: dict[str, Any]) -> bool:
    """Whether it is an eval row that does not measure, because methods follow it."""
    return query.get("row") is not None and query["row"] not in trial.measured


def _followed(trial: Trial, queries: Sequence[dict[str, Any]]) -> list[str]:
    names = [str(each.get("id")) for each in queries if _in_guide(trial, each)]
    if not names:
        return []
    return [
        f"asked about, but in the guide that methods follow or train on ({', '.join(names)}): "
        "such probabilities are no measurement"
    ]


def _arm(
    trial: Trial,
    arm: Arm,
    outcomes: Outcomes,
    judged: Judged,
    ids: list[str],
    judged_by: dict[str, str],
) -> dict[str, Any]:
    name = arm.name
    columns = {
        figure: column
        for measure, runs in judged
        for figure, column in zip(measure.names, measure.over_seeds(runs[name]).T, strict=True)
    }
    found: dict[str, Any] = {
        "name": name,
        "description": arm.description,
        "x": trial.x.get(name),
        "figures": {
            each: {
                "mean": _number(column.mean()),
                "sd": _number(column.std(ddof=1)) if len(column) > 1 else None,
            }
            for each, column in columns.items()
        },
        "seconds": sum(each.seconds for each in outcomes[name]),
        "logs": [each.logs for each in outcomes[name]],
    }
    if name == trial.reference:
        return found
    found["change"] = _differences(judged, name, trial.reference)
    measure, runs = judged[0]
    found["rows"] = _flips(runs[name], runs[trial.reference], measure, ids)
    control = trial.control_of(name)
    if control is not None:
        found["control"] = control
        found["against_control"] = _differences(judged, name, control)
    found["verdict"] = verdict(found, trial, judged_by)
    return found


def _differences(judged: Judged, name: str, reference: str) -> dict[str, dict[str, Any]]:
    return {
        figure: asdict(each)
        for measure, runs in judged
        for figure, each in measure.differences(runs[name], runs[reference]).items()
    }


def _flips(runs: Runs, reference: Runs, measure: Measure, ids: list[str]) -> dict[str, Any] | None:
    """Rows that turned; None where no row is right or wrong."""
    after, before = (
        [right for each in of_arm if (right := measure.right(each)) is not None]
        for of_arm in (runs, reference)
    )
    if not after:
        return None
    found = flips(after, before)
    return {
        "fixed": [ids[each] for each in found.fixed],
        "broken": [ids[each] for each in found.broken],
        "changed": found.changed,
        "by_chance": found.by_chance,
    }


def verdict(arm: dict[str, Any], trial: Trial, judged_by: dict[str, str]) -> str:
    """One sentence about the task's headline figure: what changed, and whether it is more than chance."""
    change, figure = arm["change"][judged_by["name"]], in_a_sentence(judged_by["title"])
    size = f"{figure} {size_of(judged_by, change)}"
    if nothing_changed(arm, judged_by["name"]):
        return f"the same {figure} as {trial.reference} with every seed"
    if len(change["seeds"]) == 1:
        return f"{size}: one seed, so chance between trainings is not known; use 3 or more"
    beside = arm.get("against_control", {}).get(judged_by["name"])
    if not change["beyond_noise"]:
        if beside is None or not beside["beyond_noise"]:
            return f"{size}: not more than chance between seeds and eval rows"
        against = "better" if is_better(judged_by, beside["mean"]) else "worse"
        return f"{size}: not told apart from {trial.reference}, but {against} than {arm['control']}"
    direction = "better" if is_better(judged_by, change["mean"]) else "worse"
    if beside is None:
        return f"{size}: {direction} than {trial.reference}, beyond chance"
    if beside["beyond_noise"] and (beside["mean"] > 0) == (change["mean"] > 0):
        return f"{size}: {direction} than {trial.reference} and than {arm['control']}, beyond chance"
    return f"{size}: {direction} than {trial.reference}, but not told apart from {arm['control']}"


def _query(query: dict[str, Any], trial: Trial, outcomes: Outcomes, space: Space) -> dict[str, Any]:
    """What every arm says of a query: the ``probability`` of what is followed, or where targets are numbers
    its ``value``, and of words their ``loss`` in nats, summed."""
    found, losses = (
        {
            arm.name: _spread([said_of(query, each, space)[which] for each in outcomes[arm.name]])
            for arm in trial.arms
        }
        for which in (0, 1)
    )
    key = "value" if space.edit == "number" else "probability"
    more = {"loss": losses} if space.edit == "text" else {}
    return {**query, "in_guide": _in_guide(trial, query), key: found, **more}


def _spread(values: Sequence[float]) -> dict[str, Any]:
    """Over seeds."""
    return {
        "mean": float(np.mean(values)),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "seeds": [float(each) for each in values],
    }


def query_losses(
    queries: Sequence[dict[str, Any]], outcomes: Outcomes, space: Space
) -> dict[str, np.ndarray]:
    """Of every arm, the loss of what each query follows: float64 (q, S)."""
    return {
        name: np.array([[said_of(query, each, space)[1] for each in of_arm] for query in queries]).reshape(
            len(queries), len(of_arm)
        )
        for name, of_arm in outcomes.items()
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
