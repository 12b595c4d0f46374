"""Inspect: why the model says this, example by example and word by word."""

from dataclasses import replace

import streamlit as st

from pages.components.navigation import through_app
from pages.components.query_panel import show_query
from pages.components.question import ask, ask_count, ask_label, ask_reason, is_ready
from pages.components.results import list_unit, show_results
from pages.components.workspaces import current, explain

through_app()
st.title("Inspect")
workspace = current()
asked = ask(workspace) if is_ready(workspace) else None
if asked is not None:
    panel = st.container(border=True)
    question, reason, count = st.columns([0.5, 0.36, 0.14], vertical_alignment="bottom")
    with reason:
        ask_reason()
    with count:
        asked = replace(asked, k=ask_count())
    with st.spinner("Reading the model and the index, tracing the text …", show_time=True):
        explanation = explain(workspace, asked)
    with question:
        label = ask_label(explanation, replace(asked, k=0))
    if label != explanation.query.predicted:
        with st.spinner("Tracing the loss for another class …", show_time=True):
            explanation = explain(workspace, replace(asked, label=label))
    with panel:
        row = explanation.query.row if explanation.query.split == "train" else None
        show_query(explanation, list_unit(explanation), workspace.states().get(row) if row else None)
    show_results(workspace, explanation)
