"""Scores: the data map, every score of the training rows, and all that they say about one row."""

import streamlit as st

from pages.components.navigation import through_app
from pages.components.score_values import read_current
from pages.components.scores.score_row import ask_row, show_row
from pages.components.scores.score_views import ask_view
from pages.components.workspaces import current

through_app()
st.title("Scores")
workspace = current()
values = read_current(workspace)
view, row = st.columns([0.7, 0.3], vertical_alignment="bottom")
with view:
    draw = ask_view(workspace)
with row:  # before the view, which marks the row
    ask_row(workspace)
draw(workspace, values)
if values.table is not None:
    show_row(workspace, values)
