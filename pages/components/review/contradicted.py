"""The row that a row of the queue contradicts: its text, its label, and who decided what about it."""

from __future__ import annotations

from collections.abc import Mapping

from backend.data.rowstate import RowState
from backend.queue.queue_item import QueueItem
from backend.workspace import Workspace
from pages.components.conversation.row_view import row_view, target_badge
from pages.components.conversation.shown_text import action_words
from pages.components.explanations import explanations_are_shown
from pages.components.markup import Html, short, tag
from pages.components.score_values import read_current

SHOWN_TEXT = 300
REASON, COLUMN = "contradiction", "contradicts"


def contradicted_row(workspace: Workspace, item: QueueItem, states: Mapping[str, RowState]) -> Html:
    """The other row, where a contradiction is a reason; nothing while reasons are hidden."""
    row = _other(workspace, item)
    train = workspace.train_split
    if row is None or not train.has(row):
        return tag("span")
    place, state = train.position(row), states.get(row)
    label = state.label if state is not None and state.label is not None else train.labels[place]
    return tag(
        "div",
        tag("div", "the row that it contradicts", cls="fw-caption"),
        row_view(
            train, place, label, lambda text: tag("div", short(text, SHOWN_TEXT), dir="auto", cls="fw-pair")
        ),
        tag(
            "div",
            tag("span", short(row, 40), cls="fw-mono"),
            target_badge(train, label, "labelled"),
            tag("span", _who(state, action_words(workspace)), cls="fw-muted"),
            cls="fw-badges",
        ),
        cls="fw-pairbox",
    )


def _other(workspace: Workspace, item: QueueItem) -> str | None:
    if not explanations_are_shown() or all(each.score != REASON for each in item.reasons):
        return None
    table = read_current(workspace).table
    if table is None or COLUMN not in table.table.column_names:
        return None
    return table.table[COLUMN][workspace.train_split.position(item.id)].as_py() or None


def _who(state: RowState | None, words: Mapping[str, str]) -> str:
    if state is None:
        return "as it came, undecided"
    return f"{words[state.action]} by {short(state.author, 40)}"
