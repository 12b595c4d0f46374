"""What can be noticed in texts (no word, HTML, too long, ...) and in columns (running numbers)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from backend.data.examples import Examples
from backend.data.label_remarks import spreadsheet_errors
from backend.data.remark import Place, Remark, count_of, of_rows
from backend.data.rows import Rows

_BYTES_OF_TOKEN = 6  # at most, mostly
WORDS_TO_TOKENS = 1.3  # pieces a word, about: used where no tokenizer is at hand
_HTML = re.compile(
    r"&(?:[a-zA-Z]{2,8}|#\d{2,6}|#[xX][0-9a-fA-F]{2,6});|</?(?:br|p|div|span|a|b|i|em|strong|li|ul|img)\b[^<>]{0,200}>"
)


class Tokens(Protocol):
    """How a model cuts texts, as far as it is known without loading the model."""

    limit: int

    def longer(self, rows: Examples) -> tuple[list[int], float]:
        """Places of the rows that have more tokens than ``limit``; the share that was looked at."""

    def without_own(self, texts: Sequence[str]) -> list[int]:
        """Places of the texts of which the model sees special or unknown tokens only."""


def text_remarks(rows: Examples, place: Place, tokens: Tokens | None) -> list[Remark]:
    """HTML, spreadsheet errors, texts without a token of their own, each with count and first row."""
    texts = rows.fields[0]
    n, html = len(texts), [i for i, text in enumerate(texts) if _has_html(text)]
    found = []
    if html:
        match = _HTML.search(texts[html[0]])
        example = f", such as {match[0][:20]!r}" if match else ""
        verb = "holds" if len(html) == 1 else "hold"
        found += of_rows(
            "HTML",
            f"{len(html):,} of {count_of(n, 'text')} {verb} HTML entities or tags{example}",
            html,
            place,
        )
    broken = spreadsheet_errors(texts)
    found += of_rows(
        "spreadsheet error",
        f"{count_of(len(broken), 'text')}: what a spreadsheet shows for an error",
        broken,
        place,
    )
    if len(rows.fields) == 1:
        bare = [i for i, text in enumerate(texts) if not any(map(str.isalnum, text))]
        what = "of punctuation or signs only"
        if tokens is not None:
            bare = sorted({*(bare[i] for i in tokens.without_own([texts[i] for i in bare]))})
            what = "of which the model sees no token of its own"
        found += of_rows("no token", f"{count_of(len(bare), 'text')} {what}", bare, place)
    return found


def length_remarks(rows: Examples, place: Place, tokens: Tokens | None, limit: int) -> list[Remark]:
    """How many texts are longer than ``limit`` tokens: counted with ``tokens``, else guessed from words."""
    share = 1.0
    if tokens is not None:
        long, share = tokens.longer(rows)
        how = f"longer than {tokens.limit:,} tokens, and will be cut"
    else:
        guessed = [sum(map(_guessed, row)) for row in zip(*rows.fields, strict=True)]
        long = [i for i, size in enumerate(guessed) if size > limit]
        how = f"probably longer than {limit:,} tokens (guessed from words), and would be cut"
    count = round(len(long) / share)
    number = f"{count:,}" if share == 1 else f"about {count:,}"
    found = of_rows("too long", f"{number} of {count_of(len(rows), 'text')} {how}", long, place)
    return [replace(each, count=count) for each in found]


def _guessed(text: str) -> float:
    """Tokens of a text: a word has so many; scripts without blanks have one for two letters at least."""
    return max(len(text.split()) * WORDS_TO_TOKENS, len(text.encode("utf-8", "replace")) / _BYTES_OF_TOKEN)


def column_remarks(rows: Rows, row_id: str | None) -> list[Remark]:
    """Columns that number the rows, and whether they can serve as id."""
    found = []
    for name in rows.table.column_names:
        if name in rows.derived:
            continue
        start = _running_from(rows, name)
        if start is None:
            continue
        what = f"column {name!r} numbers the rows from {start} on"
        named = bool(name.strip()) and not name.lower().startswith("unnamed")
        if name == row_id:
            text = f"{what}: as id it stays right only while rows keep their order"
        elif named:
            text = f"{what}: usable as --id {name}, if other files number on"
        else:
            text = f"{what}: an index that was saved along, no id"
        found.append(Remark("running number", text, len(rows)))
    return found


def _running_from(rows: Rows, name: str) -> int | None:
    """0 or 1 where the cells of a column count on from there, else None."""
    if len(rows) < 3:
        return None
    values = rows.table.column(name)
    try:
        first = int(values[0].as_py())
        if first not in (0, 1) or int(values[len(rows) - 1].as_py()) - first < len(rows) - 1:
            return None
        numbers = np.array([int(each) for each in values.to_pylist()], dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        return None
    return first if bool((np.diff(numbers) >= 1).all()) and numbers[-1] - first == _last(rows) else None


def _last(rows: Rows) -> int:
    """What the last row's number is, counted from 0: rows that were left out count, too."""
    return int(rows.numbers[-1]) - 1 if rows.unit != "line" else len(rows) - 1


def _has_html(text: str) -> bool:
    return ("&" in text or "<" in text) and _HTML.search(text) is not None
