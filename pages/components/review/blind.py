"""Blind mode: first the reviewer says what a row is, then the label and what speaks against it are shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from backend.data.messages import shown_name
from backend.queue.queue_item import QueueItem
from pages.components import keys
from pages.components.class_choice import MOST_KEYS, button_names, class_button, class_search
from pages.components.markup import Html, brief, plain_label, tag
from pages.components.review.focus_bar import Bar

NOTED = 200  # characters of a class's name that the log keeps


def opinion_about(path: Path, row: str, classes: Sequence[str]) -> str | None:
    """What the reviewer called the row of a workspace that was shown last, if it is this one."""
    about, name = keys.get(keys.QUEUE_OPINION) or (None, None)
    return name if about == (path, row) and name in classes else None


def ask_opinion(bar: Bar, classes: Sequence[str]) -> None:
    """The question, and a button for each class."""
    st.markdown("**What would you call it?**")
    names = button_names(classes)
    with st.container(key=f"classes-{bar.key}", horizontal=True, gap="small", vertical_alignment="center"):
        for number, name in enumerate(classes[:MOST_KEYS], 1):
            class_button(
                names[name],
                str(number),
                f"opinion-{number}-{bar.key}",
                f"I would call it {plain_label(name)}",
                _hold,
                (bar, name),
            )
        if len(classes) > MOST_KEYS:  # in their own order: what the model says would give the label away
            menu = f"opinion-{bar.key}"
            class_search("Another class", classes, {}, menu, _hold_from_menu, (bar, menu))


def verdict(item: QueueItem, opinion: str) -> Html:
    """Whether the opinion is that of the label."""
    said = ("You say ", tag("b", brief(opinion)))
    if opinion == item.label:
        return tag("div", *said, ", and so does the label.", cls="fw-verdict")
    return tag("div", *said, "; the label says ", tag("b", brief(item.label)), ".", cls="fw-verdict")


def note_of(opinion: str) -> str:
    """What the log keeps of the opinion: one line, whatever the class is called."""
    return f"blind: called it {shown_name(opinion)[:NOTED]}"


def _hold(bar: Bar, name: str) -> None:
    keys.put(keys.QUEUE_OPINION, ((bar.path, bar.row), name))


def _hold_from_menu(bar: Bar, menu_key: str) -> None:
    name = keys.get(menu_key)
    if name is not None:
        _hold(bar, name)
