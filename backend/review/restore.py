"""Going back to a version: one more batch in the log, which can be undone like any other."""

from __future__ import annotations

from backend.data.dataset import Split
from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.review.ledger import Ledger, Step
from backend.review.steps import given_labels, steps_to
from backend.review.versions import moment


def restore(ledger: Ledger, train: Split, name: str, *, author: str, origin: str) -> int:
    """Decide about every row as version ``name`` (or raw) does; returns the number of the batch.

    Nothing leaves the log. `InputError` if there is no such version, or its decisions are in force already.
    """
    until = moment(ledger, name).until
    if until is None:  # what is decided at this moment by someone else would be taken back
        raise InputError(f"{name}: nothing to restore; its decisions are those in force")
    then = ledger.states(until)

    def steps(present: dict[str, RowState]) -> list[Step]:
        rows = dict.fromkeys([*train.ids, *present, *then])  # in the order of the data
        wanted = {row: then.get(row) for row in rows if row in present or row in then}
        found = steps_to(wanted, present, given_labels(train))
        if not found:
            raise InputError(f"{name}: nothing to restore; its decisions are those in force")
        return found

    return ledger.bring_about(steps, note=f"restore {name}", author=author, origin=origin)
