"""Retrain: what the decisions should do, what they did do, and whether that is more than chance."""

import streamlit as st

from pages.components.conversation.shown_text import has_conversations
from pages.components.learnt import warn_hardly_learnt
from pages.components.navigation import through_app
from pages.components.retrain.asked_answers import ask_answers
from pages.components.retrain.followed import ask_followed
from pages.components.retrain.forecast_panel import show_forecast
from pages.components.retrain.trial_form import ask_trial
from pages.components.retrain.trial_list import show_trials
from pages.components.retrain.trial_state import ask_for_decisions, can_retrain, decided, something_decided
from pages.components.workspaces import current

through_app()
st.title("Retrain")
workspace = current()
warn_hardly_learnt(workspace)
if can_retrain(workspace):
    if not something_decided(decided(workspace)):
        ask_for_decisions(workspace)
    writes = has_conversations(workspace)
    followed = None if writes else ask_followed(workspace)
    first_box, trial_box = st.columns([0.46, 0.54], gap="medium")
    with first_box, st.container(border=True):
        if writes:
            followed = ask_answers(workspace)
        else:
            show_forecast(workspace, followed)
    with trial_box, st.container(border=True):
        ask_trial(workspace, followed)
    show_trials(workspace)
