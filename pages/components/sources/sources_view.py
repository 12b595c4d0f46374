"""The audit of sources on the page: sentences, plots, figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from backend.workspace import Workspace
from pages.components import keys
from pages.components.conversation.shown_text import has_conversations
from pages.components.markup import Html, plain_label, short, show, tag
from pages.components.numbers import MINUS, percent
from pages.components.plots import is_dark, tools
from pages.components.sources.source_figures import (
    DRAWN_LINES,
    alignment_figure,
    cosine_figure,
    trajectory_figure,
    weights_figure,
)
from pages.components.sources.source_rows import SourceRow, hurting, source_rows, source_sentences, steps_of
from pages.components.tables import table

if TYPE_CHECKING:  # torch is imported when there is something to compute
    from backend.audit.sources import Sources

TOGETHER = "all"
TARGETS = {"eval": "eval rows", "kept": "training rows that were kept"}
HOW = (
    "Alignment is the product of a row's gradient with that of the trusted rows, times the checkpoint's "
    "weight where all checkpoints are shown together. Intervals are those of drawing the rows of a source, "
    "not of drawing the trusted rows. Weights are those of one step of dynamic gradient alignment (DGA, "
    "arXiv 2410.02498) from equal ones."
)

OF_LENGTH = (
    " A conversation's loss is the sum over the tokens that are learnt, so a source of long answers has "
    "larger means; cosines and weights know no length."
)


def show_sources(workspace: Workspace, sources: Sources) -> None:
    """The page."""
    _say_what_a_source_is(workspace)
    step = _ask_step(steps_of(sources))
    rows = source_rows(sources, step)
    target = TARGETS[str(workspace.manifest.artifacts["sources"].details.get("clean", "eval"))]
    are_classes = workspace.manifest.data.group is None
    show(
        tag(
            "div",
            *(tag("p", line, cls="fw-narrowline") for line in source_sentences(rows, target, are_classes)),
            cls="fw-notice",
        )
    )
    _offer_rows(workspace, hurting(rows), keys.ROWS_LABEL if are_classes else keys.ROWS_GROUP)
    left, right = st.columns([0.6, 0.4], gap="large")
    with left:
        st.subheader("Which way they pull")
        st.plotly_chart(
            alignment_figure(rows),
            key=f"alignment-{step}",
            config=tools("alignment"),
            alt=_alt("alignment", rows),
        )
    with right:
        st.subheader("How one step would weigh them")
        st.plotly_chart(
            weights_figure(rows), key=f"weights-{step}", config=tools("weights"), alt=_alt("weight", rows)
        )
    left, right = st.columns([0.6, 0.4], gap="large")
    with left:
        st.subheader("Where their gradients agree")
        names = [each.source for each in rows]
        st.plotly_chart(
            cosine_figure(sources, step, names, is_dark()),
            key=f"cosines-{step}-{is_dark()}",
            config=tools("cosines"),
            alt="Cosines between the gradients of the sources; those with the target are in the table below.",
        )
    with right:
        _trajectory(sources)
    st.subheader("All figures")
    show(_figures(rows))
    st.caption(HOW + (OF_LENGTH if has_conversations(workspace) else ""))


def _offer_rows(workspace: Workspace, names: Sequence[str], column: str) -> None:
    """The way to the rows of each of these sources."""
    with st.container(horizontal=True):
        for name in names:
            st.page_link(
                "pages/explore.py",
                label=f"Rows of {plain_label(name, 40)}",
                icon=":material/travel_explore:",
                query_params={keys.WORKSPACE: keys.get(keys.WORKSPACE), column: name},
            )


def _say_what_a_source_is(workspace: Workspace) -> None:
    group = workspace.manifest.data.group
    if group is None:
        st.info(
            "No column of groups was named when this workspace was made, so every class counts as a source. "
            "To audit files, annotators or domains instead, name that column as the group when you make a "
            "workspace: on the page New workspace, or with `init --group COLUMN`.",
            icon=":material/category:",
        )
    else:
        show(tag("p", "A source is a value of the column ", tag("b", short(group, 60)), ".", cls="fw-muted"))


def _ask_step(steps: Sequence[int]) -> int | None:
    if len(steps) < 2:
        return None
    options = [TOGETHER, *map(str, steps)]
    if keys.get(keys.SOURCE_STEP, TOGETHER) not in options:
        keys.put(keys.SOURCE_STEP, TOGETHER)
    st.selectbox(
        "Checkpoint",
        options,
        format_func=lambda each: "all together" if each == TOGETHER else f"step {int(each):,}",
        key=keys.SOURCE_STEP,
        bind="query-params",
        width=240,
    )
    chosen = keys.get(keys.SOURCE_STEP) or TOGETHER
    return None if chosen == TOGETHER else int(chosen)


def _trajectory(sources: Sources) -> None:
    steps = steps_of(sources)
    if len(steps) < 2:
        return
    st.subheader("Weights as training went on")
    st.plotly_chart(
        trajectory_figure(sources),
        key="trajectory",
        config=tools("trajectory"),
        alt="Weight of every source at every checkpoint.",
    )
    count = len(source_rows(sources, None))
    if count > DRAWN_LINES:
        st.caption(f"The {DRAWN_LINES} sources whose weight moves furthest from the equal one, of {count}.")


def _figures(rows: Sequence[SourceRow]) -> Html:
    lines = [
        (
            short(each.source, 60),
            f"{each.rows:,}",
            _number(each.mean, "+.3g"),
            "" if each.standard_error is None else f"± {each.margin:.2g}",
            "" if each.negative is None else percent(each.negative),
            _number(each.cosine, "+.2f"),
            f"{each.weight:.3f}",
        )
        for each in rows
    ]
    headers = ("source", "rows", "mean alignment", "95 %", "rows against", "cosine with the target", "weight")
    return tag("div", table(headers, lines, numbers=range(1, 7)), cls="fw-scroll")


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form).replace("-", MINUS)


def _alt(what: str, rows: Sequence[SourceRow]) -> str:
    values = ((each.source, each.mean if what == "alignment" else each.weight) for each in rows)
    shown = ", ".join(f"{short(name, 24)} {_number(value, '+.3g')}" for name, value in values)
    return short(f"{what} of each source: {shown}", 600)
