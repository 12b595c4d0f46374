"""Beside influence: what of an answer is literally in the training rows, and what the base model knew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from backend.errors import InputError
from backend.influence.answers.explanation import Query
from backend.workspace import Workspace
from pages.components import keys
from pages.components.markup import Html, join, short, show, tag
from pages.components.messages import show_error
from pages.components.numbers import plural
from pages.components.tables import table
from pages.components.workspaces import Asked, about_answer, version, working

if TYPE_CHECKING:  # torch is imported when there is something to compute
    from backend.matches.match import Match, Place
    from backend.model.base_share import SpanChange

LONGEST = 60  # characters of a mark in a title
MOST = 20  # places listed
NO_INFLUENCE = (
    "A match, no influence: rows that say the same in other words are not found, and not every row that says "
    "it taught it."
)
BASE_HELP = (
    "How much of the answer's loss the fine-tuning took away: what the model that it began with knew already "
    "was not learnt from these rows. Loads that model, and reads the answer with both."
)


def show_beside(workspace: Workspace, query: Query, asked: Asked) -> None:
    """For each mark, or the answer; nothing where several answers are asked about."""
    if query.answer is None:
        return
    spans = tuple(query.marks) or ((0, len(query.answer)),)
    own = query.row if query.split == "train" else None
    path, data = str(workspace.path), version(workspace)
    for start, end in spans:
        found = _found(path, data, query.answer, (start, end), own)
        if found is not None:
            _show_match(found)
    st.toggle("What the base model knew", key=keys.BASE, bind="query-params", help=BASE_HELP)
    if keys.get(keys.BASE):
        _show_base(path, data, asked)


def _show_match(found: Match) -> None:
    tally = found.found
    said = f"“{short(' '.join(found.text.split()), LONGEST)}”"
    if not tally.rows:
        show(tag("p", f"{said}: literally in no training row.", cls="fw-muted"))
        return
    rows = plural(tally.rows, "training row")
    line = (
        f"literally in {rows}: in answers of {tally.answers.rows:,}, in what is read in {tally.read.rows:,}"
    )
    head = tag("summary", f"{said}: {line}")
    listed = table(("row", "who says it", "where it stands"), (_place(each) for each in found.places))
    more = tag("p", f"and at {plural(found.more, 'more place')}", cls="fw-muted") if found.more else ""
    note = tag("p", NO_INFLUENCE, cls="fw-muted")
    show(tag("details", head, listed, more, note, cls="fw-details"))


def _place(place: Place) -> tuple[Html, Html, Html]:
    who = join([short(place.role, 24), tag("span", " learnt" if place.learnt else " read", cls="fw-muted")])
    text = tag("span", place.before, tag("b", place.text, cls="fw-found"), place.after, dir="auto")
    return tag("span", short(place.row, 40), cls="fw-mono"), who, text


def _show_base(path: str, data: str, asked: Asked) -> None:
    try:
        changes, name = _base(path, data, asked)
    except InputError as error:
        show_error(error)
        return
    rows = [
        (short(" ".join(each.text.split()), 80), f"{each.base:.2f}", f"{each.tuned:.2f}", each.says)
        for each in changes
    ]
    show(table(("asked about", "base, nats", "tuned, nats", "what that says"), rows, numbers=(1, 2)))
    st.caption(f"Base: {short(name, 80)}", width="content")


@st.cache_data(max_entries=200, show_spinner="Searching the training rows …")
def _found(path: str, data: str, answer: str, span: tuple[int, int], own: str | None) -> Match | None:
    with working(Path(path)) as workspace:
        try:
            return workspace.matches.find(answer, span, without=own, most=MOST)
        except InputError:  # a mark without a word is nowhere
            return None


@st.cache_data(max_entries=50, show_spinner="Reading the answer with the base model …")
def _base(path: str, data: str, asked: Asked) -> tuple[list[SpanChange], str]:
    with working(Path(path)) as workspace:
        about = about_answer(asked, instead=None)
        return workspace.base_share(row=asked.row, split=asked.split, about=about)  # type: ignore[arg-type]
