"""Help: the method and its limits in plain words, glossary, colours, keys, cost, and a test of the queue."""

import streamlit as st

from pages.components import keys
from pages.components.empty_state import need_workspace
from pages.components.help.deletion_test import show_deletion_test
from pages.components.help.help_parts import (
    show_cost,
    show_decisions,
    show_glossary,
    show_method,
    show_reading,
)
from pages.components.help.noise_test import show_noise_test
from pages.components.navigation import through_app
from pages.components.tour import can_be_toured, start_button
from pages.components.workspaces import current, known_workspaces

PARTS = (
    "Method and limits",
    "Decisions",
    "Colours and keys",
    "Glossary",
    "Cost",
    "Self-test",
    "Proof by deletion",
)

through_app()
st.title("Help")
if can_be_toured():
    start_button()
method, decisions, reading, glossary, cost, test, deletion = st.tabs(
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
for tab, show_test in ((test, show_noise_test), (deletion, show_deletion_test)):
    with tab:
        if known_workspaces():
            show_test(current())
        else:
            need_workspace("help", show_test.__name__)
