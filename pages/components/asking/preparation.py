"""Methods that must look at all training examples once before they can answer."""

from __future__ import annotations

import streamlit as st

from backend.influence.answers.registry import all_methods
from backend.workspace import Workspace
from pages.components.job_panel import job_panel


def is_prepared(workspace: Workspace, method: str) -> bool:
    """Whether questions to the method are answered at once."""
    return all_methods()[method].is_ready(workspace.folder)


def offer_preparation(workspace: Workspace, method: str) -> None:
    """Say what is missing, and offer to compute it in the background."""
    chosen = all_methods()[method]
    st.info(f"{chosen.title}: this method must look at all training examples once. Cost: {chosen.cost}.")
    job_panel(["prepare", str(workspace.path), method], "Prepare this method")
