"""One training row and all that the scores say about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import streamlit as st

from backend.queue.queue import SERVES, class_numbers
from backend.queue.row import RowScore, row_scores
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import badge
from pages.components.markup import Html, plain_label, short, show, tag
from pages.components.numbers import MINUS, percent, typeset
from pages.components.queue_filter import serves_words
from pages.components.reason_field import ask_reason
from pages.components.row_card import RowCard
from pages.components.score_values import ScoreValues, read_current
from pages.components.tables import table
from pages.components.workspaces import opened

HEADERS = ("score", "value", "higher than", "what it says about this row")


def chosen_place(workspace: Workspace) -> int | None:
    """The 0-based place of the row that was chosen; None as long as none was, or its id is unknown."""
    row = (keys.get(keys.SCORE_ROW) or "").strip()
    split = workspace.train_split
    return split.position(row) if row and split.has(row) else None


def ask_row(workspace: Workspace) -> None:
    """Draw the field for the row's id."""
    st.text_input(
        "Training row",
        key=keys.SCORE_ROW,
        bind="query-params",
        placeholder=f"id, such as {short(workspace.train_split.ids[0], 40)}",
    )


def show_row(workspace: Workspace, values: ScoreValues) -> None:
    """The row's card, and a table of its scores for each decision that they serve."""
    st.subheader("One row's scores")
    place = chosen_place(workspace)
    if place is None:
        row = (keys.get(keys.SCORE_ROW) or "").strip()
        if row:
            st.error(f"There is no training row {plain_label(row)}.", icon=":material/error:")
        else:
            st.caption("Choose a point or a row above, or type an id at the top.")
        return
    row = workspace.train_split.ids[place]
    with st.container(border=True, gap="small"):
        card = RowCard(workspace, row, workspace.review.states().get(row))
        card.head()
        card.text()
        card.bar("scores")
        with st.container(width=480):
            ask_reason("scores")
    found = _row_scores(str(workspace.path), values.key, place)
    reasons = sum(each.is_reason for each in found)
    show(tag("p", _summary(reasons, len(found)), cls="fw-muted"))
    for serves in SERVES:
        own = [each for each in found if each.score.serves == serves]
        if own:
            st.markdown(f"**{serves_words(workspace).get(serves, serves)}**")
            show(table(HEADERS, _lines(own), numbers=(1, 2)))


def _summary(reasons: int, count: int) -> str:
    if not reasons:
        return f"By none of {count} scores is this row among the most suspicious: none is a reason to look."
    are = "score is a reason" if reasons == 1 else "scores are reasons"
    return f"{reasons} of {count} {are} to look at this row; they are marked."


def _lines(scores: Sequence[RowScore]) -> Iterator[tuple[str, ...]]:
    for each in sorted(scores, key=lambda each: not each.is_reason):
        title = tag("div", each.score.title, tag("div", each.score.name, cls="fw-mono"))
        if each.above is None:
            yield title, "–", "", each.sentence
        else:
            yield title, number(each.value), percent(each.above), _said(each)


def _said(score: RowScore) -> Html:
    if score.is_reason:
        return tag("div", badge("reason", "warn"), " ", short(typeset(score.sentence), 300))
    return tag("span", f"No reason. High means: {score.score.high}.", cls="fw-muted")


def number(value: float) -> str:
    """A value of any score."""
    return f"{value:,.4g}".replace("-", MINUS)


@st.cache_data(max_entries=50, show_spinner=False)
def _row_scores(path: str, key: str, place: int) -> list[RowScore]:
    workspace = opened(Path(path))
    table_ = read_current(workspace).table
    return [] if table_ is None else row_scores(table_, class_numbers(workspace.train_split), place)
