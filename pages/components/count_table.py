"""Counts of each class: a plain table of a few, of many one that scrolls in its card and can be sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.markup import cut, distinct, short, show, tag
from pages.components.numbers import MINUS
from pages.components.tables import table

FEW = 12  # rows that a plain table shows in full
LONGEST_NAME, NAME_WIDTH = 30, 205  # characters and pixels of a name
SHOWN = 10  # rows of a long table that are in sight at once
_ROW, _HEAD = 35, 36  # pixels of a row and of the head


def show_counts(
    headers: Sequence[str],
    rows: Sequence[tuple[str, *tuple[int, ...]]],
    key: str,
    total: bool = False,
    changes: Sequence[int] = (),
) -> None:
    """Names with whole numbers beside them.

    ``headers``: one for the names and one for each number. ``total``: whether the sums are shown.
    ``changes``: the columns whose numbers have a sign; of many rows those that changed most come first.
    """
    sums = [sum(row[at] for row in rows) for at in range(1, len(headers))]  # type: ignore[misc]
    if len(rows) <= FEW:
        cells = [
            (cut(name), *(_number(each, at in changes) for at, each in enumerate(numbers, 1)))
            for name, *numbers in rows
        ]
        if total:
            cells.append(
                (tag("b", "all"), *(_number(each, at in changes) for at, each in enumerate(sums, 1)))
            )
        show(tag("div", table(headers, cells, numbers=range(1, len(headers))), cls="fw-narrow"))
        return
    if changes:  # what changed comes first
        rows = sorted(rows, key=lambda row: -sum(abs(row[at]) for at in changes))  # type: ignore[arg-type, misc]
    names = [name for name, *_ in rows]
    frame = pd.DataFrame({headers[0]: list(distinct(names, LONGEST_NAME).values())})
    for at, header in enumerate(headers[1:], 1):
        frame[header] = [row[at] for row in rows]
    long_table(frame, key, names)
    if total:
        said = [f"{headers[at]} {_number(each, at in changes)}" for at, each in enumerate(sums, 1)]
        st.caption(f"In all: {', '.join(said)}.")


def long_table(
    frame: pd.DataFrame, key: str, names: Sequence[str], columns: Mapping[str, Any] | None = None
) -> None:
    """A table of names (its first column) and numbers that scrolls; ``columns``: what is shown otherwise.

    ``names``: the names in full; where they are cut, they stand in a column at the right.
    """
    first, *others = frame.columns
    numbers = {name: st.column_config.NumberColumn(format="localized", width=70) for name in others}
    if any(len(name) > LONGEST_NAME for name in names):
        frame = frame.assign(**{"in full": [short(name, 1_000) for name in names]})
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=_HEAD + SHOWN * _ROW,
        column_config={first: st.column_config.TextColumn(width=NAME_WIDTH), **numbers, **(columns or {})},
        alt=f"{len(frame):,} rows: {', '.join(map(str, frame.columns))}",
    )


def _number(count: int, signed: bool) -> str:
    if not signed:
        return f"{count:,}"
    return "–" if count == 0 else f"{'+' if count > 0 else MINUS}{abs(count):,}"
