"""Rows of language models as tables and searches take them: in brief, and all that is said in them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import streamlit as st

from backend.data.dataset import Split, SplitName
from backend.data.examples import FIELD_NAMES
from backend.data.readable import readable
from pages.components.conversation.shown_text import conversation_of, has_conversations, in_brief
from pages.components.newest import of_newest
from pages.components.workspaces import opened


def readable_table(table: pa.Table, split: Split) -> pa.Table:
    """A table of all rows of a split with conversations as text: in brief, and in whole beside it.

    Those of other tasks stay as they are.
    """
    if not has_conversations(split):
        return table
    name, beside = FIELD_NAMES
    brief = [in_brief(conversation_of(split, place)) for place in range(len(split))]
    columns = {each: table[each] for each in table.column_names if each != beside}
    columns[name] = pa.chunked_array([pa.array(brief, pa.string())])
    columns[beside] = pa.chunked_array([pa.array(readable(split.examples).fields[0], pa.string())])
    return pa.table(columns)


def searched_columns(path: str, artifacts: str, split: SplitName) -> list[pa.ChunkedArray]:
    """What a search looks through: the texts of all rows, of conversations what is said in them."""
    rows = opened(Path(path)).split(split)
    return [_said(path, artifacts, split)] if has_conversations(rows) else rows.text_columns


@of_newest
@st.cache_resource(max_entries=2, show_spinner=False)
def _said(path: str, artifacts: str, split: SplitName) -> pa.ChunkedArray:
    (said,) = readable(opened(Path(path)).split(split).examples).fields
    return pa.chunked_array([pa.array(said, pa.string())])
