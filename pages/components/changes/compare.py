"""Two versions held against each other: how many rows, which classes, which rows."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.review.diff import Diff
from backend.review.versions import NOW, RAW
from backend.workspace import Workspace
from pages.components import keys
from pages.components.changes.diff_rows import show_diff_rows
from pages.components.changes.diff_tables import class_flow, per_class
from pages.components.conversation.shown_text import has_conversations
from pages.components.markup import show
from pages.components.newest import of_newest
from pages.components.numbers import plural
from pages.components.workspaces import opened, version


def compare(workspace: Workspace) -> None:
    """The choices, which are in the address, and what they come to."""
    before, after = _ask([each.name for each in workspace.review.versions()])
    found = _diff(str(workspace.path), version(workspace), workspace.review.ledger.count(), before, after)
    if not found.rows:
        st.info(f"{before} and {after} decide the same about every row.", icon=":material/info:")
        return
    st.caption(f"From {before} to {after}, {plural(len(found.rows), 'row')} changed.")
    if not has_conversations(workspace):
        _classes(found)
    show_diff_rows(workspace, found)


def _classes(found: Diff) -> None:
    left, right = st.columns([0.62, 0.38], gap="medium")
    with left, st.container(border=True):
        st.markdown("**Rows per class**")
        show(per_class(found))
    with right, st.container(border=True):
        st.markdown("**From class to class**")
        if found.flow:
            show(class_flow(found))
        else:
            st.caption("No row has another label.")


def _ask(names: list[str]) -> tuple[str, str]:
    moments = [RAW, *names, NOW]
    chosen = {}
    boxes = st.columns(2)
    for box, title, key, default in (
        (boxes[0], "From", keys.DIFF_FROM, names[-1] if names else RAW),
        (boxes[1], "To", keys.DIFF_TO, NOW),
    ):
        if keys.get(key, default) not in moments:  # of another workspace
            keys.put(key, default)
        with box:
            chosen[key] = st.selectbox(
                title,
                moments,
                index=moments.index(default),
                key=key,
                bind="query-params",
                on_change=keys.put,
                args=(keys.DIFF_PAGE, 1),
                help="raw: the data as they came, before any decision. now: the decisions in force.",
            )
    return chosen[keys.DIFF_FROM], chosen[keys.DIFF_TO]


@of_newest
@st.cache_resource(max_entries=6, show_spinner="Comparing …")
def _diff(path: str, artifacts: str, log_lines: int, before: str, after: str) -> Diff:
    return opened(Path(path)).review.diff(before, after)
