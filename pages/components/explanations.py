"""Whether explanations are shown: whoever sees them first is swayed by them."""

from __future__ import annotations

import streamlit as st

from pages.components import keys

HIDDEN_NOTE = "decided with explanations hidden"


def ask_explanations() -> None:
    """Draw the switch, which holds for all pages."""
    st.toggle(
        "Show explanations",
        value=True,
        key=keys.EXPLANATIONS,
        bind="query-params",
        help="Off: Inspect shows texts without coloured words, Review rows without reasons and "
        "suggestion, so that you judge a row by itself. The log says so where you give no reason.",
    )


def explanations_are_shown() -> bool:
    """What the switch says."""
    return bool(keys.get(keys.EXPLANATIONS, True))
