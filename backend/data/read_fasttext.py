"""Reading fastText's lines: labels with their prefix, then the text."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from backend.data.first_look import Look, stopping_at_damage
from backend.data.label_variants import FASTTEXT_PREFIX
from backend.data.read_jsonl import exact_column
from backend.data.rejected import Rejected, Rejections
from backend.data.rows import Rows
from backend.data.stream import open_source
from backend.errors import InputError

BOM = b"\xef\xbb\xbf"
LABEL, TEXT = "label", "text"
_LOOKED_AT = 100  # lines


def read_fasttext(path: Path, name: str, rejections: Rejections, limit: int, most: int | None = None) -> Rows:
    """Rows with the columns ``label`` (without the prefix; a list where a line has several) and ``text``.

    Blank lines are not rows, a line without a label has none. Lines that are not UTF-8 are broken ones.
    `InputError` where none of the first lines begins with a label. ``most``: only so many rows.
    """
    labels: list[str | list[str] | None] = []
    texts: list[str] = []
    numbers: list[int] = []
    looking: AbstractContextManager[Look] = (
        stopping_at_damage(texts) if most is not None else nullcontext(Look())
    )
    with open_source(path, name, limit) as stream, looking as look:
        for number, line in enumerate(stream, start=1):
            content = line.removeprefix(BOM) if number == 1 else line
            if not content.strip():
                continue
            try:
                found, text = _split(content.decode().rstrip("\r\n"))
            except UnicodeDecodeError as error:
                why = f"byte {error.start + 1}: not UTF-8; save the file as UTF-8"
                rejections.broken(Rejected(name, number, None, why, unit="line"))
                continue
            labels.append(found[0] if len(found) == 1 else found or None)
            texts.append(text)
            numbers.append(number)
            if len(labels) == _LOOKED_AT:
                _check(name, labels)
            if len(labels) == most:
                break
    _check(name, list(islice(labels, _LOOKED_AT)))
    field, array = exact_column(LABEL, labels)
    schema = pa.schema([field, pa.field(TEXT, pa.string())])
    table = pa.Table.from_arrays([array, pa.array(texts, pa.string())], schema=schema)
    stopped = look.damaged or len(texts) == most
    return Rows(name, table, np.array(numbers, dtype=np.int64), unit="line", stopped=stopped)


def _check(name: str, labels: list[str | list[str] | None]) -> None:
    if not any(each is not None for each in labels):
        raise InputError(
            f"{name}: no line begins with {FASTTEXT_PREFIX}; a text file is read as fastText has it: "
            f"{FASTTEXT_PREFIX}NAME, a blank, the text"
        )


def _split(line: str) -> tuple[list[str], str]:
    """The labels at the beginning of a line, and the rest; of old files a comma stands between."""
    labels, rest = [], line
    while rest.lstrip().startswith(FASTTEXT_PREFIX):
        first, *behind = rest.split(maxsplit=1)
        labels.append(first.removeprefix(FASTTEXT_PREFIX).rstrip(","))
        rest = behind[0] if behind else ""
        if rest.startswith(", "):
            rest = rest[2:]
    return [each for each in labels if each], rest
