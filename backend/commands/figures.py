"""How the command line shows a model's figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend import console


def print_figures(figures: dict[str, Any], classes: bool) -> None:
    """Accuracy beside the largest class's share, and macro-F1; per class and what is confused on request.

    ``figures`` is what `Workspace.status` holds of them; of tasks without classes their own.
    """
    if "accuracy" not in figures:
        plain = {name: value for name, value in figures.items() if isinstance(value, float)}
        print("on eval rows: " + ", ".join(f"{name} {value:.3f}" for name, value in plain.items()))
        return
    majority = console.plain(figures["majority_class"])
    print(
        f"accuracy {figures['accuracy']:.1%} on {figures['rows']:,} eval rows (always {majority}: "
        f"{figures['majority_share']:.1%}), macro-F1 {figures['macro_f1']:.3f}"
    )
    never = [console.plain(name) for name in figures["never_predicted"]]
    if never:
        shown = ", ".join(never[:5]) + (f" and {len(never) - 5} more" if len(never) > 5 else "")
        print(f"never predicted: {shown}")
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
