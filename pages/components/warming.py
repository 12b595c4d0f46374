"""What answers need is imported while the first page is being read, once per server."""

from __future__ import annotations

import gc
import importlib
import threading

import streamlit as st

HEAVY = (
    "backend.influence.engine",
    "backend.influence.registry",
    "backend.scores.registry",
    "plotly.express",
)


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Start importing, torch and transformers take seconds; then keep what is there out of collections."""
    thread = threading.Thread(target=_import_all, name="warm-up", daemon=True)
    thread.start()
    return thread


def _import_all() -> None:
    for name in HEAVY:
        importlib.import_module(name)
    # Streamlit collects all garbage after every run of a page: a third of a second with torch in memory,
    # in which nothing else runs. What is frozen is passed over.
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
