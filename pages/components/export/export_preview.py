"""What an export will hold, before it is made."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.data.export import ExportPreview
from backend.data.targets.space import Space
from backend.review.words import done_words
from backend.workspace import Workspace
from pages.components.count_table import show_counts
from pages.components.markup import show
from pages.components.newest import of_newest
from pages.components.numbers import plural
from pages.components.row_table import row_table
from pages.components.workspaces import opened, version

FIRST_ROWS = 8


def preview_of(workspace: Workspace, what: str) -> ExportPreview:
    """What the export would hold; counted once for every state of data and log."""
    return _preview(str(workspace.path), version(workspace), workspace.review.ledger.count(), what)


@of_newest
@st.cache_resource(max_entries=6, show_spinner=False)
def _preview(path: str, artifacts: str, log_lines: int, what: str) -> ExportPreview:
    return opened(Path(path)).export_preview(what)


def show_preview(preview: ExportPreview) -> None:
    """Counts per class before and after, and the first rows."""
    if preview.before:
        with st.container(border=True):
            st.subheader("Classes before and after")
            _classes(preview)
    with st.container(border=True):
        st.subheader(f"First rows of {preview.n_rows:,}" if preview.n_rows else "First rows")
        if not preview.n_rows:
            st.caption("No row fits: nothing has been decided that this export would hold.")
            return
        rows = [[row.get(name) for name in preview.columns] for row in preview.rows[:FIRST_ROWS]]
        show(row_table(preview.columns, rows))


def summary_line(preview: ExportPreview, space: Space) -> str:
    """What the decisions amount to."""
    changed = done_words(space)["relabel"]
    return (
        f"{plural(preview.n_rows, 'row')} in this export. Decisions: {preview.removed:,} removed, "
        f"{preview.relabelled:,} {changed}, {preview.flagged:,} flagged, {preview.kept:,} kept."
    )


def _classes(preview: ExportPreview) -> None:
    names = list(dict.fromkeys([*preview.before, *preview.after]))
    counted = [(preview.before.get(name, 0), preview.after.get(name, 0)) for name in names]
    rows = [
        (name, before, after, after - before) for name, (before, after) in zip(names, counted, strict=True)
    ]
    show_counts(("class", "before", "after", "change"), rows, "export-classes", total=True, changes=(3,))
