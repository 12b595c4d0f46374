"""Lists in cells: as such, or as text, in JSON or as Python (so pandas' CSV) writes them."""

from __future__ import annotations

import ast
import json
from typing import Any

_LONGEST = 10_000_000  # characters of a cell that is read as Python writes it


def listed(cell: Any) -> list[Any] | None:
    """The list that a cell is, or holds as text; None where it is no list."""
    if not isinstance(cell, str):
        return cell if isinstance(cell, list) else None
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    value = _of_json(text)
    if value is None and len(text) <= _LONGEST:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def in_form_of(cell: Any, value: list[Any] | None) -> Any:
    """A list written as a cell writes its own: `listed` gives it back."""
    if value is None or not isinstance(cell, str):
        return value
    return repr(value) if _of_json(cell) is None else json.dumps(value, ensure_ascii=False)


def _of_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
