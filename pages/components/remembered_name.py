"""The reviewer's name in this browser: read when a session begins, written when it is changed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import streamlit as st

COOKIE = "firstword-name"
LONGEST = 80

_COMPONENT = st.components.v2.component(
    "firstword_remembered_name", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def remembered_name() -> str | None:
    """The name that this browser was given last; None if there is none or it could not be one."""
    name = unquote(st.context.cookies.get(COOKIE) or "").strip()
    return name if name.isprintable() and 0 < len(name) <= LONGEST else None


def remember_name(name: str) -> None:
    """Have the browser keep the name, for a year."""
    _COMPONENT(key="remembered-name", data={"name": name, "cookie": COOKIE})
