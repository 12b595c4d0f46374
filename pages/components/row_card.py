"""A training row as a card: what it is, its text, what was decided, the buttons to decide."""

from __future__ import annotations

import re
from pathlib import Path

from backend.data.rowstate import RowState
from backend.workspace import Workspace
from pages.components.badges import badge, decision_badge
from pages.components.conversation.row_view import row_view, target_badge
from pages.components.conversation.shown_text import has_conversations
from pages.components.decision_bar import decision_bar
from pages.components.markup import Html, join, short, show, tag

SHOWN_TEXT = 1_200


def marked(text: str, word: str) -> Html:
    """A text in which a whole word is marked, wherever it stands."""
    if not word:
        return join([text])
    parts = re.split(rf"(?<!\w)({re.escape(word)})(?!\w)", text, flags=re.IGNORECASE)
    return join(tag("b", part, cls="fw-found") if place % 2 else part for place, part in enumerate(parts))


def _text(text: str, word: str) -> Html:
    return tag("div", marked(short(text, SHOWN_TEXT), word), cls="fw-text", dir="auto")


class RowCard:
    """One training row; `InputError` if there is none of that id."""

    def __init__(self, workspace: Workspace, row: str, state: RowState | None) -> None:
        split = workspace.train_split
        place = split.position(row)
        self.row, self.place, self.state = row, place, state
        self.label = split.labels[place]
        self._split = split
        self.texts = split.texts_of(place)
        self._path: Path = workspace.path
        self._classes = workspace.manifest.classes
        self._group = split.groups[place] if split.groups else None

    def head(self, *first: Html) -> None:
        """A line: ``first``, the id, label, group and decision."""
        show(
            tag(
                "div",
                *first,
                tag("span", short(self.row), cls="fw-mono"),
                tag("span", cls="fw-spring"),
                target_badge(self._split, self.label, "labelled"),
                badge(short(self._group), "plain", "group") if self._group else tag("span"),
                decision_badge(self.state, has_conversations(self._split)),
                cls="fw-head",
            )
        )

    def text(self, word: str = "") -> None:
        """The text, both of a pair, or the conversation; where ``word`` stands in it it is marked."""
        target = self.state.label if self.state is not None else None
        show(tag("div", row_view(self._split, self.place, target, lambda text: _text(text, word), word)))

    def bar(self, key: str) -> None:
        """The buttons to decide and to inspect."""
        decision_bar(self._path, self.row, self.label, self.state, self._classes, key, elsewhere=True)
