"""A row for a language model as text to read: all that is said, what is learnt of it, or what is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from backend.data.conversation import Conversation, Turn
from backend.data.examples import Examples

BETWEEN = " → "
Side = Literal["all", "learnt", "read"]
"""Every turn; those that the model learns to write; the others."""


def readable(conversation: Conversation, side: Side = "all") -> str:
    """The turns of a side that the model reads, one below the other, each with its role: ``user: Hello``."""
    return "\n".join(f"{each.role}: {each.text}" for each in _of(conversation, side))


def plain_text(conversation: Conversation, side: Side = "all") -> str:
    """The texts of a side alone, one below the other: what methods search that know words only."""
    return "\n".join(each.text for each in _of(conversation, side))


def plain_texts(examples: Examples, side: Side = "all") -> list[str]:
    """`plain_text` of every example that has a target; of others than conversations their fields, one text.

    `ValueError` for a ``side`` of examples that are no conversations.
    """
    if examples.reading is not None:
        pairs = zip(examples.fields[0], examples.targets, strict=True)
        return [plain_text(Conversation.of(*each), side) for each in pairs]
    if side != "all":
        raise ValueError(f"{side!r} is of conversations")
    return examples.joined()


def _of(conversation: Conversation, side: Side) -> Sequence[Turn]:
    return [each for each in conversation.shown if side == "all" or each.learnt == (side == "learnt")]


def shown_target(target: str) -> str:
    """A target (`backend.data.conversation.Target`) without its JSON; what is none stays as it is.

    Behind the texts stands what was taken out: ``In 1412. (words out of the loss)``.
    """
    try:
        read = json.loads(target) if target[:1] in ("[", "{") else target
    except ValueError:
        return target
    if isinstance(read, str):
        return read
    texts = read.get("texts", []) if isinstance(read, dict) else read
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        return target
    notes = _taken_out(read) if isinstance(read, dict) else []
    shown = [each if each.strip() else "(no text)" for each in texts]  # such as a call of a tool
    return BETWEEN.join(shown) + (f" ({', '.join(notes)})" if notes else "")


def _taken_out(read: Mapping[str, Any]) -> list[str]:
    removed, masked = read.get("removed") or (), read.get("masked") or ()
    found = []
    if isinstance(removed, Sequence) and removed:
        found.append(f"turns taken out: {len(removed)}")
    if masked:
        found.append("words out of the loss")
    return found
