"""With no workspace: the demo at a click, or the way to one of your own."""

from __future__ import annotations

import streamlit as st

from backend.program import COMMAND
from pages.components.demo_offer import offer_demos

COMMANDS = f"{COMMAND} build mine --train data.csv --eval 0.2 --text text --label label"


def show_welcome() -> None:
    """What Firstword is for, and two ways to begin."""
    st.title("Welcome to Firstword")
    st.markdown(
        "Which training examples, and which **words in them**, made your text model say this? "
        "Firstword finds them, lets you fix them, and exports the cleaned data."
    )
    demo, own = st.columns(2, gap="medium")
    with demo, st.container(border=True, height="stretch"):
        st.subheader("Try the demo")
        offer_demos()
    with own, st.container(border=True, height="stretch"):
        st.subheader("Start with your own data")
        st.markdown("CSV, JSON Lines, Parquet, a saved `datasets` folder or a hub id, in a few steps:")
        st.page_link("pages/new.py", label="New workspace", icon=":material/add_circle:")
        with st.expander("Or on the command line"):
            st.code(COMMANDS, language="bash", wrap_lines=True)
            st.caption("Then reload this page. Each command explains itself with `--help`.")
