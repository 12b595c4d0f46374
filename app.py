"""Firstword in the browser: page config, navigation, shared sidebar.

Start it with ``python -m streamlit run app.py``.
"""

import streamlit as st

from backend.errors import InputError
from backend.look import one_look
from pages.components.empty_state import need_workspace
from pages.components.go_to import turn_if_asked
from pages.components.messages import show_error, show_messages
from pages.components.navigation import navigation
from pages.components.sidebar import show_sidebar, warn_of_missing_workspace
from pages.components.styling import ICON, LOGO, apply_style
from pages.components.tour import show_tour
from pages.components.warming import warm_up
from pages.components.workspaces import NoWorkspace, moved_on

st.set_page_config(page_title="Firstword", page_icon=ICON, layout="wide")
apply_style()
st.logo(LOGO, size="large")
page = navigation()
warm_up()
with one_look():
    try:
        turn_if_asked()
        show_sidebar()
        warn_of_missing_workspace()
        show_messages()
        show_tour(page.url_path)
        page.run()
    except NoWorkspace:
        need_workspace(page.url_path)
    except InputError as error:
        if moved_on():
            st.rerun()  # a job ended meanwhile: what this look has seen and what is there are of two states
        show_error(error)
