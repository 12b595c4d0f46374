"""Rows as plain texts: what a search, or a look at how long they are, reads of them."""

from __future__ import annotations

from backend.data.conversation import Conversation
from backend.data.examples import Examples


def readable(rows: Examples) -> Examples:
    """The rows; those of language models as one text each: all that is said in them, learnt or not."""
    if rows.reading is None:
        return rows
    found = map(Conversation.of, rows.fields[0], rows.targets)
    texts = ["\n".join(each.text for each in row.shown) for row in found]
    return Examples((texts,), rows.targets)
