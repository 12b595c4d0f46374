"""The browser's part of the pair view: both texts, ribbons, table. Its data is text and numbers only."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.components.pair.pair_drawing import Drawing

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "firstword_pair",
    html='<div class="pair"></div>',
    css=(_HERE / "ribbons.css").read_text(encoding="utf-8"),
    js=(_HERE / "ribbons.js").read_text(encoding="utf-8"),
)


def show_ribbons(drawing: Drawing, names: tuple[str, str]) -> None:
    """Draw it; ``names`` stand above the two texts."""
    _COMPONENT(data={**drawing.to_json(), "names": list(names)}, key="ribbons")
