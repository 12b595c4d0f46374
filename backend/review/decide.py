"""Checking a decision against the data before it is logged."""

from __future__ import annotations

from collections.abc import Sequence

from backend.data.dataset import Split
from backend.data.messages import listing, shown_value
from backend.data.rowstate import Action, RowState
from backend.errors import InputError
from backend.review.ledger import Decision, Ledger, StateOf


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
    What a row is labelled now is read in the transaction that writes.
    """
    if action == "relabel" and label not in classes:
        raise InputError(
            f"relabel to {shown_value(label)}: unknown class; the classes are {listing(classes)}"
        )
    if action != "relabel" and label is not None:
        raise InputError(f"{action}: takes no label; use relabel")
    if not rows:
        raise InputError(f"{action}: give at least one row id")
    given = {row: train.labels[train.position(row)] for row in rows}

    def decisions(state_of: StateOf) -> list[Decision]:
        return [(row, _current(row, given[row], label, state_of(row)), label) for row in given]

    return ledger.decide(action, decisions, reason=reason, author=author, origin=origin)


def _current(row: str, given: str, new: str | None, state: RowState | None) -> str:
    """The label that a row has now; `InputError` if it is ``new`` already."""
    current = given if state is None or state.label is None else state.label
    if new == current:
        raise InputError(f"relabel {shown_value(row)}: is labelled {shown_value(new)} already")
    return current
