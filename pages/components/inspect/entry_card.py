"""A training example with its influence: numbers, both texts, words, decisions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from backend.data.examples import FIELD_NAMES
from backend.data.rowstate import RowState
from backend.influence.answers.explanation import Entry, Query
from pages.components.badges import badge, copy_badge, decision_badge, label_badge
from pages.components.conversation.answer_view import entry_view
from pages.components.decision_bar import decision_bar
from pages.components.highlight import LONG, Painter
from pages.components.markup import Html, join, short, show, tag
from pages.components.pair.pair_dialog import offer_pair
from pages.components.pair.pair_question import can_be_paired
from pages.components.word_rows import mostly_special, special_name
from pages.components.word_table import word_table
from pages.components.workspaces import Asked

QUERY_WINDOW = 260


@dataclass(frozen=True)
class Cards:
    """Draws the entries of one explanation."""

    path: Path
    query: Query
    painter: Painter
    states: dict[str, RowState]
    classes: tuple[str, ...]
    asked: Asked
    has_words: bool = True
    with_query: bool = True

    def show(self, entry: Entry, side: str) -> None:
        """One card; ``side`` tells the two lists apart."""
        state = self.states.get(entry.id)
        with st.container(border=True, gap="small"):
            show(self._head(entry, state))
            show(self._texts(entry, state))
            key = f"{side}-{entry.rank}"
            pair = (
                partial(offer_pair, self.asked, entry.id, key) if can_be_paired(self.asked.method) else None
            )
            decision_bar(self.path, entry.id, entry.label, state, self.classes, key, more=pair)

    def _head(self, entry: Entry, state: RowState | None) -> Html:
        sign = "fw-plus" if entry.score > 0 else "fw-minus"
        parts = [
            tag("span", f"{entry.rank}", cls="fw-rank"),
            tag("span", self.painter.unit.signed(entry.score), cls=f"fw-score {sign}"),
            tag(
                "span",
                _percentile(entry),
                cls="fw-muted",
                title="share of training examples with a lower score",
            ),
            tag("span", cls="fw-spring"),
            join(()) if entry.fields else label_badge(entry.label, "labelled"),
        ]
        if copy := entry.copy_words(self.query.given):
            parts.append(copy_badge(copy))
        if entry.truncated:
            parts.append(badge("cut off", "plain", "the model reads only the beginning of this text"))
        if state is not None:
            parts.append(decision_badge(state, bool(entry.fields)))
        return tag("div", *parts, cls="fw-head")

    def _texts(self, entry: Entry, state: RowState | None) -> Html:
        if entry.fields:
            return self._conversation(entry, state)
        training = _pair(self.painter, (entry.text, entry.text_b), entry, "fw-text", LONG)
        query = _pair(self.painter, (self.query.text, self.query.text_b), entry, "fw-pair", QUERY_WINDOW)
        gone = "fw-gone" if state is not None and state.action == "remove" else None
        if not self.has_words:
            return tag("div", training, cls=gone)
        return tag(
            "div",
            tag("div", training, cls=gone),
            self._special(entry),
            tag("div", tag("div", "in the query", cls="fw-caption"), query, cls="fw-pairbox")
            if self.with_query
            else "",
            word_table(entry, self.painter.unit),
        )

    def _conversation(self, entry: Entry, state: RowState | None) -> Html:
        gone = "fw-gone" if state is not None and state.action == "remove" else None
        drawn = entry_view(entry, self.query, self.painter, self.has_words and self.with_query)
        table = word_table(entry, self.painter.unit) if self.has_words else ""
        return tag("div", tag("div", drawn, cls=gone), table)

    def _special(self, entry: Entry) -> Html:
        if not mostly_special(entry):
            return join(())
        line = f"carried by {special_name(entry, '/')}: {self.painter.unit.signed(entry.special)}"
        return tag("div", short(line, 200), cls="fw-muted fw-carried")


def _pair(painter: Painter, texts: tuple[str, str | None], entry: Entry, cls: str, limit: int) -> Html:
    """The text, or both texts of a pair, of the training example or (class fw-pair) of the query."""
    words = entry.query_words if cls == "fw-pair" else entry.words
    fields = zip(FIELD_NAMES, texts, strict=True)
    return join(
        painter.text(text, [word for word in words if word.field == name], cls, limit)
        for name, text in fields
        if text is not None
    )


def _percentile(entry: Entry) -> str:
    value = min(entry.percentile, 99.99) if entry.percentile < 100 else 100.0
    return f"percentile {value:.2f}".rstrip("0").rstrip(".")
