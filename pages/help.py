"""Help: the method and its limits in plain words, glossary, colours, keys, cost, and a test of the queue."""

import streamlit as st

from pages.components import keys
from pages.components.help.help_parts import (
    show_cost,
    show_decisions,
    show_glossary,
    show_method,
    show_reading,
)
from pages.components.help.noise_test import show_noise_test
from pages.components.navigation import through_app
from pages.components.workspaces import current, known_workspaces

PARTS = ("Method and limits", "Decisions", "Colours and keys", "Glossary", "Cost", "Self-test")

through_app()
st.title("Help")
method, decisions, reading, glossary, cost, test = st.tabs(
    PARTS, key=keys.HELP_PART, on_change="rerun", bind="query-params"
)
with method:
    show_method()
with decisions:
    show_decisions()
with reading:
    show_reading()
with glossary:
    show_glossary()
with cost:
    show_cost()
with test:
    if known_workspaces():
        show_noise_test(current())
    else:
        st.info("The self-test needs a workspace.", icon=":material/info:")
        st.page_link("pages/new.py", label="New workspace", icon=":material/add_circle:")
