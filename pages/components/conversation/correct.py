"""The editor of a conversation: a turn's text, words out of the loss, turns out of the row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from backend.data.conversation import Conversation, Target, Turn
from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.files import digest
from pages.components import keys
from pages.components.conversation.correction import corrected, turn_title
from pages.components.conversation.diff_view import diff_view
from pages.components.conversation.marking import mark_words, spans_of, words_within
from pages.components.conversation.shown_text import conversation_of
from pages.components.conversation.word_diff import carried
from pages.components.decisions import decide
from pages.components.markup import distinct, plain_label, short, show, tag
from pages.components.workspaces import opened

LONGEST_TITLE = 90
HEIGHT = 140
OUT = "Take this turn out: the model does not read it"


@dataclass(frozen=True)
class Correcting:
    """What is corrected: a training row as it is now, with ``target`` in force and ``seen`` decided.

    ``then`` and ``note`` as of `decide`. ``key`` tells the editors of a page apart.
    """

    path: Path
    row: str
    target: str
    seen: RowState | None
    key: str
    then: Callable[[], None] | None = None
    note: str = ""

    @property
    def place(self) -> str:
        """Part of the names of this row's widgets; a decision of somebody else begins them anew."""
        return f"{self.key}-{digest(self.row)}-{digest(self.target)}"

    @property
    def is_open(self) -> bool:
        """Whether the editor is shown."""
        return keys.get(keys.CORRECTING) == self.place

    def conversation(self) -> Conversation:
        """The row with what is in force."""
        split = opened(self.path).train_split
        return conversation_of(split, split.position(self.row), self.target)


def correct_button(correcting: Correcting) -> None:
    """Opens the editor, or closes it."""
    st.button(
        "Correct",
        key=f"correct-{correcting.key}",
        icon=":material/edit:",
        type="primary" if correcting.is_open else "secondary",
        help=f"Correct what {plain_label(correcting.row)} says",
        on_click=keys.put,
        args=(keys.CORRECTING, None if correcting.is_open else correcting.place),
    )


def show_editor(correcting: Correcting) -> None:
    """The editor, where it is open."""
    if not correcting.is_open:
        return
    conversation = correcting.conversation()
    with st.container(border=True, gap="small", key=f"editor-{correcting.key}"):
        turn = _ask_turn(conversation, correcting.place)
        try:
            target = _ask_changes(conversation, turn, f"{correcting.place}-{turn.number}")
        except InputError as error:
            show(tag("p", str(error), cls="fw-wrong"))
            target = None
        _ask_store(correcting, target)


def _ask_turn(conversation: Conversation, place: str) -> Turn:
    """Which turn: the last one that is learnt, unless another is chosen."""
    turns = {each.number: each for each in conversation.turns}
    first = conversation.learnt[-1].number if conversation.learnt else conversation.turns[-1].number
    if len(turns) == 1:
        return turns[first]
    titles = distinct([turn_title(each) for each in turns.values()], LONGEST_TITLE)
    numbers = list(turns)
    st.selectbox(
        "Turn",
        numbers,
        index=numbers.index(first),
        format_func=lambda number: titles[turn_title(turns[number])],
        key=f"turn-{place}",
    )
    return turns[keys.get(f"turn-{place}", first)]


def _ask_changes(conversation: Conversation, turn: Turn, place: str) -> Target:
    """The fields for one turn, and what they make of the target."""
    text, masked = None, None
    if turn.learnt:
        text = _ask_text(turn, place)
        masked = _ask_masked(turn, text, place)
    else:
        show(tag("p", short(turn.text, 2_000), cls="fw-text", dir="auto"))
        st.caption("Not learnt: the model only reads this turn.")
    gone = turn.number in conversation.removed
    if conversation.chat:
        st.checkbox(OUT, value=gone, key=f"out-{place}")
        gone = bool(keys.get(f"out-{place}", gone))
    return corrected(conversation, turn.number, text, masked, gone)


def _ask_text(turn: Turn, place: str) -> str:
    """What the turn should say, and what that changes."""
    st.text_area("What it should say", value=turn.text, key=f"text-{place}", height=HEIGHT)
    text = keys.get(f"text-{place}", turn.text) or ""
    if text != turn.text:
        st.caption("What changes")
        show(diff_view(turn.text, text))
    return text


def _ask_masked(turn: Turn, text: str, place: str) -> Sequence[tuple[int, int]]:
    """Which words are out of the loss; parts of words that were so stay so until words are marked."""
    kept = carried(turn.masked, turn.text, text)
    st.caption("Words out of the loss: marked words are read, but not learnt.")
    name, key = "words that can be taken out of the loss", f"{place}-{digest(text)}"
    marked = mark_words(text, key, name, "out of the loss", kept)
    return kept if marked == spans_of(text, words_within(text, kept)) else marked


def _ask_store(correcting: Correcting, target: Target | None) -> None:
    stored = "" if target is None else target.text()
    changed = target is not None and stored != correcting.target
    reason = f"reason-{correcting.place}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Reason", key=reason, max_chars=500, placeholder="optional, kept in the log")
        st.button(
            "Store",
            # Named by what is stored: a click can't store what was typed since the change was shown.
            key=f"store-{correcting.place}-{digest(stored)}",
            type="primary",
            icon=":material/check:",
            disabled=not changed,
            on_click=_store,
            args=(correcting, stored, reason),
        )
        st.button("Close", key=f"close-{correcting.place}", on_click=keys.put, args=(keys.CORRECTING, None))


def _store(correcting: Correcting, stored: str, reason: str) -> None:
    decide(
        correcting.path,
        "relabel",
        correcting.row,
        correcting.seen,
        stored,
        correcting.then,
        correcting.note,
        reason=(keys.get(reason) or "").strip(),
    )
    keys.put(keys.CORRECTING, None)
