"""The versions, newest first, each with its counts and the way back to it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.review.versions import Version, versions
from backend.review.words import done_words
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import badge
from pages.components.changes.log_table import shown_time
from pages.components.changes.restore import offer_restore, open_restore
from pages.components.markup import Html, short, show, tag
from pages.components.paging import page_number, pages_of, turn_pages
from pages.components.workspaces import opened

PAGE = 5


def show_versions(workspace: Workspace) -> None:
    """Draw a page of them; a line where there is none."""
    found = versions(workspace.review.ledger)[::-1]
    if not found:
        st.caption("Nothing is frozen yet. A version keeps a name for the decisions of today.")
    pages = pages_of(len(found), PAGE)
    page = page_number(keys.VERSIONS_PAGE, pages)
    for version in found[(page - 1) * PAGE : page * PAGE]:
        with st.container(border=True):
            _line(workspace, version)
    turn_pages(keys.VERSIONS_PAGE, pages)
    offer_restore(workspace)


def _line(workspace: Workspace, version: Version) -> None:
    words, button = st.columns([0.85, 0.15], vertical_alignment="center")
    with words:
        counts = _counts(str(workspace.path), version)
        show(_described(version, counts, done_words(workspace.space)))
    with button:
        st.button(
            "Restore",
            key=f"restore-{version.name}",
            icon=":material/settings_backup_restore:",
            help=f"Decide as {version.name} does; what that changes is shown first",
            on_click=open_restore,
            args=(version.name,),
            width="stretch",
        )


def _described(version: Version, counts: dict[str, int], words: dict[str, str]) -> Html:
    when = tag("span", f"{shown_time(version.at)} · {short(version.author)}", cls="fw-muted")
    counted = ", ".join(f"{counts[action]:,} {name}" for action, name in words.items())
    return tag(
        "div",
        tag("div", badge(version.name, "info"), tag("b", short(version.message, 300)), when, cls="fw-badges"),
        tag("div", counted, cls="fw-muted"),
        cls="fw-log",
    )


@st.cache_data(max_entries=200, show_spinner=False)
def _counts(path: str, version: Version) -> dict[str, int]:
    """Counted once: what a version decides never changes."""
    return opened(Path(path)).review.ledger.counts(version.seq)
