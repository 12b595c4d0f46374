"""Which words of a language model the table is about: written, written instead, read, or the template's."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from backend.influence.answers.about_answer import DEFAULT_SIDE, Side
from pages.components import keys

INSTEAD = "instead"
SIDES = {
    INSTEAD: "Written instead",
    "written": "Written",
    "read": "Read",
    "template-written": "Template, written",
    "template-read": "Template, read",
}
MEANINGS = {
    INSTEAD: "Words that training rows teach where these eval rows say another word: what misleads.",
    "written": "Words that training rows and these eval rows both write: what is taught of their answers.",
    "read": "Words that stand before, in prompts and answers of both.",
    "template-written": "What the chat template adds and the model learns to write, such as the end.",
    "template-read": "What the chat template adds, such as who speaks.",
}


def on_side(words: pd.DataFrame) -> pd.DataFrame:
    """The words of the side that is chosen; all, where a task has one side."""
    if "side" not in words:
        return words
    st.segmented_control(
        "Words that are",
        list(SIDES),
        default=INSTEAD,
        required=True,
        format_func=lambda each: SIDES[each],
        key=keys.WORD_SIDE,
        bind="query-params",
        on_change=_first,
    )
    side = keys.get(keys.WORD_SIDE) or INSTEAD
    st.caption(MEANINGS[side])
    return words[words["side"] == side].reset_index(drop=True)


def asked_side(side: str) -> Side:
    """What `explain` calls the side of a word of the table."""
    return "read" if side.endswith("read") else DEFAULT_SIDE


def _first() -> None:
    keys.put(keys.WORDS_PAGE, 1)
    keys.put(keys.WORD, "")
