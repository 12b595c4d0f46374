"""The review queue, one row at a time: large, with its reasons, its place, and a key for every decision."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from backend.queue.queue import Queue, QueueFilter
from backend.queue.queue_item import QueueItem
from backend.workspace import Workspace
from pages.components import keys
from pages.components.conversation.shown_text import action_words
from pages.components.copy_link import copy_link
from pages.components.focus_place import Place, first_row, focus_on, focused, place_of
from pages.components.label_noise import noise_of
from pages.components.markup import plain_label, short, show, tag
from pages.components.queue_rows import queue_of, states_of
from pages.components.reason_field import ask_reason
from pages.components.review.blind import ask_opinion, note_of, opinion_about, verdict
from pages.components.review.focus_bar import Bar, decide_bar, undecided_bar
from pages.components.review.queue_card import card_company, card_head, card_reasons, card_texts, group_badge
from pages.components.review.queue_list import say_done

SHOWN_TEXT = 20_000


def show_focus(workspace: Workspace, wanted: QueueFilter, blind: bool) -> None:
    """The row that the address names, or else the first that is undecided."""
    queue = queue_of(workspace, wanted)
    _progress(workspace, queue_of(workspace, replace(wanted, state="all")))
    if not len(queue):
        say_done()
        return
    row = focused() or first_row(queue)
    place = place_of(queue, row)
    if place is None:
        _say_gone(workspace, row, first_row(queue))
        return
    if row != focused():
        focus_on(row)
    _steps(place, len(queue))
    if blind and wanted.label is not None:
        st.caption("The class chosen above gives the label away. Choose any class to review blind.")
    with st.container(border=True, gap="small"):
        _card(workspace, queue[place.at], place, blind)


def _card(workspace: Workspace, item: QueueItem, place: Place, blind: bool) -> None:
    classes, state = workspace.manifest.classes, states_of(workspace).get(item.id)
    opinion = opinion_about(workspace.path, item.id, classes) if blind else None
    if blind and opinion is None:
        bar = Bar(workspace.path, item.id, state, place.onward)
        show(tag("div", tag("span", short(item.id), cls="fw-mono"), group_badge(item), cls="fw-head"))
        show(card_texts(workspace, item, SHOWN_TEXT, "fw-focus"))
        ask_opinion(bar, classes)
        undecided_bar(bar)
        _ask_why()
        return
    show(card_head(workspace, item, state))
    show(card_texts(workspace, item, SHOWN_TEXT, "fw-focus"))
    if opinion is not None:
        show(verdict(item, opinion))
    show(card_company(workspace, item, states_of(workspace)))
    show(card_reasons(item))
    note = note_of(opinion) if opinion is not None else ""
    decide_bar(Bar(workspace.path, item.id, state, place.onward, note), item, workspace.space, opinion)
    _ask_why()


def _ask_why() -> None:
    """The reason is about this row only: it is emptied when the next one comes."""
    with st.container(width=480):
        ask_reason("focus")


def _progress(workspace: Workspace, everything: Queue) -> None:
    """How much has been decided of the rows worth it: as many of the first as labels may be wrong."""
    noise = noise_of(workspace)
    total = len(everything)
    if noise is not None and len(everything) == noise.rows:
        total = max(min(round(noise.high), total), 1)
    decided = total - sum(everything.undecided[:total])
    of = f"{total:,}" if total == len(everything) else f"the first {total:,}, which hold most wrong labels,"
    st.progress(decided / total if total else 1.0, text=f"{decided:,} of {of} decided")


def _steps(place: Place, total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        _step("Previous", "Left", ":material/chevron_left:", place.before)
        _step("Next", "Right", ":material/chevron_right:", place.after)
        st.caption(f"{place.at + 1:,} of {total:,}", width="content")
        st.space("stretch")
        copy_link({name: value for name, value in st.query_params.items() if name != keys.WORKSPACE})


def _step(name: str, key: str, icon: str, row: str | None) -> None:
    st.button(
        name,
        key=f"focus-{name.lower()}",
        icon=icon,
        shortcut=key,
        help=f"{name} row of the queue, without a decision",
        disabled=row is None,
        on_click=focus_on,
        args=(row,),
    )


def _say_gone(workspace: Workspace, row: str, first: str) -> None:
    """That the row of the address is not in the queue, and why; with the way back into it."""
    state = states_of(workspace).get(row)
    name = plain_label(row)
    if not workspace.train_split.has(row):
        line = f"There is no training row {name}."
    elif state is not None:
        line = f"{name} is not in this queue any more: it has been {action_words(workspace)[state.action]}."
    else:
        line = f"{name} is not in this queue: nothing speaks against it that fits these choices."
    st.info(line, icon=":material/link_off:")
    st.button(
        "First row of the queue",
        key="focus-first",
        type="primary",
        icon=":material/arrow_forward:",
        on_click=focus_on,
        args=(first,),
    )
