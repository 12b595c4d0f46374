"""The review queue, a page at a time: each row with its reasons, a suggestion, and the buttons to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import streamlit as st

from backend.data.rowstate import RowState
from backend.files import digest
from backend.queue.queue import QueueFilter
from backend.queue.queue_item import QueueItem
from backend.workspace import Workspace
from pages.components import keys
from pages.components.bulk_dialog import offer_bulk
from pages.components.conversation.shown_text import shown_text
from pages.components.decision_bar import decision_bar
from pages.components.markup import plain_label, show, tag
from pages.components.numbers import plural
from pages.components.paging import page_number, pages_of, turn_pages
from pages.components.queue_rows import queue_of, states_of
from pages.components.review.queue_card import card_company, card_head, card_reasons, card_texts

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
    st.caption(
        f"{plural(len(queue), 'row')}, the most suspicious first; {queue.with_reason:,} with a reason."
    )
    bulk_box = st.container(horizontal=True, vertical_alignment="center")
    ticked, listed = [], []
    for at in range((page - 1) * PAGE, min(page * PAGE, len(queue))):
        item = queue[at]
        listed.append(item.id)
        with st.container(border=True, gap="small"):
            if _card(workspace, item, states, classes):
                ticked.append(item.id)
    with bulk_box:
        chosen = ticked or (queue.ids if wanted.reason else listed)
        offer_bulk(workspace, len(chosen), lambda: _rows(workspace, chosen), bool(ticked))
    turn_pages(keys.QUEUE_PAGE, pages)


def say_done() -> None:
    """That the queue is empty."""
    st.success("Nothing is left here: no row fits these choices.", icon=":material/done_all:")


def _rows(workspace: Workspace, ids: Sequence[str]) -> pa.Table:
    split = workspace.train_split
    places = [split.position(row) for row in ids]
    columns = {
        "id": [split.ids[at] for at in places],
        "label": [split.labels[at] for at in places],
        "text": [shown_text(split, at) for at in places],
    }
    return pa.table(columns)


def _card(
    workspace: Workspace, item: QueueItem, states: Mapping[str, RowState], classes: tuple[str, ...]
) -> bool:
    """One row; returns whether it is ticked."""
    path, state, key = workspace.path, states.get(item.id), digest(item.id)
    tick, head = st.columns([0.03, 0.97], vertical_alignment="center")
    with tick:
        ticked = st.checkbox(f"Tick {plain_label(item.id)}", key=f"tick-{key}", label_visibility="collapsed")
    with head:
        show(card_head(workspace, item, state, tag("span", f"{item.rank:,}", cls="fw-rank")))
    show(card_texts(workspace, item, SHOWN_TEXT))
    show(card_company(workspace, item, states))
    show(card_reasons(item))
    # Named by row, not by place: a second click, when the rows have moved up, can't be about the next one.
    decision_bar(path, item.id, item.label, state, classes, f"queue-{key}", elsewhere=True)
    return ticked
