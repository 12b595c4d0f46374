"""The report of a trial: plain data for the app, and Markdown for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from backend.retraining.arm import Trial
from backend.retraining.runner import Outcomes
from backend.retraining.statistics import Measure, flips

_HEADLINE = ("accuracy", "macro_f1", "loss")
_MOST_COLUMNS = 20  # in one Markdown table


def report(
    trial: Trial,
    outcomes: Outcomes,
    *,
    seeds: Sequence[int],
    ids: Sequence[str],
    labels: np.ndarray,
    classes: tuple[str, ...],
    groups: Sequence[str] | None,
    queries: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """What the trial came to, ready for JSON.

    Args:
        ids, labels, groups: of all eval rows. queries: what was asked of every model: ``label`` (class
            index), ``row`` (place among eval rows) or ``typed`` (place among typed texts), and what else is
            to be shown.
    """
    measured = trial.measured
    truth = labels[measured]
    own_groups = None if groups is None else [groups[each] for each in measured.tolist()]
    measure = Measure(truth, classes, own_groups)
    runs = {name: [each.evaluation[measured] for each in of_arm] for name, of_arm in outcomes.items()}
    return {
        "trial": trial.name,
        "reference": trial.reference,
        "control": trial.control,
        "seeds": list(seeds),
        "eval_rows": len(measured),
        "groups": measure.sizes,
        "notes": [
            *trial.notes,
            *_warnings(seeds),
            *_several(trial),
            *_collapsed(runs, classes),
            *_followed(trial, queries),
        ],
        "arms": [
            _arm(trial, arm.name, arm.description, outcomes, runs, measure, truth, [ids[e] for e in measured])
            for arm in trial.arms
        ],
        "queries": [_query(each, trial, outcomes, classes) for each in queries],
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


def _collapsed(runs: dict[str, list[np.ndarray]], classes: tuple[str, ...]) -> list[str]:
    """Arms that learnt nothing: in some run all rows got one class."""
    said = {name: [len(np.unique(each.argmax(axis=1))) for each in of_arm] for name, of_arm in runs.items()}
    names = [name for name, counts in said.items() if 1 in counts]
    if not names or len(classes) < 2:
        return []
    return [f"some trainings say one class for every row ({', '.join(names)}): these figures mean little"]


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
    name: str,
    description: str,
    outcomes: Outcomes,
    runs: dict[str, list[np.ndarray]],
    measure: Measure,
    truth: np.ndarray,
    ids: list[str],
) -> dict[str, Any]:
    values = measure.over_seeds(runs[name])
    found: dict[str, Any] = {
        "name": name,
        "description": description,
        "x": trial.x.get(name),
        "figures": {
            each: {
                "mean": _number(column.mean()),
                "sd": _number(column.std(ddof=1)) if len(column) > 1 else None,
            }
            for each, column in zip(measure.names, values.T, strict=True)
        },
        "seconds": sum(each.seconds for each in outcomes[name]),
        "logs": [each.logs for each in outcomes[name]],
    }
    if name == trial.reference:
        return found
    found["change"] = _differences(measure, runs[name], runs[trial.reference])
    found["rows"] = _flips(runs[name], runs[trial.reference], truth, ids)
    control = trial.control_of(name)
    if control is not None:
        found["control"] = control
        found["against_control"] = _differences(measure, runs[name], runs[control])
    found["verdict"] = verdict(found, trial)
    return found


def _differences(
    measure: Measure, runs: list[np.ndarray], reference: list[np.ndarray]
) -> dict[str, dict[str, Any]]:
    found = measure.differences(runs, reference)
    return {name: asdict(each) for name, each in found.items()}


def _flips(
    runs: list[np.ndarray], reference: list[np.ndarray], truth: np.ndarray, ids: list[str]
) -> dict[str, Any]:
    found = flips(runs, reference, truth)
    return {
        "fixed": [ids[each] for each in found.fixed],
        "broken": [ids[each] for each in found.broken],
        "changed": found.changed,
        "by_chance": found.by_chance,
    }


def verdict(arm: dict[str, Any], trial: Trial) -> str:
    """One sentence about accuracy: what changed, and whether it is more than chance."""
    change = arm["change"]["accuracy"]
    mean, low, high = (f"{100 * change[each]:+.1f}" for each in ("mean", "low", "high"))
    size = f"accuracy {mean} points (95 % interval {low} to {high})"
    if not any(change["seeds"]) and not arm["rows"]["fixed"] and not arm["rows"]["broken"]:
        return f"the same accuracy as {trial.reference} with every seed"
    if len(change["seeds"]) == 1:
        return f"{size}: one seed, so chance between trainings is not known; use 3 or more"
    beside = arm.get("against_control", {}).get("accuracy")
    if not change["beyond_noise"]:
        if beside is None or not beside["beyond_noise"]:
            return f"{size}: not more than chance between seeds and eval rows"
        against = "better" if beside["mean"] > 0 else "worse"
        return f"{size}: not told apart from {trial.reference}, but {against} than {arm['control']}"
    direction = "better" if change["mean"] > 0 else "worse"
    if beside is None:
        return f"{size}: {direction} than {trial.reference}, beyond chance"
    if beside["beyond_noise"] and (beside["mean"] > 0) == (change["mean"] > 0):
        return f"{size}: {direction} than {trial.reference} and than {arm['control']}, beyond chance"
    return f"{size}: {direction} than {trial.reference}, but not told apart from {arm['control']}"


def _query(
    query: dict[str, Any], trial: Trial, outcomes: Outcomes, classes: tuple[str, ...]
) -> dict[str, Any]:
    """The probability of the query's label under every arm."""
    found = {}
    for arm in trial.arms:
        values = [_of_query(query, each.evaluation, each.queries) for each in outcomes[arm.name]]
        found[arm.name] = {
            "mean": float(np.mean(values)),
            "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
            "seeds": [float(each) for each in values],
        }
    shown = {**query, "label": classes[query["label"]], "in_guide": _in_guide(trial, query)}
    return {**shown, "probability": found}


def _of_query(query: dict[str, Any], evaluation: np.ndarray, typed: np.ndarray) -> float:
    table = evaluation[query["row"]] if query.get("row") is not None else typed[query["typed"]]
    return float(table[query["label"]])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def markdown(content: dict[str, Any]) -> str:
    """The report for people: figures of every arm, changes with intervals, classes, groups, queries."""
    lines = [
        f"## {content['trial']}",
        "",
        f"{_seeds(content['seeds'])}, {content['eval_rows']:,} "
        f"eval rows. Change: against *{content['reference']}*, 95 % interval over rows and seeds; **bold** "
        "where it excludes 0, in the tables of classes and groups where one for the whole table does.",
        "",
        *_main_table(content),
        *_class_table(content),
        *_group_table(content),
        *_query_table(content),
        *_forecast_table(content),
    ]
    notes = [*content["notes"], *(content.get("forecast") or {}).get("notes", [])]
    lines += ["", *(f"- {cell(note)}" for note in dict.fromkeys(notes))] if notes else []
    return "\n".join(lines) + "\n"


def _seeds(seeds: Sequence[int]) -> str:
    return f"{len(seeds)} seed{'s' * (len(seeds) > 1)} ({', '.join(map(str, seeds))})"


def _with_sd(mean: float, deviation: float | None, digits: int) -> str:
    return f"{mean:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def _main_table(content: dict[str, Any]) -> list[str]:
    lines = [
        "| arm | accuracy | change | macro-F1 | change | loss | fixed / broken rows | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for arm in content["arms"]:
        cells = [cell(arm["name"])]
        for name in _HEADLINE:
            figure = arm["figures"][name]
            cells.append(_with_sd(figure["mean"], figure["sd"], 4))
            if name != "loss":
                cells.append(_change(arm, name))
        rows = arm.get("rows")
        cells.append("" if rows is None else _flipped(rows))
        cells.append(cell(arm["description"]))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _flipped(rows: dict[str, Any]) -> str:
    counts = f"{len(rows['fixed'])} / {len(rows['broken'])}"
    if rows["by_chance"] is None:
        return counts
    return f"{counts} ({rows['changed']:.0f} differ from run to run, {rows['by_chance']:.0f} by chance)"


def _change(arm: dict[str, Any], name: str) -> str:
    record = arm.get("change", {}).get(name)
    if record is None:
        return ""
    text = f"{record['mean']:+.4f} ({record['low']:+.4f} to {record['high']:+.4f})"
    return f"**{text}**" if record["beyond_noise"] else text


def _figures(content: dict[str, Any], prefix: str) -> list[str]:
    return [each for each in content["arms"][0]["figures"] if each.startswith(prefix)]


def _class_table(content: dict[str, Any]) -> list[str]:
    """All classes, or of many those that change most in any arm."""
    names = _figures(content, "f1/")
    changes = [arm.get("change", {}) for arm in content["arms"]]
    moved = {
        name: max((abs(each[name]["mean"] or 0) for each in changes if name in each), default=0)
        for name in names
    }
    most = set(sorted(names, key=lambda name: -moved[name])[:_MOST_COLUMNS])
    lines = _detail_table(content, [name for name in names if name in most], "F1 by class")
    if len(names) > len(most):
        lines += ["", f"{len(names) - len(most):,} classes that change less are in report.json only."]
    return lines


def _group_table(content: dict[str, Any]) -> list[str]:
    """The largest groups; hundreds of columns could not be read."""
    sizes = content["groups"]
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_MOST_COLUMNS]
    lines = _detail_table(
        content, [f"group/{name}" for name in sizes if name in largest], "accuracy by group"
    )
    if len(sizes) > len(largest):
        left = sum(sizes.values()) - sum(sizes[name] for name in largest)
        lines += [
            "",
            f"{len(sizes) - len(largest):,} smaller groups ({left:,} rows) are in report.json only.",
        ]
    return lines


def _detail_table(content: dict[str, Any], names: list[str], title: str) -> list[str]:
    if not names:
        return []
    heads = [cell(each.partition("/")[2]) for each in names]
    lines = ["", f"| {title} | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for arm in content["arms"]:
        cells = []
        for name in names:
            mean = arm["figures"][name]["mean"]
            text = "-" if mean is None else f"{mean:.3f}"
            record = arm.get("change", {}).get(name)
            if record is not None:
                shift = f"{record['mean']:+.3f}"
                text += f" (**{shift}**)" if record["beyond_noise"] else f" ({shift})"
            cells.append(text)
        lines.append(f"| {cell(arm['name'])} | " + " | ".join(cells) + " |")
    return lines


def _query_table(content: dict[str, Any]) -> list[str]:
    if not content["queries"]:
        return []
    names = [arm["name"] for arm in content["arms"]]
    head = " | ".join(cell(each) for each in names)
    lines = ["", f"| probability of | {head} |", "|---" * (len(names) + 1) + "|"]
    for query in content["queries"]:
        found = [query["probability"][name] for name in names]
        values = [_with_sd(each["mean"], each["sd"], 3) for each in found]
        what = cell(f"{query['label']}: {query['text'][:80]}{' (in the guide)' * query['in_guide']}")
        lines.append(f"| {what} | " + " | ".join(values) + " |")
    return lines


def _forecast_table(content: dict[str, Any]) -> list[str]:
    """What was expected beside what came."""
    expected = content.get("forecast")
    if not expected:
        return []
    amounts = f"{expected['removed']:,} rows removed, {expected['relabelled']:,} relabelled"
    lines = [
        "",
        f"| forecast: {amounts} | change of loss, first order | change of loss, measured | before unlearning "
        f"| after {expected['steps']} steps | the same with random rows |",
        "|---|---|---|---|---|---|",
    ]
    names = ["eval rows, mean loss; accuracy"]
    names += [f"{each['label']}: {each['text'][:80]}; probability" for each in content["queries"]]
    for name, found in zip(names, [expected["eval"], *expected["queries"]], strict=True):
        checked = (f"{found['unlearning'][each]:.3f}" for each in ("before", "after", "random"))
        cells = [cell(name), f"{found['loss_change']:+.2g}", _measured(found["measured"]), *checked]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _measured(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    within = "" if found["low"] is None else f" ({found['low']:+.2g} to {found['high']:+.2g})"
    return f"{found['mean']:+.2g}{within}"


def cell(text: str) -> str:
    """A data set's text as a Markdown table cell: nothing in it starts markup or ends the cell."""
    flat = " ".join(text.split())
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#~$!" else each for each in flat)
