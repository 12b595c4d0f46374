"""Which words of an answer are asked about: which answer of several, marks in it, instead of what."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from backend.data.conversation import Turn
from backend.workspace import Workspace
from pages.components import keys
from pages.components.conversation.correction import turn_title
from pages.components.conversation.marking import mark_words
from pages.components.conversation.shown_text import conversation_of
from pages.components.markup import distinct

ALL = -1
LONGEST_TITLE = 70
Marks = tuple[tuple[int, int], ...]


def answers_of(workspace: Workspace, split: str, row: str) -> dict[int, Turn]:
    """The answers of a row that are learnt and say something, by number of the turn."""
    rows = workspace.split(split)  # type: ignore[arg-type]
    conversation = conversation_of(rows, rows.position(row))
    return {each.number: each for each in conversation.shown if each.learnt and each.text.strip()}


def ask_marks(turns: Mapping[int, Turn], place: str) -> tuple[Turn | None, Marks]:
    """The answer, None for all of several, and the characters marked in it; ``place`` names the question."""
    turn = _ask_turn(turns, place)
    if turn is None:
        return None, ()
    st.caption("Which words? Mark some; without a mark the whole answer is asked about.")
    return turn, tuple(mark_words(turn.text, f"{place}-{turn.number}", "words of the answer", "asked about"))


def ask_instead(turn: Turn | None, marks: Marks, place: str) -> str | None:
    """What might stand there; only one mark, or the whole answer, can be held against something else."""
    can = turn is not None and len(marks) < 2
    st.text_input(
        "Rather than" if can else "Rather than (needs one answer and at most one mark)",
        key=f"instead-{place}",
        disabled=not can,
        max_chars=2_000,
        placeholder="optional: what it should have said there",
        help="Why this and not that: the loss of the answer, less the loss of what you type here.",
    )
    return (keys.get(f"instead-{place}") or "").strip() or None if can else None


def number_asked(
    turns: Mapping[int, Turn], turn: Turn | None, marks: Marks, instead: str | None
) -> int | None:
    """The turn that a question about a row names; None where its answers are asked about as they are."""
    return None if turn is None or (len(turns) == 1 and not marks and not instead) else turn.number


def _ask_turn(turns: Mapping[int, Turn], place: str) -> Turn | None:
    """The one answer, or the one chosen of several; None: all of them."""
    if len(turns) == 1:
        return next(iter(turns.values()))
    titles = distinct([turn_title(each) for each in turns.values()], LONGEST_TITLE)
    st.selectbox(
        "Answer",
        [ALL, *turns],
        index=len(turns),
        format_func=lambda number: (
            f"all {len(turns)} answers" if number == ALL else titles[turn_title(turns[number])]
        ),
        key=f"answer-{place}",
    )
    return turns.get(keys.get(f"answer-{place}", next(reversed(turns))))
