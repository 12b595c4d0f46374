"""Firstword in the browser: page config, navigation, shared sidebar.

Start it with ``python -m streamlit run app.py``.
"""

import streamlit as st

from backend.errors import InputError
from backend.look import one_look
from pages.components.messages import show_error, show_messages
from pages.components.navigation import navigation
from pages.components.sidebar import show_sidebar, warn_of_missing_workspace
from pages.components.styling import ICON, LOGO, apply_style
from pages.components.warming import warm_up

st.set_page_config(page_title="Firstword", page_icon=ICON, layout="wide")
apply_style()
st.logo(LOGO, size="large")
page = navigation()
warm_up()
try:
    with one_look():
        show_sidebar()
        warn_of_missing_workspace()
        show_messages()
        page.run()
except InputError as error:
    show_error(error)
