"""What takes the disk in the open workspace, and what can be made again."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.data.messages import shown_bytes
from backend.disk_use import DiskUse, freeable
from backend.program import COMMAND
from backend.workspace import Workspace
from pages.components.badges import STATE_TONES, badge
from pages.components.class_table import meter
from pages.components.facts import facts
from pages.components.markup import Html, plain_label, show, tag
from pages.components.tables import table
from pages.components.workspaces import opened, version


def show_disk_use(workspace: Workspace) -> None:
    """Totals, and a table of the parts, the largest first."""
    uses = _uses(str(workspace.path), version(workspace))
    st.subheader(f"Disk use of {plain_label(workspace.path.resolve().name)}")
    total = sum(each.bytes for each in uses)
    show(facts((("in all", shown_bytes(total)), ("can be made again", shown_bytes(freeable(uses))))))
    rows = [
        (
            each.place.what,
            tag("span", each.place.path or "elsewhere", cls="fw-mono"),
            badge(each.state, STATE_TONES[each.state]) if each.state else "",
            shown_bytes(each.bytes),
            f"{each.files:,}",
            meter(each.bytes / total if total else 0.0),
            _again(each),
        )
        for each in uses
    ]
    headers = ("part", "folder", "state", "size", "files", "share", "made again by")
    show(table(headers, rows, numbers=(3, 4)))
    st.caption(
        "Nothing is deleted here. Folders of parts that a command makes again may be deleted while no "
        "job runs: "
        "that costs time, never decisions. Counted once a minute."
    )


def _again(use: DiskUse) -> Html | str:
    return tag("span", f"{COMMAND} {use.place.again}", cls="fw-mono") if use.place.again else ""


@st.cache_data(max_entries=10, ttl=60, show_spinner=False)
def _uses(path: str, artifacts: str) -> list[DiskUse]:
    return opened(Path(path)).disk_use()
