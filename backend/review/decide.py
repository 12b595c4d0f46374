"""Checking a decision against the data before it is logged."""

from __future__ import annotations

from collections.abc import Sequence

from backend.data.dataset import Split
from backend.data.rowstate import Action
from backend.errors import InputError
from backend.review.ledger import Ledger


def decide(
    ledger: Ledger,
    train: Split,
    classes: Sequence[str],
    action: Action,
    rows: Sequence[str],
    *,
    label: str | None,
    reason: str,
    author: str,
    origin: str,
) -> int:
    """Log ``action`` on training rows as one undoable batch and return its number.

    ``label`` is the new class of a relabelled row. `InputError` for unknown rows or classes, a label
    that the row has already, or no rows at all; then nothing is logged.
    """
    if action == "relabel" and label not in classes:
        raise InputError(f"relabel to {label}: unknown class; the classes are {', '.join(classes)}")
    if action != "relabel" and label is not None:
        raise InputError(f"{action}: takes no label; use relabel")
    if not rows:
        raise InputError(f"{action}: give at least one row id")
    decided = []
    for row in dict.fromkeys(rows):
        given = train.labels[train.position(row)]
        state = ledger.state(row)
        current = (state and state.action == "relabel" and state.label) or given
        if label == current:
            raise InputError(f"relabel {row}: is labelled {label} already")
        decided.append((row, current, label))
    return ledger.decide(action, decided, reason=reason, author=author, origin=origin)
