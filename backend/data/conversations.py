"""Columns made for language models, which are not served yet: conversations, prompts with completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TURNS = (("role", "content"), ("from", "value"))  # of OpenAI and TRL, and of ShareGPT
_PAIRS = (("prompt", "completion"), ("prompt", "response"), ("instruction", "output"), ("prompt", "chosen"))
_LOOKED_AT = 20  # rows
_NOT_YET = "models that write text are not served yet (next to come)"


def for_language_models(columns: Mapping[str, Sequence[Any]]) -> str | None:
    """What to say of columns (cells by name) that hold conversations or completions; None where none do."""
    for name, cells in columns.items():
        keys = _keys_of_turns(cells)
        if keys is not None:
            role, text = keys
            return (
                f"column {name!r} holds conversations ({role}, {text}): {_NOT_YET}; for a classifier, name "
                f"the text to classify, such as {name}.0.{text}, and a column of labels"
            )
    plain = {name.strip().lower(): name for name in reversed(list(columns))}
    for first, second in _PAIRS:
        if first in plain and second in plain:
            return (
                f"columns {plain[first]!r} and {plain[second]!r} hold what a model is asked and what it "
                f"shall write: {_NOT_YET}; for a classifier, name a text column and a column of labels"
            )
    return None


def _keys_of_turns(cells: Sequence[Any]) -> tuple[str, str] | None:
    """How the turns of conversations call who speaks and what is said; None where cells hold none."""
    some = [each for each in cells[:_LOOKED_AT] if each]
    for keys in _TURNS:
        if some and all(_is_conversation(each, keys) for each in some):
            return keys
    return None


def _is_conversation(cell: Any, keys: tuple[str, str]) -> bool:
    return isinstance(cell, list) and all(
        isinstance(turn, dict) and isinstance(turn.get(keys[0]), str) and keys[1] in turn for turn in cell
    )
