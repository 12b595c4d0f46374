"""Small things that this browser keeps for us: read when a session begins, written when they change."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import streamlit as st

_COMPONENT = st.components.v2.component(
    "firstword_kept_cookie", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def kept_cookie(name: str) -> str:
    """What the browser has kept under this name; "" if nothing. Anybody may have put it there."""
    return unquote(st.context.cookies.get(name) or "")


def keep_cookie(name: str, value: str) -> None:
    """Have the browser keep it, for a year."""
    _COMPONENT(key=f"keep-{name}", data={"cookie": name, "value": value})
