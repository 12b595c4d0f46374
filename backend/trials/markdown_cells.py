"""Texts of a data set in tables of Markdown."""

from __future__ import annotations


def cell(text: str) -> str:
    """A data set's text as a Markdown table cell: nothing in it starts markup or ends the cell."""
    flat = " ".join(text.split())
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#~$!" else each for each in flat)
