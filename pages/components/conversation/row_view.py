"""A row of any task drawn: its texts, or of a language model's row the conversation; and its target."""

from __future__ import annotations

import re
from collections.abc import Callable

from backend.data.conversation import Conversation
from backend.data.conversation_text import shown_target
from backend.data.dataset import Split
from backend.workspace import Workspace
from pages.components.badges import label_badge
from pages.components.conversation.bubbles import Bubbles
from pages.components.conversation.diff_view import diff_view
from pages.components.conversation.shown_text import conversation_of, has_conversations
from pages.components.conversation.turn_text import Span
from pages.components.markup import Html, join, short, tag

FOUND = "found"
_MOST_MARKS = 200


def row_view(
    split: Split,
    place: int,
    target: str | None = None,
    draw: Callable[[str], Html] | None = None,
    word: str = "",
) -> Html:
    """The row at a 0-based place. ``target``: the one in force. ``draw`` draws a text of other tasks.

    Of a conversation, ``word`` is marked wherever it stands as a whole word, letter case aside.
    """
    if has_conversations(split):
        conversation = conversation_of(split, place, target)
        return Bubbles(marks=marks_of(conversation, word), mark_as=FOUND).draw(conversation)
    drawn = draw or (lambda text: tag("div", text, cls="fw-text", dir="auto"))
    return join(drawn(each) for each in split.texts_of(place))


def marks_of(conversation: Conversation, word: str) -> dict[int, list[Span]]:
    """Where a word stands, by number of the turn."""
    if not word:
        return {}
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    return {
        each.number: [found.span() for found in list(pattern.finditer(each.text))[:_MOST_MARKS]]
        for each in conversation.turns
    }


def target_badge(of: Split | Workspace, target: str, prefix: str = "") -> Html:
    """A row's label; nothing of a conversation, whose target stands in its bubbles."""
    return tag("span") if has_conversations(of) else label_badge(target, prefix)


def target_change(of: Split | Workspace, old: str, new: str) -> Html:
    """From one target to another: two badges, or of a conversation what an edit changed."""
    if not has_conversations(of):
        return join([label_badge(old), join(["→"]), label_badge(new)])
    before, after = shown_target(old), shown_target(new)
    return tag("div", diff_view(short(before, 4_000), short(after, 4_000)), cls="fw-change")
