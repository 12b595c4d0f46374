"""What separates the cells of a file: as its name says, unless its first lines plainly say otherwise."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import islice

from backend.data.messages import shown_value

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 200  # records
_BYTES = 1 << 18
_SENTENCE = 8  # words of a name of a column, from which on it reads like a text
_MOSTLY = 0.9  # of the records, where the usual delimiter splits nothing: a few may be broken
_TOLD = re.compile(rb"(?:\xef\xbb\xbf)?sep=([,;|\t])[ \t]*\r?\n", re.IGNORECASE)


def find_delimiter(stream: io.BufferedReader, usual: str) -> tuple[str, int]:
    """The delimiter, and how many lines were read to know it: one, where the first is ``sep=;`` (Excel's).

    Another than the ``usual`` one is taken only where it splits header and records alike into two cells or
    more, and the usual one does not: semicolons in the texts of a file with commas do no harm.
    """
    start = stream.peek(_BYTES)[:_BYTES]
    told = _TOLD.match(start)
    if told is not None:
        stream.readline()
        return told[1].decode(), 1
    text = start.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    if not text.endswith("\n") and text.count("\n") > 1:  # the last line may be cut off
        text = text.rpartition("\n")[0] + "\n"
    fits = {each: _fit(text, each) for each in DELIMITERS}
    columns, share = fits.pop(usual)
    needed = _MOSTLY if columns < 2 else 1.0
    others = [each for each, (width, fit) in fits.items() if width > 1 and fit >= needed]
    if (columns > 1 and share == 1) or not others:
        return usual, 0
    return max(others, key=lambda each: (fits[each][1], fits[each][0])), 0


def _fit(text: str, delimiter: str) -> tuple[int, float]:
    """Into how many cells the header is split, and which share of the records below it are so, too."""
    widths = [len(cells) for cells in _records(text, delimiter) if cells]
    if not widths:
        return 0, 0.0
    return widths[0], sum(width == widths[0] for width in widths) / len(widths)


def _records(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: list[list[str]] = []
    try:
        for cells in islice(reader, LOOKED_AT):
            found.append(cells)
    except csv.Error as error:
        # Where the text was cut off within quotes, what came before counts.
        return found if "unexpected end" in str(error) and len(found) > 1 else []
    return found


def looks_like_data(header: Sequence[str], columns: Sequence[Sequence[str]]) -> str | None:
    """Why a header is probably a row of data, in which the file has no header; None where it is not.

    ``columns``: the cells below each name, of the first rows.
    """
    for name, cells in zip(header, columns, strict=True):
        filled = [each for each in cells if each.strip()]
        if len(filled) < 2 or not name.strip():
            continue
        if name.startswith("__label__"):
            return f"{shown_value(name)} is a label"
        if name in filled and len(set(filled)) <= max(2, len(filled) // 2):
            return f"{shown_value(name)} stands below it too"
        if _is_number(name) and all(map(_is_number, filled)):
            return f"{shown_value(name)} is a number, as all below it"
        sentence = len(name.split()) >= _SENTENCE and not name.rstrip().endswith(("?", ":"))
        if sentence and _typical(len(name), [len(each) for each in filled]):
            return f"{shown_value(name)} is as long as the texts below it"
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _typical(size: int, sizes: Sequence[int]) -> bool:
    return min(sizes) / 2 <= size <= 2 * max(sizes) and sum(sizes) / len(sizes) <= 4 * size
