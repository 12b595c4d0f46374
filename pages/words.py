"""Words: which words mislead the model, how they go with a label, and the training rows that carry them."""

import streamlit as st

from pages.components.asking.question import is_ready
from pages.components.navigation import through_app
from pages.components.words.word_detail import show_word
from pages.components.words.word_side import on_side
from pages.components.words.words_table import pick_word
from pages.components.words_result import words_or_offer
from pages.components.workspaces import current

through_app()
st.title("Words")
workspace = current()
words = words_or_offer(workspace) if is_ready(workspace, "words") else None
if words is not None:
    chosen = pick_word(workspace, on_side(words))
    if chosen is not None:
        show_word(workspace, chosen)
