"""Changes: everything decided so far, who did it and why; each can be reverted."""

import streamlit as st

from pages.components import keys
from pages.components.changes.log_filter import ask_filter
from pages.components.changes.log_table import show_batch, turn_pages
from pages.components.facts import facts
from pages.components.history import page_of_batches
from pages.components.markup import show
from pages.components.navigation import through_app
from pages.components.workspaces import current

PAGE = 20

through_app()
st.title("Changes")
workspace = current()
ledger = workspace.ledger
names = {"remove": "removed", "relabel": "relabelled", "flag": "flagged", "keep": "kept"}
counts = ledger.counts()
show(facts((name, f"{counts[action]:,}") for action, name in names.items()))
st.space("small")
if not ledger.count():
    st.info(
        "Nothing has been decided yet. Keep, flag, remove or relabel training examples on the Inspect page.",
        icon=":material/history:",
    )
    st.page_link("pages/inspect.py", label="Inspect errors", icon=":material/search:")
else:
    wanted = ask_filter(ledger)
    start = int(keys.get(keys.LOG_START) or 0)
    batches, end = page_of_batches(lambda limit, offset: wanted.read(ledger, limit, offset), start, PAGE)
    for batch in batches:
        if batch.about is None or not wanted.active:  # an undo is no decision that could be in force
            with st.container(border=True):
                show_batch(workspace, batch)
    if not batches:
        st.caption("No entry fits these filters." if not start else "There is nothing older.")
    turn_pages(start, end if wanted.read(ledger, 1, end) else None)
