"""What people said about rows in another tool, before it is a decision here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Tool = Literal["argilla", "label-studio"]

# What our own questions and fields are called in another tool.
LABEL, ROW, NOTE = "label", "row", "note"
ROW_ID, TEXT, TEXT_B, CURRENT, WHY = "row_id", "text", "text_b", "current", "why"
RANK, SUSPICION, GROUP, TURN = "rank", "suspicion", "group", "turn"
OURS = (ROW, NOTE)
ACTIONS = ("keep", "flag", "remove")


@dataclass(frozen=True)
class Said:
    """One person's answers about one row, by question. ``who``: "" where it is not said; ``when``: text
    that sorts by time, "" if not known."""

    who: str
    answers: Mapping[str, Any]
    when: str = ""


@dataclass(frozen=True)
class Judged:
    """A record of another tool. ``where``: its place in the file; ``id``: as the tool has it; ``shown``: what
    was shown and kept beside it, by name."""

    where: str
    id: str | None
    shown: Mapping[str, Any]
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Judgements:
    """All records of a file. ``notes``: what there is to know about them, in sentences. ``mixed``: answers
    can't be told from the data that stood beside them."""

    tool: Tool
    records: tuple[Judged, ...]
    notes: tuple[str, ...] = ()
    mixed: bool = False


def values_in(cell: Any) -> list[Any]:
    """What was chosen or written, of the ways in which the tools write it: always a list.

    A choice alone, a list, ``{"choices": [...]}``, ``{"number": 3}``, ``{"text": [...]}``, lists of these, or
    any of them as JSON text.
    """
    if isinstance(cell, str) and cell[:1] in ("[", "{"):
        try:
            read = json.loads(cell)
        except (ValueError, RecursionError):
            return [cell]
        return values_in(read) if isinstance(read, list | dict) else [cell]
    if isinstance(cell, dict):
        kept = next((cell[key] for key in ("choices", "number", "text", "rating") if key in cell), None)
        return [] if kept is None else values_in(kept) if isinstance(kept, list | dict) else [kept]
    if isinstance(cell, list):
        return [
            value for each in cell for value in (values_in(each) if isinstance(each, list | dict) else [each])
        ]
    return [] if cell is None or cell == "" else [cell]
