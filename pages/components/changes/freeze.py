"""Naming the decisions in force as the next version."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.review.versions import since_last
from backend.workspace import Workspace
from pages.components import keys
from pages.components.decisions import author
from pages.components.messages import safely, say
from pages.components.workspaces import opened


def offer_freeze(workspace: Workspace) -> None:
    """A message and the button; nothing to press where nothing has been decided since the last version."""
    last, changes = since_last(workspace.review.ledger)
    number = last.number + 1 if last else 1
    nothing = f"Nothing is decided otherwise than in {last.name}" if last else "Nothing has been decided yet"
    with st.form("freeze", border=False):
        message, button = st.columns([0.8, 0.2], vertical_alignment="bottom")
        with message:
            st.text_input(
                f"Freeze these decisions as v{number}",
                key=keys.FREEZE_MESSAGE,
                max_chars=500,
                placeholder="what this version is, in a line",
                help="A version is a name for the decisions in force now. What is decided later does not "
                "change it, and it can be compared and restored.",
                disabled=not changes,
            )
        with button:
            st.form_submit_button(
                "Freeze",
                icon=":material/ac_unit:",
                on_click=_freeze,
                args=(workspace.path,),
                disabled=not changes,
                help=None if changes else nothing,
                width="stretch",
            )


@safely
def _freeze(path: Path) -> None:
    version = opened(path).review.freeze((keys.get(keys.FREEZE_MESSAGE) or "").strip(), author=author())
    keys.put(keys.FREEZE_MESSAGE, "")
    say(f"Frozen as {version.name}: {version.message}", ":material/ac_unit:")
