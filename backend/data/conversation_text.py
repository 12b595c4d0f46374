"""A row for a language model as text to read: all that is said, what is learnt of it, or what is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from backend.data.conversation import Conversation, Turn
from backend.data.examples import Examples

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
