"""New workspace: data, columns, a check of every row, a model, and the job that builds it all."""

import streamlit as st

from pages.components.navigation import through_app
from pages.components.new.new_builds import show_builds
from pages.components.new.new_check import checked
from pages.components.new.new_columns import ask_data
from pages.components.new.new_model import ask_model
from pages.components.new.new_start import offer_start
from pages.components.new.source import ask_source, look_at

through_app()
st.title("New workspace")
show_builds()
with st.container(border=True):
    st.subheader("1. Training data")
    source = ask_source("train")
    look = look_at(source, "train") if source else None
if source and look:
    data = ask_data(source, look)
    if data:
        accepted = checked(data)
        if accepted:
            model = ask_model()
            if model:
                offer_start(accepted, model)
