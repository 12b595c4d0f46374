"""Changes: everything decided so far, who did it and why; each can be reverted. Versions of it."""

from functools import partial

import streamlit as st

from backend.review.words import done_words
from pages.components import keys
from pages.components.changes.compare import compare
from pages.components.changes.freeze import offer_freeze
from pages.components.changes.log_table import show_log
from pages.components.changes.version_list import show_versions
from pages.components.choice import pick
from pages.components.empty_state import lead_to, show_empty
from pages.components.facts import facts
from pages.components.markup import show
from pages.components.missing import due_steps, offer_missing
from pages.components.navigation import through_app
from pages.components.workspaces import current

PARTS = {"log": "Log", "compare": "Compare versions"}

through_app()
st.title("Changes")
workspace = current()
ledger = workspace.review.ledger
counts = ledger.counts()
show(facts((name, f"{counts[action]:,}") for action, name in done_words(workspace.space).items()))
st.space("small")
if not ledger.count():
    offer = partial(offer_missing, workspace) if due_steps(workspace) else lead_to("review", "Go to Review")
    show_empty("changes", "Nothing has been decided yet; decisions are made on Review and Inspect.", offer)
else:
    offer_freeze(workspace)
    if pick("Part", PARTS, keys.CHANGES_PART, "log") == "log":
        show_log(workspace)
    else:
        show_versions(workspace)
        compare(workspace)
