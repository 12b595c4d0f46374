"""The figure that a task's trials are judged by, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.tasks.classification import TASK as CLASSIFICATION
from backend.tasks.task import Task, headline_of

_LOSS = {"name": "loss", "title": "Loss", "better": "low"}
_NAMES = ("Spearman", "R2")
_CLEAR = 0.05  # so much worse, in points or of what it was, is harm


def headline(task: Task) -> dict[str, str]:
    """``name``, ``title`` and ``better``, the end that is good: ``high`` or ``low``."""
    return _record(*headline_of(task))


def shown_figures(task: Task) -> list[dict[str, str]]:
    """The figures of a trial's first table, in order, each as `headline`."""
    return [*(_record(*each) for each in task.figure_names), _LOSS]


def headline_in(content: Mapping[str, Any]) -> dict[str, str]:
    """That of a report or forecast; accuracy where it was made before there were other tasks."""
    return content.get("headline") or headline(CLASSIFICATION)


def figures_in(content: Mapping[str, Any]) -> list[dict[str, str]]:
    """Those of a report, as `shown_figures`."""
    return content.get("shown") or shown_figures(CLASSIFICATION)


def in_a_sentence(title: str) -> str:
    """Accuracy as accuracy; names stay as they are."""
    return title if title in _NAMES else title[:1].lower() + title[1:]


def is_better(figure: Mapping[str, str], change: float) -> bool:
    """Whether a change goes to the good end."""
    return (change > 0) == (figure["better"] == "high")


def is_harm(figure: Mapping[str, str], before: float, after: float) -> bool:
    """Whether a figure became clearly worse: by 5 points, or where it is no share by 5 % of what it was."""
    lost = before - after if figure["better"] == "high" else after - before
    return lost > _CLEAR * (1 if figure["better"] == "high" else before)


def size_of(figure: Mapping[str, str], change: Mapping[str, float]) -> str:
    """A change with its interval: in points of a hundred, or in the unit of the targets."""
    if figure["better"] == "high":
        mean, low, high = (f"{100 * change[each]:+.1f}" for each in ("mean", "low", "high"))
        return f"{mean} points (95 % interval {low} to {high})"
    mean, low, high = (f"{change[each]:+.3g}" for each in ("mean", "low", "high"))
    return f"{mean} (95 % interval {low} to {high})"


def _record(name: str, title: str, better: str) -> dict[str, str]:
    return {"name": name, "title": title, "better": better}


def nothing_changed(arm: dict[str, Any], figure: str) -> bool:
    """Whether a figure is what it was with every seed, and no row is right or wrong that was not before."""
    rows = arm.get("rows") or {"fixed": [], "broken": []}
    return not any(arm["change"][figure]["seeds"]) and not rows["fixed"] and not rows["broken"]
