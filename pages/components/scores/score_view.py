"""One score: what it means, how its values are spread, and the rows at either end."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from backend.scores.registry import all_scores, producer_of, scores_for
from backend.scores.score import Score, serves_word
from backend.scores.suspicion import QUEUE
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import STATE_TONES, badge
from pages.components.conversation.shown_text import action_words, has_conversations, shown_text
from pages.components.eval_errors import NO_ERRORS, has_no_errors
from pages.components.histogram import histogram
from pages.components.markup import Html, brief, short, show, tag
from pages.components.numbers import plural
from pages.components.paging import page_number, pages_of, turn_pages
from pages.components.plots import plot_text, tools
from pages.components.score_job import offer_scores_of
from pages.components.score_values import ScoreValues, order_of
from pages.components.scores.score_row import chosen_place
from pages.components.tables import table

PAGE = 15
BINS = 40
ON_ERRORS, ON_EVAL = "influence_on_errors", "influence_on_eval"
SUSPECT, OTHER = "suspect", "other"
ENDS = {SUSPECT: "The end to look at", OTHER: "The other end"}


def show_score(workspace: Workspace, values: ScoreValues) -> None:
    """The chosen score; where it is missing or stale, the job that computes it."""
    score = _ask(workspace, values)
    producer = producer_of(score.name)
    serves = serves_word(score.serves, workspace.manifest.task.name)
    show(_meaning(score, serves, values.states[producer.name], producer.cost))
    if values.table is None or not values.has(score.name):
        offer_scores_of(workspace, producer)
        return
    column = values.table.values(score.name)
    if score.name == ON_ERRORS and has_no_errors(workspace):
        st.info(f"{NO_ERRORS}, so no row harms one: see “{all_scores()[ON_EVAL].title}” instead.")
        return
    known = column[np.isfinite(column)]
    if not len(known):
        st.info("No row has a value of this score.")
        return
    place = chosen_place(workspace)
    own = None if place is None or not np.isfinite(column[place]) else float(column[place])
    row = "" if place is None else workspace.train_split.ids[place]
    counts, edges = np.histogram(known.astype(np.float64), bins=BINS)
    mark = None if own is None else (own, f"row {plot_text(row, 24)}: {own:.3g}")
    st.plotly_chart(
        histogram(edges.tolist(), counts.tolist(), score.title, mark),
        key=f"histogram-{score.name}-{place}",
        config=tools(f"score-{score.name}"),
        alt=f"Histogram of {score.title} over {plural(len(known), 'row')}"
        + ("" if own is None else f"; row {short(row, 40)} has {own:.3g}"),
    )
    if len(known) < len(column):
        st.caption(f"{plural(len(column) - len(known), 'row')} without a value.")
    _rows(workspace, values, score, column)


def _ask(workspace: Workspace, values: ScoreValues) -> Score:
    known = scores_for(workspace.manifest.task.name)
    # Those that are there first, and of these the one that the review queue goes by.
    names = sorted(known, key=lambda name: (not values.has(name), name != QUEUE))
    if keys.get(keys.SCORE_NAME, names[0]) not in known:
        keys.put(keys.SCORE_NAME, names[0])
    st.selectbox(
        "Score",
        names,
        format_func=lambda name: known[name].title,
        key=keys.SCORE_NAME,
        bind="query-params",
        on_change=_first_page,
    )
    return known[keys.get(keys.SCORE_NAME) or names[0]]


def _meaning(score: Score, serves: str, state: str, cost: str) -> Html:
    rows = [
        ("high means", score.high),
        ("serves", f"{serves}: look at the {score.suspect} values"),
        ("formula", tag("span", score.formula, cls="fw-mono")),
        ("source", score.source),
        ("cost", cost.replace("`", "")),
        ("state", badge(state, STATE_TONES[state])),
    ]
    return table(("", score.title), rows)


def _rows(workspace: Workspace, values: ScoreValues, score: Score, column: np.ndarray) -> None:
    st.segmented_control(
        "Rows at",
        list(ENDS),
        default=SUSPECT,
        required=True,
        format_func=lambda each: (
            f"{ENDS[each]} ({(_highest_first(score, each) and 'highest') or 'lowest'} first)"
        ),
        key=keys.SCORE_END,
        bind="query-params",
        on_change=_first_page,
    )
    order = order_of(workspace, values, score, _highest_first(score, keys.get(keys.SCORE_END) or SUSPECT))
    pages = pages_of(len(order), PAGE)
    page = page_number(keys.SCORE_PAGE, pages)
    shown = order[(page - 1) * PAGE : page * PAGE]
    split, states = workspace.train_split, workspace.review.states()
    ids = [split.ids[each] for each in shown]
    chosen = keys.get(keys.SCORE_ROW) or ""
    key = f"score-rows-{score.name}-{keys.get(keys.SCORE_END)}-{page}-{chosen}"
    st.dataframe(
        pd.DataFrame(
            {
                "value": column[shown],
                "text": [_one_line(shown_text(split, each)) for each in shown],
                **(
                    {}
                    if has_conversations(split)
                    else {"label": [brief(split.labels[each]) for each in shown]}
                ),
                "decision": [action_words(split)[states[row].action] if row in states else "" for row in ids],
                "id": [short(row) for row in ids],
            }
        ),
        key=key,
        hide_index=True,
        height="content",
        on_select=lambda: _select(key, ids),
        selection_mode="single-row",
        selection_default={"selection": {"rows": [ids.index(chosen)] if chosen in ids else []}},
        column_config={
            "value": st.column_config.NumberColumn(format="%.4g"),
            "text": st.column_config.TextColumn(width="large"),
        },
        alt=f"Training rows by {score.title}",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{plural(len(order), 'row')}. Choose one to see all its scores below.", width="content")
        turn_pages(keys.SCORE_PAGE, pages)


def _one_line(text: str) -> str:
    return short(" ".join(text[:1_000].split()), 300)


def _highest_first(score: Score, end: str) -> bool:
    return (score.suspect == "high") == (end == SUSPECT)


def _select(key: str, ids: list[str]) -> None:
    chosen = keys.get(key)["selection"]["rows"]
    if chosen and chosen[0] < len(ids):
        keys.put(keys.SCORE_ROW, ids[chosen[0]])


def _first_page() -> None:
    keys.put(keys.SCORE_PAGE, 1)
