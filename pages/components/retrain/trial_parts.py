"""What changed in each class and each group."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components import keys
from pages.components.choice import pick
from pages.components.markup import Html, cut, show, tag
from pages.components.numbers import MINUS
from pages.components.plots import draw
from pages.components.retrain.trial_figures import parts_figure
from pages.components.tables import table, tall

PARTS = {
    "f1/": "F1 by class",
    "recall/": "Recall by class",
    "mae/": "Error by size",
    "group/": "Accuracy by group",
}
MOST_PLOTTED, MOST_ROWS = 12, 200


def show_parts(report: dict[str, Any], main: str, key: str) -> None:
    """The change of every part for the main arm and the control, and a table of all arms."""
    there = [prefix for prefix in PARTS if parts_of(report, prefix)]
    if not there:
        return
    title, choice = st.columns([0.6, 0.4], vertical_alignment="bottom")
    with title:
        st.subheader("Where it changed")
    if keys.get(keys.REPORT_DETAIL) not in (None, *there):
        keys.put(keys.REPORT_DETAIL, there[0])
    with choice:
        prefix = pick("By part", {each: _title(report, each) for each in there}, keys.REPORT_DETAIL, there[0])
    names = by_change(report, parts_of(report, prefix), main)
    own = next(arm for arm in report["arms"] if arm["name"] == main)
    control = own.get("control", report.get("control"))  # of older reports only the whole names one
    arms = [main, *([control] if control not in (None, main) and _has(report, control) else [])]
    draw(
        parts_figure(report, names[:MOST_PLOTTED], arms),
        f"{_title(report, prefix)}: change against {report['reference']} of {' and '.join(arms)}",
        f"{key}-parts",
    )
    if len(names) > MOST_PLOTTED:
        st.caption(f"The {MOST_PLOTTED} that changed most of {len(names):,}; the table has more.")
    with st.expander("As a table"):
        show(_table(report, names[:MOST_ROWS]))


def _title(report: dict[str, Any], prefix: str) -> str:
    """What the parts are called in a report."""
    if prefix == "group/" and report.get("group_figure"):
        figure = str(report["group_figure"])
        return f"{figure[:1].upper()}{figure[1:]} by group"
    title = PARTS[prefix]
    return title.replace("class", "label") if report.get("edit") == "choose many" else title


def parts_of(report: dict[str, Any], prefix: str) -> list[str]:
    """Figures of that kind, in the report's order."""
    return [name for name in report["arms"][0]["figures"] if name.startswith(prefix)]


def by_change(report: dict[str, Any], names: list[str], main: str) -> list[str]:
    """Those that changed most first, where there are too many to see; else as they come."""
    if len(names) <= MOST_PLOTTED:
        return names
    change = next(arm for arm in report["arms"] if arm["name"] == main).get("change", {})
    return sorted(names, key=lambda name: -abs(change.get(name, {}).get("mean", 0.0)))


def _has(report: dict[str, Any], arm: str) -> bool:
    return any(each["name"] == arm for each in report["arms"])


def _table(report: dict[str, Any], names: list[str]) -> Html:
    arms = report["arms"]
    rows = [(cut(name.partition("/")[2], 60), *(_cell(arm, name) for arm in arms)) for name in names]
    made = table(("", *(arm["name"] for arm in arms)), rows, numbers=tuple(range(1, len(arms) + 1)))
    return tag(
        "div", tall(made, "figures of every part"), tag("p", "Bold: more than chance.", cls="fw-muted")
    )


def _cell(arm: dict[str, Any], name: str) -> Html | str:
    mean = arm["figures"].get(name, {}).get("mean")
    if mean is None:
        return "–"
    change = arm.get("change", {}).get(name)
    if change is None:
        return f"{mean:.3f}"
    shift = f"{change['mean']:+.3f}".replace("-", MINUS)
    return tag("span", f"{mean:.3f} (", tag("b" if change["beyond_noise"] else "span", shift), ")")
