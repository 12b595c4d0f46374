"""What was noticed in the data of a new workspace."""

from __future__ import annotations

import streamlit as st

from backend.data.survey import Survey
from pages.components.markup import short, show, tag

MOST = 30


def show_remarks(survey: Survey, title: str) -> None:
    """The remarks as a list; nothing but the share of the largest class is worth no heading."""
    if {each.kind for each in survey.remarks} <= {"majority"}:
        return
    st.markdown(f"**{title}**")
    show(tag("ul", *(tag("li", short(str(each).strip(), 500)) for each in survey.remarks[:MOST])))
