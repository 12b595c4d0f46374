"""Columns named with dots: what lies inside objects and lists, as annotation tools write their files.

``review.text`` is the field ``text`` of the objects in column ``review``. Of a list, every element is looked
into, or the one of a given place (``annotations.0.label``), or those that are called so by the tool
(``annotations.result.sentiment.value.choices``: Label Studio's ``from_name``). One value that is found, even
several times, is the value; several stay a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from backend.data.columns import Columns
from backend.data.read_jsonl import exact_column
from backend.data.rows import Rows, is_json

DEEPEST = 8
_NAMES = ("from_name",)
_DROPPED = ("draft", "discarded")  # what Argilla says of a response that does not count


def with_nested(rows: Rows, columns: Columns) -> Rows:
    """``rows`` with a column for every name in ``columns`` that leads into another column."""
    table, made = rows.table, []
    for name in dict.fromkeys(columns.named):
        found = place_of(name, table.column_names)
        if found is None or not _holds_objects(rows.field(found[0])):
            continue
        column, path = found
        values = [dug(value, path) for value in rows.values(column)]
        if name in columns.texts:
            values = [_text(value) for value in values]
        field, array = exact_column(name, values)
        table = table.append_column(field, array)
        made.append(name)
    return replace(rows, table=table, derived=tuple(made)) if made else rows


def _text(value: Any) -> str | None:
    """The text, or the only one of a list; None for what is none."""
    if isinstance(value, list) and len(value) == 1:
        return _text(value[0])
    return value if isinstance(value, str) else None


def place_of(name: str, there: Sequence[str]) -> tuple[str, list[str]] | None:
    """The longest column that a dotted name begins with, and the path in it; None for plain names."""
    if name in there:
        return None
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        column = ".".join(parts[:count])
        if column in there:
            return column, parts[count:]
    return None


def dug(value: Any, path: Sequence[str]) -> Any:
    """What lies at ``path`` in a value: None for nothing, the value if there is one, else the list of all."""
    found = [each for each in _leaves(value, path) if each is not None]
    distinct = [each for i, each in enumerate(found) if each not in found[:i]]
    return distinct[0] if len(distinct) == 1 else distinct or None


def planted(value: Any, path: Sequence[str], write: Callable[[Any], Any]) -> Any:
    """A copy of ``value`` with what ``write`` makes of each leaf that `dug` finds, empty ones left alone."""
    if not path:
        return write(value) if value is not None else None
    key, *rest = path
    if isinstance(value, dict):
        return {**value, key: planted(value[key], rest, write)} if key in value else value
    if isinstance(value, list):
        chosen = _chosen(value, key)
        if chosen is None:
            return [planted(each, path, write) if _counts(each) else each for each in value]
        return [planted(each, rest, write) if i in chosen else each for i, each in enumerate(value)]
    return value


def paths(value: Any, name: str, depth: int = DEEPEST) -> Iterator[tuple[str, Any]]:
    """The dotted names of all that is no object inside a value, and what lies there first."""
    if isinstance(value, dict) and value and depth:
        for key, inner in value.items():
            yield from paths(inner, f"{name}.{key}", depth - 1)
    elif isinstance(value, list) and value and isinstance(value[0], dict) and depth:
        yield from paths(value[0], name, depth - 1)
    else:
        yield name, value


def _leaves(value: Any, path: Sequence[str]) -> Iterator[Any]:
    if not path:
        yield value
        return
    key, *rest = path
    if isinstance(value, dict):
        yield from _leaves(value.get(key), rest)
    elif isinstance(value, list):
        chosen = _chosen(value, key)
        for i, each in enumerate(value):
            if chosen is None and _counts(each):
                yield from _leaves(each, path)
            elif chosen is not None and i in chosen:
                yield from _leaves(each, rest)


def _chosen(elements: list[Any], key: str) -> set[int] | None:
    """The places of the elements that ``key`` means: its number, or those called so; None for all of them."""
    if key.isdecimal():
        return {int(key)}
    named = {
        i
        for i, each in enumerate(elements)
        if isinstance(each, dict) and key not in each and key in [each.get(name) for name in _NAMES]
    }
    return named or None


def _counts(element: Any) -> bool:
    """Whether an annotation counts: it was not cancelled, discarded or left a draft."""
    if not isinstance(element, dict):
        return True
    return not element.get("was_cancelled") and element.get("status") not in _DROPPED


def _holds_objects(field: pa.Field) -> bool:
    kind = field.type
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    return is_json(field) or pa.types.is_struct(kind) or kind != field.type
