"""The review queue, a page at a time: each row with its reasons, a suggestion, and the buttons to decide."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.data.rowstate import RowState
from backend.files import digest
from backend.scores.queue import QueueFilter, QueueItem
from backend.workspace import Workspace
from pages.components import keys
from pages.components.decision_bar import decision_bar
from pages.components.markup import show, tag
from pages.components.paging import page_number, pages_of, turn_pages
from pages.components.review.queue_card import card_head, card_reasons, card_texts
from pages.components.review.queue_rows import queue_of, states_of

PAGE = 10
SHOWN_TEXT = 600


def show_queue(workspace: Workspace, wanted: QueueFilter) -> None:
    """The rows that fit, most suspicious first."""
    queue = queue_of(workspace, wanted)
    pages = pages_of(len(queue), PAGE)
    page = page_number(keys.QUEUE_PAGE, pages)
    if not len(queue):
        say_done()
        return
    states, classes = states_of(workspace), workspace.manifest.classes
    many = "row has" if len(queue) == 1 else "rows have"
    st.caption(f"{len(queue):,} {many} a reason to be looked at; the most suspicious come first.")
    for at in range((page - 1) * PAGE, min(page * PAGE, len(queue))):
        item = queue.item(at)
        with st.container(border=True, gap="small"):
            _card(workspace.path, item, states.get(item.id), classes)
    turn_pages(keys.QUEUE_PAGE, pages)


def say_done() -> None:
    """That the queue is empty."""
    st.success("Nothing is left here: no row fits these choices.", icon=":material/done_all:")


def _card(path: Path, item: QueueItem, state: RowState | None, classes: tuple[str, ...]) -> None:
    show(card_head(item, state, tag("span", f"{item.rank:,}", cls="fw-rank")))
    show(card_texts(item, SHOWN_TEXT))
    show(card_reasons(item))
    # Named by row, not by place: a second click, when the rows have moved up, can't be about the next one.
    decision_bar(path, item.id, item.label, state, classes, f"queue-{digest(item.id)}", elsewhere=True)
