"""Inspect: why the model says this, example by example and word by word."""

import streamlit as st

from pages.components.asking.question import ask, is_ready
from pages.components.inspect.answer import show_answer
from pages.components.learnt import warn_hardly_learnt
from pages.components.navigation import through_app
from pages.components.workspaces import current

through_app()
st.title("Inspect")
workspace = current()
warn_hardly_learnt(workspace)
with st.container():  # of whatever length: the answer beneath keeps its place on the page
    asked = ask(workspace) if is_ready(workspace, "inspect") else None
if asked is not None:
    show_answer(workspace, asked)
