"""How the command line shows a model's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend import console

_NAMED = 5


def print_figures(figures: dict[str, Any], classes: bool) -> None:
    """Accuracy beside the largest class's share, and macro-F1; per class and what is confused on request.

    ``figures`` is what `Workspace.status` holds of them; of tasks without classes their own.
    """
    if "accuracy" not in figures:
        plain = {name: value for name, value in figures.items() if isinstance(value, float)}
        print("on eval rows: " + ", ".join(f"{name} {value:.3f}" for name, value in plain.items()))
        _print_labels(figures.get("per_label") or [], classes)
        return
    majority = console.plain(figures["majority_class"])
    print(
        f"accuracy {figures['accuracy']:.1%} on {figures['rows']:,} eval rows (always {majority}: "
        f"{figures['majority_share']:.1%}), macro-F1 {figures['macro_f1']:.3f}"
    )
    _print_never(figures["never_predicted"])
    if not classes:
        return
    rows = [
        (
            each["name"],
            each["support"],
            each["predicted"],
            *map(_share, (each[n] for n in ("precision", "recall", "f1"))),
        )
        for each in figures["per_class"]
    ]
    console.print_table(("class", "eval rows", "predicted", "precision", "recall", "F1"), rows)
    confused = [
        (each["label"], each["predicted"], each["count"], _share(each["share"]))
        for each in figures["most_confused"]
    ]
    console.print_table(("label", "predicted", "rows", "of the label"), confused, "most confused")


def _print_labels(labels: list[dict[str, Any]], every: bool) -> None:
    """Which labels of sets no row is given; ``every``: precision and recall of each, the worst first."""
    _print_never([each["name"] for each in labels if each["support"] and not each["predicted"]])
    if not every or not labels:
        return
    measures = ("precision", "recall", "f1", "average_precision")
    rows = [
        (each["name"], each["support"], each["predicted"], *(_share(each[name]) for name in measures))
        for each in sorted(labels, key=lambda each: each["f1"] or 0.0)
    ]
    heads = ("label", "eval rows", "predicted", "precision", "recall", "F1", "average precision")
    console.print_table(heads, rows)


def _print_never(names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        print(f"never predicted: {', '.join(console.plain(each) for each in names[:_NAMED])}{more}")


def hardly_learnt_lines(found: Mapping[str, Any] | None) -> list[str]:
    """That the model has hardly learnt, and the one command that may help; nothing where it has learnt."""
    if not found:
        return []
    command = f": {found['command']}" if found["command"] else ""
    return [
        f"THIS MODEL HAS HARDLY LEARNT: {found['reason']}",
        f"its explanations and scores mean little; {found['advice']}{command}",
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
