"""Review: the training rows to look at first, each with reasons, and the buttons to decide."""

import streamlit as st

from backend.scores.score import LABEL
from pages.components.label_noise import show_noise
from pages.components.learnt import warn_hardly_learnt
from pages.components.navigation import through_app
from pages.components.queue_filter import BLIND, LIST, ask_queue_filter, ask_view
from pages.components.reason_field import ask_reason
from pages.components.review.focus import show_focus
from pages.components.review.queue_list import show_queue
from pages.components.review.queue_scores import offer_influence, offer_scores, scores_are_there
from pages.components.workspaces import current

through_app()
st.title("Review")
workspace = current()
warn_hardly_learnt(workspace)
offer_scores(workspace)
if scores_are_there(workspace):
    wanted = ask_queue_filter(workspace)
    if wanted is not None:
        if wanted.serves == LABEL:
            show_noise(workspace)
        view_box, reason_box = st.columns([0.6, 0.4])
        with view_box:
            view = ask_view(workspace)
        if view == LIST:
            with reason_box:
                ask_reason("queue", "Reason for your decisions")
            show_queue(workspace, wanted)
        else:
            show_focus(workspace, wanted, blind=view == BLIND)
    offer_influence(workspace)
