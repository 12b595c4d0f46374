"""Rows as plain texts: what a search, or a look at how long they are, reads of them."""

from __future__ import annotations

from backend.data.conversation_text import plain_texts
from backend.data.examples import Examples


def readable(rows: Examples) -> Examples:
    """The rows; those of language models as one text each: all that is said in them, learnt or not."""
    return rows if rows.reading is None else Examples((plain_texts(rows),), rows.targets)
