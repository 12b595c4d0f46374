"""Cells that hold labels as annotation tools write them: alone, in a list, in an object with ``choices``."""

from __future__ import annotations

import ast
import json
import math
from typing import Any

from backend.data.messages import shown_value

CHOICES = "choices"  # what Label Studio calls the labels of a classification
SEVERAL = "several choices in one cell"
NOT_WHOLE = "is not a whole number"
OTHER_TASKS = {SEVERAL: "--task multilabel learns all of them", NOT_WHOLE: "--task regression learns numbers"}
"""What may be meant where a cell holds no class."""
_LONGEST = 10_000  # characters of a cell that is looked into


class NotALabel(ValueError):
    """A value that stands for no class; the message says why."""


class SeveralChoices(NotALabel):
    """A value that names more than one class."""

    def __init__(self, names: list[str]) -> None:
        listed = ", ".join(shown_value(each) for each in names)
        super().__init__(f"{SEVERAL}: {listed} ({OTHER_TASKS[SEVERAL]})")


def choice_of(value: Any) -> str | None:
    """The one label that a value of any type stands for, None where there is none.

    A list is its one element, also where that stands there several times. Raises `NotALabel`.
    """
    if isinstance(value, dict) and isinstance(value.get(CHOICES), list):
        value = value[CHOICES]
    if isinstance(value, list):
        names = list(dict.fromkeys(each for each in map(choice_of, value) if each is not None))
        if len(names) > 1:
            raise SeveralChoices(names)
        return names[0] if names else None
    if isinstance(value, dict):
        raise NotALabel("an object is no label; name a field of it with a dot, such as label.name")
    return _plain(value)


def _plain(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if not value.is_integer():
            raise NotALabel(f"label {value} {NOT_WHOLE} ({OTHER_TASKS[NOT_WHOLE]})")
        return str(int(value))
    return str(value)


def listed_choices(text: str) -> Any:
    """The list, or object with ``choices``, that a cell holds as JSON or as Python writes it; else None."""
    cell = text.strip()
    if len(cell) > _LONGEST or not (cell.startswith(("[", "{")) and cell.endswith(("]", "}"))):
        return None
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(cell) if cell.startswith(("['", '["')) else None
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if isinstance(value, dict):
        return value if isinstance(value.get(CHOICES), list) else None
    plain = isinstance(value, list) and all(isinstance(each, str | int | float) for each in value)
    return value if plain else None


def in_form_of(value: Any, name: str) -> Any:
    """Label ``name`` written as ``value`` writes its label: `choice_of` gives it back."""
    if isinstance(value, dict) and isinstance(value.get(CHOICES), list):
        return {**value, CHOICES: in_form_of(value[CHOICES], name)}
    if isinstance(value, list):
        return [in_form_of(value[0] if value else None, name)]
    for kind, read in ((bool, lambda text: {"true": True, "false": False}[text]), (int, int), (float, float)):
        if isinstance(value, kind):
            try:
                return read(name)
            except (KeyError, ValueError):
                return name
    return name


def cell_in_form_of(cell: str, name: str) -> str:
    """Label ``name`` as text in the form of ``cell``: a list or object with ``choices`` stays one."""
    listed = listed_choices(cell)
    if listed is None:
        return name
    value = in_form_of(listed, name)
    try:
        json.loads(cell)
    except ValueError:  # as Python writes it
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
