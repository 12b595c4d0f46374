"""The browser's part of the keys: one press is one decision, however long it is held."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_COMPONENT = st.components.v2.component(
    "firstword_held_keys", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def ignore_held_keys() -> None:
    """Let letters and digits that repeat reach no button; text fields have them as ever."""
    _COMPONENT(key="held-keys")
