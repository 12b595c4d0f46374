"""New workspace: data, columns, a check of every row, a model, and the job that builds it all."""

import streamlit as st

from pages.components.data_source import ask_source, look_at
from pages.components.demo_offer import are_demos_missing, offer_demos
from pages.components.navigation import through_app
from pages.components.new.new_builds import show_builds
from pages.components.new.new_check import checked
from pages.components.new.new_columns import ask_data
from pages.components.new.new_model import ask_model
from pages.components.new.new_start import offer_start
from pages.components.new.steps import step_title, steps_to_come

through_app()
st.title("New workspace")
show_builds()
with st.container(border=True):
    step_title("Training data")
    source = ask_source("train")
    look = look_at(source, "train") if source else None
data = ask_data(source, look) if source and look else None
accepted = checked(data) if data else None
model = ask_model(accepted.report) if accepted else None
if accepted and model:
    offer_start(accepted, model)
if not look:
    steps_to_come("Columns", "Evaluation rows")
if not data:
    steps_to_come("Check")
if not accepted:
    steps_to_come("Model")
if not model:
    steps_to_come("Name and start")
if not source and are_demos_missing():
    with st.expander("Or build a demo"):
        offer_demos(primary=False)
