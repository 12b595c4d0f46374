"""The way to another row of the Inspect page."""

from __future__ import annotations

from pages.components import keys


def go_to(split: str, row: str) -> None:
    """In a callback: show this row, whatever was searched before."""
    keys.put(keys.WHAT, split)
    keys.put(keys.ONLY_ERRORS, False)
    keys.put(keys.SEARCH, "")
    keys.put(keys.ROW, row)
