"""What became of each training row, as a table and in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from backend.run_rows.settings import NOT_KNOWN, RunSettings

KEPT, CUT, SPLIT, NO_LOSS, LEFT_OUT = "kept", "cut", "split", "no token in the loss", "not in the run"
FATES = (KEPT, CUT, SPLIT, NO_LOSS, LEFT_OUT, NOT_KNOWN)
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("fate", pa.string()),
        ("tokens", pa.int64()),
        ("kept_tokens", pa.int64()),
        ("loss_tokens", pa.int64()),
        ("packs", pa.list_(pa.int64())),
        ("packed_with", pa.list_(pa.int64())),
        ("seen", pa.int64()),
        ("steps", pa.list_(pa.int64())),
    ]
)


@dataclass(frozen=True)
class RowFate:
    """One row; None: not known.

    ``row``: its place in the data, from 0; ``kept_tokens`` of its ``tokens`` went into the training,
    ``loss_tokens`` of those were learnt (what a causal model is never asked to predict, the first token of a
    sequence, is none). ``packs``: the trainer's rows it is in; ``packed_with``: rows beside it there.
    ``seen``: how often the whole row was trained, ``steps``: when any of it was.
    """

    row: int
    id: str | None
    fate: str = NOT_KNOWN
    tokens: int | None = None
    kept_tokens: int | None = None
    loss_tokens: int | None = None
    packs: tuple[int, ...] | None = None
    packed_with: tuple[int, ...] | None = None
    seen: int | None = None
    steps: tuple[int, ...] | None = None


@dataclass(frozen=True)
class RunRows:
    """All rows; ``recorded``: how many rows the run itself wrote down (None: it did not), ``matched``: how
    many of those are what is made of the data here."""

    rows: Sequence[RowFate]
    settings: RunSettings
    recorded: int | None = None
    matched: int = 0
    notes: list[str] = field(default_factory=list)

    def table(self) -> pa.Table:
        """One line a row, nulls where something is not known."""
        columns = {name: [getattr(each, name) for each in self.rows] for name in SCHEMA.names}
        return pa.table(columns, schema=SCHEMA)

    def summary(self) -> dict[str, Any]:
        """Counts, ready for JSON."""
        counts = Counter(each.fate for each in self.rows)
        seen = Counter(each.seen for each in self.rows)
        return {
            "rows": len(self.rows),
            "fates": {name: counts[name] for name in FATES if counts[name]},
            "tokens": _sum(each.tokens for each in self.rows),
            "kept_tokens": _sum(each.kept_tokens for each in self.rows),
            "loss_tokens": _sum(each.loss_tokens for each in self.rows),
            "seen": {
                NOT_KNOWN if times is None else str(times): seen[times]
                for times in sorted(seen, key=lambda each: (each is None, each or 0))
            },
            "recorded": self.recorded,
            "matched": self.matched,
            "settings": self.settings.to_json(),
            "notes": self.notes,
        }


def _sum(values: Any) -> int | None:
    """The sum; None where one is not known."""
    found = list(values)
    return None if any(each is None for each in found) else sum(found)


def fate_of(tokens: int, kept: int | None, in_loss: int | None, pieces: int) -> str:
    """In a word, the worst that can be said of a row."""
    if in_loss == 0:
        return NO_LOSS
    if kept is None:
        return NOT_KNOWN
    return CUT if kept < tokens else SPLIT if pieces > 1 else KEPT
