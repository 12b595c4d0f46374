"""Going back to a version: what it would change, then one batch that can be undone."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.review.versions import NOW
from backend.workspace import Workspace
from pages.components import keys
from pages.components.changes.diff_tables import per_class
from pages.components.decisions import author
from pages.components.markup import show, tag
from pages.components.messages import safely, say
from pages.components.numbers import plural
from pages.components.workspaces import opened


def open_restore(name: str) -> None:
    """In a callback: look at what restoring a version would change."""
    keys.put(keys.RESTORE_OPEN, name)


def offer_restore(workspace: Workspace) -> None:
    """The dialog, while a version's restoring is looked at."""
    name = keys.get(keys.RESTORE_OPEN)
    if name:
        _dialog(workspace, name)


def _close() -> None:
    keys.put(keys.RESTORE_OPEN, None)


@st.dialog("Restore a version", width="medium", on_dismiss=_close)
def _dialog(workspace: Workspace, name: str) -> None:
    if not keys.get(keys.RESTORE_OPEN):  # it was run alone, after the decision was stored
        st.rerun()
    found = workspace.review.diff(NOW, name)
    if not found.rows:
        st.info(f"The decisions of {name} are those in force now.", icon=":material/info:")
        return
    rows = plural(len(found.rows), "row")
    words = f"{rows} will be decided as in {name}. Nothing leaves the log, and one undo takes all of it back."
    show(tag("p", words))
    show(per_class(found))
    st.button(
        f"Restore {name}",
        type="primary",
        key="restore-apply",
        on_click=_restore,
        args=(workspace.path, name),
    )


@safely
def _restore(path: Path, name: str) -> None:
    _close()
    opened(path).review.restore(name, author=author(), origin="app")
    say(f"Restored {name}. Press U to undo all at once.")
