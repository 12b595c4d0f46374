"""Explore: all rows as a table and a map, filtered, selected, and decided about at once."""

import streamlit as st

from pages.components.explore.explore import show_rows
from pages.components.explore.explore_filter import ask_split
from pages.components.navigation import through_app
from pages.components.workspaces import current

through_app()
st.title("Explore")
show_rows(current(), ask_split())
