"""A training row with its words coloured by their influence on the eval rows that the model gets wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from backend.data.examples import FIELD_NAMES
from backend.workspace import Workspace
from pages.components.highlight import Painter
from pages.components.markup import show, tag
from pages.components.numbers import Unit
from pages.components.row_card import SHOWN_TEXT, RowCard
from pages.components.scale import ColourScale
from pages.components.workspaces import version, working

if TYPE_CHECKING:  # torch is imported when there is something to compute
    from backend.audit.words import RowWords


def show_row_words(workspace: Workspace, card: RowCard) -> None:
    """The texts with their words marked, and what they add up to."""
    found = _row_words(str(workspace.path), version(workspace), card.row, words_score(workspace))
    unit = Unit.of([found.score, found.special, *(word.score for word in found.words)])
    painter = Painter(ColourScale.of(abs(word.score) for word in found.words), unit)
    for field, text in zip(FIELD_NAMES, card.texts, strict=False):
        words = [word for word in found.words if word.field == field]
        show(painter.text(text, words, limit=SHOWN_TEXT))
    way = "raised" if found.score < 0 else "lowered"
    line = (
        f"All together {unit.signed(found.score)} {unit.name}".strip()
        + f": training on this row {way} the loss of the eval rows that the model gets wrong; "
        f"special tokens carry {unit.signed(found.special)} of it. "
        "A dashed underline is harm, a solid one help."
    )
    show(tag("p", line, cls="fw-muted"))


def words_score(workspace: Workspace) -> str:
    """The score mode that the table of words was made with: a row's words are shown in the same."""
    return str(workspace.manifest.artifacts["words"].details["score"])


@st.cache_data(max_entries=100, show_spinner="Tracing the eval rows that the model gets wrong …")
def _row_words(path: str, artifacts: str, row: str, score: str) -> RowWords:
    with working(Path(path)) as workspace:
        return workspace.audit.row_words(row, score=score)
