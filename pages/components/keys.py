"""Names of everything kept between runs; those marked URL are bound to the address and can be shared."""

from typing import Any

import streamlit as st

WORKSPACE = "ws"  # URL
AUTHOR = "author"  # URL
WHAT = "what"  # URL: eval, train or text
ROW = "row"  # URL
LABEL = "label"  # URL
K = "k"  # URL
METHOD, SCORE = "method", "score"  # URL
SEARCH = "q"  # URL
ONLY_ERRORS = "errors"  # URL
TEXT, TEXT_B = "text", "text_b"  # URL, if short
REASON = "reason"
MESSAGE = "message"
THROUGH_APP = "through-app"
ASKED = "asked"
SHOWN = "shown"  # the question whose answer is on the page
LOG_START = "log-start"
LOG_ACTION = "action"  # URL
LOG_AUTHOR = "by"  # URL
LOG_ACTIVE = "active"  # URL
QUEUE_SERVES, QUEUE_REASON, QUEUE_LABEL, QUEUE_STATE = "for", "reason-of", "class", "decision"  # URL
QUEUE_PAGE = "queue-page"
EXPORT_WHAT, EXPORT_FORMAT = "export", "format"  # URL
TRIAL_STRATEGY, TRIAL_SEEDS, TRIAL_GUIDE = "strategy", "seeds", "guide"  # URL
TRIAL_ROW, TRIAL_TEXT, TRIAL_TEXT_B, TRIAL_LABEL = "follow", "sentence", "sentence_b", "of"
TRIAL_START = "start-model"
REPORT, REPORT_FIGURE, REPORT_DETAIL = "report", "figure", "by-part"  # URL
REPORT_NEWEST = "report-newest"
EXPORT_MANIFEST, EXPORT_DEFUSE = "manifest", "defuse"  # URL


def get(key: str, default: Any = None) -> Any:
    """A value kept in this session."""
    return st.session_state.get(key, default)


def put(key: str, value: Any) -> None:
    """Keep a value; in a callback also the way to set a widget."""
    st.session_state[key] = value
