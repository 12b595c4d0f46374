"""Changes: everything decided so far, who did it and why; each can be reverted."""

import streamlit as st

from pages.components import keys
from pages.components.facts import facts
from pages.components.history import batches
from pages.components.log_filter import filtered
from pages.components.log_table import show_batch
from pages.components.markup import show
from pages.components.navigation import through_app
from pages.components.workspaces import current

PAGE = 20

through_app()
st.title("Changes")
workspace = current()
log = batches(workspace.log())
names = {"remove": "removed", "relabel": "relabelled", "flag": "flagged", "keep": "kept"}
counts = workspace.ledger.counts()
show(facts((name, f"{counts[action]:,}") for action, name in names.items()))
st.space("small")
if not log:
    st.info(
        "Nothing has been decided yet. Keep, flag, remove or relabel training examples on the Inspect page.",
        icon=":material/history:",
    )
    st.page_link("pages/inspect.py", label="Inspect errors", icon=":material/search:")
else:
    shown = filtered(log)
    pages = max(1, -(-len(shown) // PAGE))
    page = min(int(keys.get(keys.LOG_PAGE) or 1), pages)
    for batch in shown[(page - 1) * PAGE : page * PAGE]:
        with st.container(border=True):
            show_batch(workspace, batch)
    if not shown:
        st.caption("No entry fits these filters.")
    if pages > 1:
        st.pagination(pages, key=keys.LOG_PAGE, bind="query-params")
