"""What was noticed in the data of a new workspace."""

from __future__ import annotations

import streamlit as st

from backend.data.survey import Survey
from pages.components.markup import short, show, tag

MOST = 30
_COMMAND = "for language models"  # names a command, in whose place the page has fields


def show_remarks(survey: Survey, title: str) -> None:
    """The remarks as a list; nothing but the share of the largest class is worth no heading."""
    remarks = [each for each in survey.remarks if each.kind != _COMMAND]
    if {each.kind for each in remarks} <= {"majority"}:
        return
    st.markdown(f"**{title}**")
    show(tag("ul", *(tag("li", short(str(each).strip(), 500)) for each in remarks[:MOST])))
