"""What each column of a source probably is: a first guess, which the user corrects."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from backend.data.conversations import recognised
from backend.data.nested import dug, paths
from backend.data.rows import Rows
from backend.data.splits import TEST, TRAIN, VALIDATION

_TEXT = ("text", "sentence", "sentence1", "premise", "question", "question1", "review", "content", "comment")
_TEXT_B = ("text_b", "text2", "sentence2", "hypothesis", "question2", "answer", "second_text")
_LABEL = ("label", "labels", "class", "category", "target", "sentiment", "coarse_label", "y")
_ID = ("id", "idx", "guid", "uuid", "row_id", "key")
_SPLIT = ("split", "set", "subset", "partition")
_GROUP = ("group", "source", "domain", "topic", "origin", "annotator")
# How annotation tools write a label: Label Studio; Argilla's records, flat or not; doccano's first version.
_TOOLS = (
    r".*\.value\.choices",
    r"responses\.[^.]+\.value",
    r"[^.]+\.responses",
    r"annotations?\.(label|choices)",
)
# Fields of them that are no labels or texts of the data.
_NOT_MEANT = ("predictions.", "suggestions.", "meta.", "metadata.", "vectors.", "drafts.")
_ROLES = ("messages", "prompt", "completion", "system", "tools")  # of a row for a language model
_LOOKED_AT = 200  # rows
_EXAMPLES = 20  # rows whose objects are looked into
_DISTINCT = 0.95  # different values per row: an id has more, and a few doubles are better said than hidden
_FEW = 0.5  # different values per row: a label has fewer


@dataclass(frozen=True)
class Guess:
    """Column names; None where no column looks like it."""

    text: str | None = None
    text_b: str | None = None
    label: str | None = None
    id: str | None = None
    split: str | None = None
    group: str | None = None
    messages: str | None = None
    prompt: str | None = None
    completion: str | None = None
    system: str | None = None
    tools: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """Plain values for a program."""
        return asdict(self)


def guess_columns(rows: Rows) -> Guess:
    """By name first; where no name says which, the text has the longest cells and the label few values.

    Rows for language models have columns of their own in the place of these two.
    """
    free = columns_of(rows)
    chats = recognised({name: rows.head(name) for name in rows.table.column_names})
    if chats is not None:
        roles = {name: getattr(chats, name) for name in _ROLES}
        for name in set(roles.values()) & free.keys():
            del free[name]
        split, row_id = _take(free, _split(free)), _take(free, _id(free))
        return Guess(id=row_id, split=split, group=_named(free, _GROUP), **roles)
    tool = _take(free, _labelled_by_tool(free))
    single = [name for name, cells in free.items() if not any(isinstance(each, list) for each in cells)]
    text = _take(free, _named(single, _TEXT) or _named(single, _TEXT, last=True) or _longest(free))
    text_b = _take(free, _named(free, _TEXT_B))
    split = _take(free, _split(free))
    row_id = _take(free, _id(free))
    label = tool or _named(free, _LABEL) or _named(free, _LABEL, last=True) or _fewest(free)
    if tool is None:
        _take(free, label)
    return Guess(text, text_b, label, row_id, split, _named(free, _GROUP))


def columns_of(rows: Rows) -> dict[str, list[Any]]:
    """The cells of every column; of objects, those of their fields under dotted names."""
    found: dict[str, list[Any]] = {}
    for name in rows.table.column_names:
        cells = rows.values(name)[:_LOOKED_AT]
        inner = dict.fromkeys(each for cell in cells[:_EXAMPLES] for each, _ in paths(cell, name))
        for each in inner:
            if each == name:
                found[name] = cells
            elif not each.startswith(_NOT_MEANT):
                found[each] = [dug(cell, each.removeprefix(f"{name}.").split(".")) for cell in cells]
    return found


def _labelled_by_tool(columns: Collection[str]) -> str | None:
    return next((name for form in _TOOLS for name in columns if re.fullmatch(form, name)), None)


def _take(free: dict[str, list[Any]], name: str | None) -> str | None:
    if name is not None:
        del free[name]
    return name


def _named(columns: Collection[str], names: tuple[str, ...], last: bool = False) -> str | None:
    """The column that has one of these names, or with ``last`` whose dotted name ends so."""
    plain = {
        (column.rpartition(".")[2] if last else column).strip().lower(): column
        for column in reversed(list(columns))
    }
    return next((plain[name] for name in names if name in plain), None)


def _longest(columns: dict[str, list[Any]]) -> str | None:
    texts = {n: sum(map(len, v)) for n, v in columns.items() if v and all(isinstance(c, str) for c in v)}
    return max(texts, key=lambda name: texts[name], default=None)


def _fewest(columns: dict[str, list[Any]]) -> str | None:
    counts = {name: len(set(map(str, cells))) for name, cells in columns.items()}
    few = {name: n for name, n in counts.items() if 2 <= n <= max(_FEW * len(columns[name]), 2)}
    return min(few, key=lambda name: few[name], default=None)


def _id(columns: dict[str, list[Any]]) -> str | None:
    name = _named(columns, _ID)
    if name is None or len(set(map(str, columns[name]))) < _DISTINCT * len(columns[name]):
        return None
    return name


def _split(columns: dict[str, list[Any]]) -> str | None:
    name = _named(columns, _SPLIT)
    known = {*TRAIN, *VALIDATION, *TEST}
    return name if name and all(str(each).strip().lower() in known for each in columns[name]) else None
