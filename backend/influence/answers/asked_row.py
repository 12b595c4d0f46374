"""A row of a split as attribution methods are asked about it: what comparisons ask many of."""

from __future__ import annotations

from typing import Any

from backend.influence.answers.conversation_entries import conversation_at
from backend.influence.answers.engine import Engine
from backend.influence.answers.method import Asked
from backend.manifest import SplitName


def asked_row(engine: Engine, split: SplitName, place: int, target: Any, score: str, k: int) -> Asked:
    """The row at a 0-based place, asked about for ``target``, as losses take it."""
    rows, checkpoints = engine.splits[split], engine.checkpoints
    one = rows.take([place])
    (encoded,) = checkpoints.encode(one)
    (traced,) = checkpoints.trace([encoded], [target])
    fields = [each.text for each in conversation_at(rows, place).turns] if checkpoints.language else ()
    return Asked(engine, one.row(0), encoded, target, traced, score, k, fields=fields)
