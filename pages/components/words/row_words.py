"""A training row with its words coloured by their influence on the eval rows that the model gets wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from backend.data.examples import FIELD_NAMES
from backend.workspace import Workspace
from pages.components.conversation.bubbles import Bubbles
from pages.components.conversation.shown_text import conversation_of, has_conversations
from pages.components.eval_errors import errors_said
from pages.components.highlight import Painter
from pages.components.markup import Html, join, show, tag
from pages.components.numbers import Unit
from pages.components.row_card import SHOWN_TEXT, RowCard
from pages.components.scale import ColourScale
from pages.components.words.word_side import INSTEAD, asked_side
from pages.components.workspaces import version, working

if TYPE_CHECKING:  # torch is imported when there is something to compute
    from backend.audit.row_words import RowWords


def show_row_words(workspace: Workspace, card: RowCard, side: str | None = None) -> None:
    """The texts with their words marked, and what they add up to. ``side``: of a language model, which."""
    found = _row_words(str(workspace.path), version(workspace), card.row, words_score(workspace), side)
    unit = Unit.of([found.score, found.special, *(word.score for word in found.words)])
    painter = Painter(ColourScale.of(abs(word.score) for word in found.words), unit)
    show(_drawn(workspace, card, found, painter))
    way = "raised" if found.score < 0 else "lowered"
    special = "template tokens" if side else "special tokens"
    line = (
        f"All together {unit.signed(found.score)} {unit.name}".strip()
        + f": training on this row {way} the loss of {errors_said(workspace)}; "
        f"{special} carry {unit.signed(found.special)} of it. "
        "A dashed underline is harm, a solid one help."
    )
    show(tag("p", line, cls="fw-muted"))


def _drawn(workspace: Workspace, card: RowCard, found: RowWords, painter: Painter) -> Html:
    if has_conversations(workspace):
        conversation = conversation_of(workspace.train_split, card.place)
        return Bubbles(painter, folds=True).draw(conversation, found.words)
    return join(
        painter.text(text, [word for word in found.words if word.field == field], limit=SHOWN_TEXT)
        for field, text in zip(FIELD_NAMES, card.texts, strict=False)
    )


def words_score(workspace: Workspace) -> str:
    """The score mode that the table of words was made with: a row's words are shown in the same."""
    return str(workspace.manifest.artifacts["words"].details["score"])


@st.cache_data(max_entries=100, show_spinner="Tracing the eval rows that the words are about …")
def _row_words(path: str, artifacts: str, row: str, score: str, side: str | None) -> RowWords:
    from backend.audit.row_words import Sides

    asked = None if side is None else Sides(asked_side(side), side.startswith("template"), side == INSTEAD)
    with working(Path(path)) as workspace:
        return workspace.audit.row_words(row, score=score, sides=asked)
