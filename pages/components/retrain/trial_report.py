"""A trial's report: the verdict, what changed and how sure that is, rows, queries, downloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from backend.progress import epochs_words
from backend.trials.headline import headline_in, is_better, nothing_changed
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import Tone, badge
from pages.components.choice import pick
from pages.components.markup import plain_label, short, show, tag
from pages.components.numbers import typeset
from pages.components.plots import draw
from pages.components.retrain.trial_answers import show_answers, words_moved
from pages.components.retrain.trial_beside import show_beside
from pages.components.retrain.trial_figures import (
    arms_figure,
    curve_figure,
    has_curve,
    is_low_good,
    name_of,
    query_figure,
    said_of,
    titles,
)
from pages.components.retrain.trial_parts import show_parts
from pages.components.retrain.trial_recipes import show_recipes
from pages.components.retrain.trial_rows import show_rows
from pages.components.retrain.trial_state import decided, decided_words
from pages.components.tables import table

MOST_QUERIES = 5
_REFERENCE = "what the others are compared with"


def show_report(workspace: Workspace, name: str, report: dict[str, Any]) -> None:
    """All of it."""
    main = main_arm(report)
    _stale(workspace, report)
    with st.container(border=True):
        if main is None:
            st.markdown("There is only one arm, so nothing is compared.")
        else:
            show(
                tag("div", badge(*verdict_words(report, main)), " ", tag("b", _sentence(main)), cls="fw-head")
            )
        if main is not None:
            for line in words_moved(report, main["name"])[:MOST_QUERIES]:
                show(line)
        _others(report, main)
        st.caption(_origin(report))
        for note in report.get("notes", []):
            st.caption(f"{plain_label(str(note)[:1].upper() + str(note)[1:], 400)}.")
    _figures(report, name)
    if main is not None:
        show_parts(report, main["name"], name)
        show_rows(workspace, main, name)
    _queries(report, name)
    show_answers(workspace, report, name)
    show_beside(report)
    show_recipes(workspace, report, name)
    _downloads(workspace, name)


def main_arm(report: dict[str, Any]) -> dict[str, Any] | None:
    """What the trial is about: the first arm that is neither reference nor control."""
    arms = [arm for arm in report["arms"] if "change" in arm]
    return next((arm for arm in arms if arm["name"] != report.get("control")), arms[0] if arms else None)


def _stale(workspace: Workspace, report: dict[str, Any]) -> None:
    """Say what has changed since the report was made."""
    if report.get("data") not in (None, workspace.manifest.data.fingerprint):
        st.warning("The data have changed since this report was made.", icon=":material/history:")
    made_from, now = report.get("decisions"), decided(workspace)
    if made_from is not None and made_from["mark"] != now["mark"]:
        before, after = decided_words(made_from, workspace), decided_words(now, workspace)
        st.warning(
            f"Your decisions have changed since this report was made: then {before}, now {after}. "
            "Only what differs is trained again.",
            icon=":material/history:",
        )


def verdict_words(report: dict[str, Any], arm: dict[str, Any]) -> tuple[str, Tone]:
    """Better, worse or no more than chance: by the task's figure, and only where the control does
    otherwise."""
    judged_by = headline_in(report)
    change = arm["change"][judged_by["name"]]
    if nothing_changed(arm, judged_by["name"]):
        return "the same", "plain"
    if len(change["seeds"]) == 1:
        return "one seed: chance not known", "plain"
    if not change["beyond_noise"]:
        return "not more than chance", "plain"
    beside = arm.get("against_control", {}).get(judged_by["name"])
    same_way = beside is None or (beside["beyond_noise"] and (beside["mean"] > 0) == (change["mean"] > 0))
    if not same_way:
        return "like the control", "warn"
    return ("better", "good") if is_better(judged_by, change["mean"]) else ("worse", "bad")


def _sentence(arm: dict[str, Any]) -> str:
    return short(typeset(f"{arm['name'][:1].upper()}{arm['name'][1:]}: {arm['verdict']}."), 400)


def _others(report: dict[str, Any], main: dict[str, Any] | None) -> None:
    """The verdicts on all other arms, and what each arm is."""
    rows = [
        (
            arm["name"],
            typeset(arm.get("verdict", _REFERENCE)) if arm is not main else "see above",
            tag("span", short(arm["description"], 200), cls="fw-muted"),
        )
        for arm in report["arms"]
    ]
    with st.expander("What was trained", expanded=len(rows) <= 4):
        show(table(("arm", "against the reference", "what it is"), rows))


def _origin(report: dict[str, Any]) -> str:
    seeds = len(report["seeds"])
    epochs = f", {epochs_words(report['epochs'])}" if report.get("epochs") else ""
    options = ", ".join(f"{name} {value}" for name, value in report.get("options", {}).items())
    seconds = sum(arm.get("seconds", 0) for arm in report["arms"])
    return plain_label(
        f"{len(report['arms'])} arms, {seeds:,} seed{'s' * (seeds != 1)}{epochs}, measured on "
        f"{report['eval_rows']:,} eval rows; {seconds:,.0f} s of training"
        + (f"; options: {options}" if options else "")
        + ".",
        300,
    )


def _figures(report: dict[str, Any], name: str) -> None:
    title, choice = st.columns([0.4, 0.6], vertical_alignment="bottom")
    with title:
        st.subheader("Before and after")
    with choice:
        known = titles(report)
        if keys.get(keys.REPORT_FIGURE) not in (None, *known):  # of a report of another task
            keys.put(keys.REPORT_FIGURE, headline_in(report)["name"])
        figure = pick("Figure", known, keys.REPORT_FIGURE, headline_in(report)["name"])
    draw(arms_figure(report, figure), arms_alt(report, figure), f"{name}-arms")
    st.caption(
        "Left, the mean of each arm and its deviation over seeds. Right, its change: the large mark is "
        "the mean, the "
        "bar the 95 % interval over seeds and eval rows, the small dots single seeds. A bar that "
        "crosses the line is "
        "no more than chance." + (" Low is good." if is_low_good(report, figure) else "")
    )
    if has_curve(report):
        draw(
            curve_figure(report, figure),
            f"{titles(report)[figure]} over the share of the training rows",
            f"{name}-curve",
        )


def arms_alt(report: dict[str, Any], figure: str) -> str:
    """The plot in words."""
    parts = []
    for arm in report["arms"]:
        change = arm.get("change", {}).get(figure)
        shift = (
            f", change {change['mean']:+.4f} ({change['low']:+.4f} to {change['high']:+.4f})"
            if change
            else ""
        )
        parts.append(f"{arm['name']} {arm['figures'][figure]['mean']:.4f}{shift}")
    return f"{titles(report)[figure]}: " + "; ".join(parts)


def _queries(report: dict[str, Any], name: str) -> None:
    queries = report.get("queries", [])
    if not queries:
        return
    st.subheader("What was followed")
    for number, query in enumerate(queries[:MOST_QUERIES]):
        show(tag("div", short(query["text"], 400), cls="fw-text", dir="auto"))
        alt = ", ".join(f"{arm} {each['mean']:.3g}" for arm, each in said_of(query).items())
        draw(query_figure(report, query), f"{name_of(query)}: {alt}", f"{name}-query-{number}")
    if len(queries) > MOST_QUERIES:
        st.caption(f"{len(queries) - MOST_QUERIES:,} more are in the downloads.")


def _downloads(workspace: Workspace, name: str) -> None:
    place = workspace.path / "retrains" / name
    with st.container(horizontal=True):
        _download(place / "report.json", f"{name}.json", "Download JSON", "application/json")
        _download(place / "report.md", f"{name}.md", "Download Markdown", "text/markdown")


def _download(path: Path, name: str, label: str, mime: str) -> None:
    st.download_button(
        label,
        path.read_bytes if path.is_file() else b"",
        file_name=name,
        mime=mime,
        icon=":material/download:",
        on_click="ignore",
        disabled=not path.is_file(),
    )
