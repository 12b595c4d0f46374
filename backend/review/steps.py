"""Which entries of the log bring a row from one state to another."""

from __future__ import annotations

from collections.abc import Mapping

from backend.data.dataset import Split
from backend.data.rowstate import RowState
from backend.review.ledger import Step


def same(one: RowState | None, other: RowState | None) -> bool:
    """Whether two states decide the same, whoever decided it and why."""
    return _content(one) == _content(other)


def label_of(state: RowState | None, given: str | None) -> str | None:
    """The label in force of a row that was ``given`` one."""
    return given if state is None or state.label is None else state.label


def given_labels(train: Split) -> dict[str, str]:
    """The label that each training row came with, by id."""
    return dict(zip(train.ids, train.labels, strict=True))


def steps_to(
    wanted: Mapping[str, RowState | None], present: Mapping[str, RowState], given: Mapping[str, str]
) -> list[Step]:
    """The steps from the ``present`` states to those ``wanted`` (None: undecided), in the order of rows."""
    return [
        step
        for row, state in wanted.items()
        if not same(present.get(row), state)
        for step in _steps(row, present.get(row), state, given.get(row))
    ]


def _steps(row: str, before: RowState | None, after: RowState | None, given: str | None) -> list[Step]:
    """At most two: one for the label, one for what else is decided; a clear takes back both."""
    label = label_of(before, given)
    steps = []
    if after is None or (after.label is None and before is not None and before.label is not None):
        steps.append(Step(row, "clear", label))
        label = given
    if after is None:
        return steps
    if after.label is not None and (
        after.action == "relabel" or before is None or before.label != after.label
    ):
        steps.append(Step(row, "relabel", label, after.label, after.reason))
        label = after.label
    if after.action != "relabel":
        steps.append(Step(row, after.action, label, None, after.reason))
    return steps


def _content(state: RowState | None) -> tuple[str, str | None] | None:
    return None if state is None else (state.action, state.label)
