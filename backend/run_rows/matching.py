"""Rows made here found again among those that a run wrote down, by their tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from backend.model.callback_log import PreparedRow

NO_ROWS = (
    "The run did not write its rows down, or not as they are trained on (FirstwordCallback writes those of a "
    "`datasets.Dataset` or a list): how often and when a row was seen is not known."
)


def matched(here: Sequence[str | None], recorded: Sequence[PreparedRow], in_order: bool) -> list[int | None]:
    """For each digest of a row made here the place of that row in the run, None where it is not there.

    Rows of the same tokens are told apart by their order alone; where that is not kept, or there are more of
    them on one side, they are left out. A digest of None is of no row.
    """
    there: defaultdict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(recorded):
        there[row.digest].append(place)
    ours: defaultdict[str, list[int]] = defaultdict(list)
    for place, digest in enumerate(here):
        if digest is not None:
            ours[digest].append(place)
    found: list[int | None] = [None] * len(here)
    for digest, places in ours.items():
        known = there[digest]
        if len(known) == len(places) and (in_order or len(places) == 1):
            for one, other in zip(places, known, strict=True):
                found[one] = other
    return found
