"""What answers need is imported before the first page of a server is drawn."""

from __future__ import annotations

import gc
import importlib

import streamlit as st

from backend.program import PACKAGE

HEAVY = (
    *(f"{PACKAGE}.influence.answers.engine", f"{PACKAGE}.influence.answers.registry"),
    *(f"{PACKAGE}.scores.registry", "plotly.express"),
)


@st.cache_resource(show_spinner="Starting …")
def warm_up() -> None:
    """Import, once per server, while all sessions wait; then keep what is there out of garbage collections.

    Two sessions that import transformers at the same time can break each other: it puts another module in
    its place when it is done, and whoever waited for it is left with the first.
    """
    for name in HEAVY:
        importlib.import_module(name)
    # Streamlit collects all garbage after every run of a page: a third of a second with torch in memory,
    # in which nothing else runs. What is frozen is passed over.
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
