"""Which row of the queue is in focus: its id stands in the address, so that a link leads to it again."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from backend.queue.queue import Queue
from pages.components import keys


@dataclass(frozen=True)
class Place:
    """A 0-based place in the queue and the ids of the rows around it; None where there is none.

    ``onward`` is the row to go on with after a decision: the next that is undecided, after the last again
    from the first; where all are decided, simply the next.
    """

    at: int
    before: str | None
    after: str | None
    onward: str | None


def place_of(queue: Queue, row: str) -> Place | None:
    """Where a row stands; None if it is not in the queue."""
    try:
        at = queue.ids.index(row)
    except ValueError:
        return None
    around = [*range(at + 1, len(queue.ids)), *range(at)]
    undecided = next((each for each in around if queue.undecided[each]), None)
    onward = undecided if undecided is not None else next(iter(around), None)
    return Place(
        at,
        queue.ids[at - 1] if at else None,
        queue.ids[at + 1] if at + 1 < len(queue.ids) else None,
        None if onward is None else queue.ids[onward],
    )


def first_row(queue: Queue) -> str:
    """The first row that is undecided, or else the first."""
    undecided = (row for row, is_open in zip(queue.ids, queue.undecided, strict=True) if is_open)
    return next(undecided, queue.ids[0])


def focused() -> str | None:
    """The id in the address."""
    return st.query_params.get(keys.QUEUE_ROW)


def focus_on(row: str | None) -> None:
    """Put a row into focus; None: wherever the queue begins."""
    if row is None:
        st.query_params.pop(keys.QUEUE_ROW, None)
    else:
        st.query_params[keys.QUEUE_ROW] = row
