"""Sources: which groups of training rows pull the model towards the trusted rows, and which away."""

import streamlit as st

from pages.components.asking.question import is_ready
from pages.components.navigation import through_app
from pages.components.sources.sources_result import sources_or_offer
from pages.components.sources.sources_view import show_sources
from pages.components.workspaces import current

through_app()
st.title("Sources")
workspace = current()
sources = sources_or_offer(workspace) if is_ready(workspace, "sources") else None
if sources is not None:
    show_sources(workspace, sources)
