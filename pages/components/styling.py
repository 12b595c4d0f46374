"""The app's own style sheet, on top of the theme in ``.streamlit/config.toml``."""

from pathlib import Path

import streamlit as st

STYLE = Path(__file__).with_name("style.css")
ICON = str(Path(__file__).with_name("icon.svg"))
LOGO = str(Path(__file__).with_name("logo.svg"))


def apply_style() -> None:
    """Send the style sheet to the browser."""
    st.html(STYLE)
