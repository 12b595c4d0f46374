"""Pair: one text and one training example, word by word, and what they have to do with other rows."""

import streamlit as st

from pages.components.navigation import through_app
from pages.components.pair.pair_question import ask_pair
from pages.components.pair.pair_view import show_pair
from pages.components.workspaces import current

through_app()
st.title("Pair")
workspace = current()
asked = ask_pair(workspace)
if asked is not None:
    show_pair(workspace, asked)
