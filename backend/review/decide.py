"""Checking a decision against the data before it is logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backend.data.corrections import check_target
from backend.data.dataset import Split
from backend.data.messages import listing, shown_value
from backend.data.rowstate import Action, RowState
from backend.data.targets.label_sets import NONE
from backend.data.targets.space import Space
from backend.data.targets.typed import Typed, as_typed
from backend.errors import InputError
from backend.review.ledger import Decision, Ledger, StateOf


def decide(
    ledger: Ledger,
    train: Split,
    space: Space,
    action: Action,
    rows: Sequence[str],
    *,
    label: Typed | None,
    reason: str,
    author: str,
    origin: str,
    seen: Mapping[str, RowState | None] | None = None,
    holdable: Callable[[str], None] | None = None,
) -> int:
    """Log ``action`` on training rows as one undoable batch and return its number.

    ``label`` is the new class, or other target, of a relabelled row; ``holdable`` refuses a target that the
    data could not hold; ``seen``: the states that whoever decides knew of. `InputError` for unknown rows or
    classes, a label that the row has already, no rows at all, or a row about which someone else has decided
    since it was ``seen``; then nothing is logged. What a row is labelled now, and by whom, is read in the
    transaction that writes.
    """
    new = _target(space, label) if action == "relabel" else None
    if new is not None and holdable is not None:
        holdable(new)
    if action != "relabel" and label is not None:
        raise InputError(f"{action}: takes no label; use relabel")
    if not rows:
        raise InputError(f"{action}: give at least one row id")
    given = {row: train.labels[train.position(row)] for row in rows}
    if new is not None and space.edit == "text":
        _check_targets(train, rows, new)

    def decisions(state_of: StateOf) -> list[Decision]:
        made: list[Decision] = []
        for row in given:
            state = state_of(row)
            if seen is not None and row in seen:
                _require_known(row, seen[row], state, author)
            made.append((row, _current(row, given[row], new, state), new))
        return made

    return ledger.decide(action, decisions, reason=reason, author=author, origin=origin)


def _check_targets(train: Split, rows: Sequence[str], target: str) -> None:
    """`InputError` where a text is no target of a row for a language model."""
    for row in rows:
        try:
            check_target(train.texts_of(train.position(row))[0], target)
        except InputError as error:
            raise InputError(f"{shown_value(row)}: {shown_value(target)} {error}") from error


def _target(space: Space, typed: object) -> str:
    """The target that was meant, as it is kept: a text, or in Python a number, or labels."""
    text = as_typed(typed)
    if space.edit == "choose many" and not text.strip():  # a slip, such as a variable that is not set
        raise InputError(f"relabel: no label was given; a row without any is {NONE!r}")
    try:
        return space.read(text)
    except InputError as error:
        if space.task != "classification":
            raise InputError(f"relabel: {error}") from error
        raise InputError(
            f"relabel to {shown_value(typed)}: unknown class; the classes are {listing(space.names)}"
        ) from error


def _require_known(row: str, seen: RowState | None, state: RowState | None, author: str) -> None:
    """`InputError` if someone else has decided about the row since it was seen."""
    if state is not None and state != seen and state.author != author:
        as_label = f" as {shown_value(state.label)}" if state.action == "relabel" else ""
        raise InputError(
            f"{shown_value(row)}: {shown_value(state.author)} has decided {state.action}{as_label} "
            "meanwhile; nothing was stored. Decide again if you still want to"
        )


def _current(row: str, given: str, new: str | None, state: RowState | None) -> str:
    """The label that a row has now; `InputError` if it is ``new`` already."""
    current = given if state is None or state.label is None else state.label
    if new == current:
        raise InputError(f"relabel {shown_value(row)}: is labelled {shown_value(new)} already")
    return current
