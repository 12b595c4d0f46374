"""The proof by deletion: training without the rows that influence names, beside rows drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from backend.errors import InputError
from backend.evaluation.intervals import with_interval
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.jobs.process import job_path, job_result
from backend.model.origin import was_attached
from backend.workspace import Workspace
from pages.components import keys
from pages.components.job_panel import LOGS, job_panel
from pages.components.markup import Html, plain_label, short, show, tag
from pages.components.messages import show_error
from pages.components.number_field import Faults, ask_whole
from pages.components.numbers import MINUS
from pages.components.plots import COLOURS, SYMBOLS, plot_text, tools
from pages.components.tables import table
from pages.components.typed_number import Limits

QUERIES, SEEDS = 10, 2
KS = (10, 30, 100)
AT_RANDOM = 1  # the control that every run has beside its methods
COMPARED = (f"we:{DEFAULT_SCORE}", "last-layer:dot", "tfidf:residual")
ENDS = {
    "proponents": "Without the most helpful rows: the lower, the better",
    "opponents": "Without the most harmful rows: the higher, the better",
}


def show_deletion_test(workspace: Workspace) -> None:
    """What the test is, its settings, the job, and what it found."""
    st.markdown(
        "Is influence true of your model? For some eval rows, the model is trained again without the rows "
        "that influence calls most helpful, and without the most harmful ones. If influence is right, the "
        "class that was explained becomes less likely in the first case and more likely in the second, and "
        "by more than without as many rows of the same class drawn at random."
    )
    if was_attached(workspace.folder):
        st.info(
            "This workspace uses an attached run. The model that it started from is not known, so it can't "
            "be trained again.",
            icon=":material/info:",
        )
        return
    ks = [k for k in KS if k < len(workspace.train_split) // 2]
    if not ks:
        st.info("There are too few training rows to delete some.", icon=":material/info:")
        return
    faults = Faults()
    queries, seeds, wrong = _ask(faults)
    args = deletion_args(str(workspace.path), ks, queries, seeds, wrong)
    found = job_result(job_path(args, LOGS))
    if found is not None:
        _show_result(found)
    trainings = seeds * (1 + len(ENDS) * len(ks) * (len(COMPARED) + AT_RANDOM) * queries)
    job_panel(
        args,
        "Run the test" if found is None else "Run it again",
        f"trains the model up to {trainings:,} times: with a small model minutes, else hours. "
        "Stopped, it goes on where it was",
        primary=found is None,
        wrong=faults.words,
    )


def deletion_args(path: str, ks: Sequence[int], queries: int, seeds: int, wrong: bool) -> list[str]:
    """The command of a test."""
    return [
        *("evaluate", path, "--protocol", "deletion", "-k", ",".join(map(str, ks))),
        *("--queries", str(queries), "--seeds", str(seeds)),
        *(["--wrong"] if wrong else []),
        *(part for name in COMPARED for part in ("--method", name)),
        "--json",
    ]


def deletion_figure(curves: Sequence[dict[str, Any]]) -> go.Figure:
    """Change of the probability over the number of rows deleted, one line for each method of one end."""
    figure = go.Figure()
    for number, curve in enumerate(curves):
        centres, bounds = curve["change"], curve["intervals"]
        figure.add_scatter(
            x=[str(k) for k in curve["ks"]],
            y=centres,
            name=plot_text(curve["variant"], 40),
            mode="lines+markers",
            line={"color": COLOURS[number % len(COLOURS)]},
            marker={"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [b[1] - c if b else 0.0 for c, b in zip(centres, bounds, strict=True)],
                "arrayminus": [c - b[0] if b else 0.0 for c, b in zip(centres, bounds, strict=True)],
                "thickness": 1,
            },
        )
    figure.add_hline(y=0.0, line_width=1, line_color="#87919D")
    figure.update_layout(
        height=320,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        legend={"orientation": "h", "yanchor": "top", "y": -0.25},
        xaxis={"title": "rows deleted", "type": "category", "fixedrange": True},
        yaxis={"title": "change of the class's probability", "fixedrange": True},
    )
    return figure


def _ask(faults: Faults) -> tuple[int, int, bool]:
    queries_box, seeds_box, wrong_box = st.columns([0.25, 0.25, 0.5], vertical_alignment="top")
    with queries_box:
        queries = ask_whole("Eval rows", keys.DELETION_QUERIES, Limits(2, 1_000, whole=True), QUERIES, faults)
    with seeds_box:
        seeds = ask_whole("Seeds", keys.DELETION_SEEDS, Limits(1, 20, whole=True), SEEDS, faults)
    with wrong_box:
        wrong = st.toggle("Only misclassified rows", key=keys.DELETION_WRONG, bind="query-params")
    return queries, seeds, bool(wrong)


def _show_result(found: dict[str, Any]) -> None:
    try:
        by_end = {end: [each for each in found["curves"] if each["end"] == end] for end in ENDS}
        figures = {end: deletion_figure(curves) for end, curves in by_end.items()}
        tables = {end: _areas(curves) for end, curves in by_end.items()}
    except (KeyError, TypeError, IndexError, ValueError):
        show_error(InputError("the test's result can't be read; run it again"))
        return
    for box, (end, title) in zip(st.columns(2, gap="large"), ENDS.items(), strict=True):
        with box:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                figures[end],
                key=f"deletion-{end}",
                config=tools(f"deletion-{end}"),
                alt=f"Change of the probability after deleting {end}, by method.",
            )
            show(tables[end])
    st.caption(
        "Bars and intervals are 95 % intervals over eval rows and trainings. Area: the mean over the numbers "
        "of rows. Beyond chance: the area less that of as many random rows, of the same class for helpful "
        "rows and of other classes for harmful ones."
    )
    for line in found.get("left_out", []):
        st.caption(plain_label(str(line), 300))


def _areas(curves: Sequence[dict[str, Any]]) -> Html:
    rows = [
        (
            tag("span", short(each["variant"], 40)),
            with_interval(each["area"], each["area_interval"]).replace("-", MINUS),
            with_interval(each["beyond"], each["beyond_interval"]).replace("-", MINUS)
            if each["beyond_interval"]
            else "",
        )
        for each in curves
    ]
    return table(("method and score", "area", "beyond chance"), rows, numbers=(1, 2))
