"""Classes with their counts: a table with bars of a few, of many one that scrolls and can be sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from pages.components.count_table import FEW, LONGEST_NAME, long_table
from pages.components.markup import Html, brief, cut, distinct, plain_label, show, tag
from pages.components.numbers import percent
from pages.components.tables import table

SMALLEST = 3


def show_class_table(
    classes: Sequence[str],
    counts: Mapping[str, tuple[int, int]],
    key: str,
    rows: int | None = None,
) -> None:
    """Training and eval rows of each class, in model order; of many also which are the smallest.

    ``rows``: the number of training rows, where one may have several labels.
    """
    if len(classes) <= FEW:
        show(class_table(classes, counts, rows))
        return
    total = rows or sum(train for train, _ in counts.values()) or 1
    frame = pd.DataFrame(
        {
            ("class" if rows is None else "label"): list(distinct(classes, LONGEST_NAME).values()),
            "training": [counts[name][0] for name in classes],
            "eval": [counts[name][1] for name in classes],
            "share %": [100 * counts[name][0] / total for name in classes],
        }
    )
    long_table(frame, key, classes, {"share %": st.column_config.NumberColumn(format="%.1f", width=62)})
    smallest = sorted(classes, key=lambda name: counts[name][0])[:SMALLEST]
    named = ", ".join(f"{plain_label(brief(name, 36))} ({counts[name][0]:,})" for name in smallest)
    st.caption(f"Smallest: {named}. A click on a column's head sorts by it.")


def class_table(
    classes: Sequence[str], counts: Mapping[str, tuple[int, int]], rows: int | None = None
) -> Html:
    """Training and eval rows of each class, in model order."""
    total = rows or sum(train for train, _ in counts.values()) or 1
    lines = [
        (
            cut(name),
            f"{counts[name][0]:,}",
            f"{counts[name][1]:,}",
            percent(counts[name][0] / total),
            meter(counts[name][0] / total),
        )
        for name in classes
    ]
    kind = "class" if rows is None else "label"
    return table((kind, "training", "eval", "share", ""), lines, numbers=(1, 2, 3))


def meter(share: float) -> Html:
    """A bar for a share of 0 to 1."""
    return tag("span", tag("span", style=f"width:{100 * min(max(share, 0.0), 1.0):.1f}%"), cls="fw-meter")
