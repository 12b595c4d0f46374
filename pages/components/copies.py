"""Copies of a training row: in the same split, in the other one, and with which label."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.data.dataset import SplitName
from backend.data.same_text import RowsByText
from backend.workspace import Workspace
from pages.components.badges import badge
from pages.components.conversation.shown_text import has_conversations
from pages.components.markup import Html, short, tag
from pages.components.newest import of_newest
from pages.components.numbers import plural
from pages.components.workspaces import opened, version

EQUAL = "equal up to case, white space and Unicode form"
OTHER: dict[SplitName, SplitName] = {"train": "eval", "eval": "train"}
NAMES = {"train": "training row", "eval": "eval row"}


def copy_in_other_split(workspace: Workspace, split: SplitName, row: str, label: str) -> Html:
    """A badge that names a row of the other split with the same text, one with another label rather."""
    found = _copies(str(workspace.path), version(workspace), split, OTHER[split], row)
    if not found:
        return tag("span")
    contrary = [each for each in found if each[1] != label]
    name, given = (contrary or found)[0]
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    words = f"same text as {NAMES[OTHER[split]]} {short(name, 40)}{more}"
    labelled = f", labelled {short(given, 40)}"
    if has_conversations(workspace):
        labelled = ", with another answer" if contrary else ", with the same answer"
    return badge(f"{words}{labelled}", "bad" if contrary else "warn", EQUAL)


def times_in_train(workspace: Workspace, row: str) -> int:
    """How many training rows have the text of this one, itself among them."""
    return len(_copies(str(workspace.path), version(workspace), "train", "train", row))


def times_words(times: int) -> str:
    """That a text occurs more than once."""
    return f"{plural(times, 'training row')} with this very text"


@st.cache_data(max_entries=500, show_spinner=False)
def _copies(path: str, artifacts: str, split: SplitName, among: SplitName, row: str) -> list[tuple[str, str]]:
    """Ids and labels of the rows of ``among`` that have the text of a row."""
    workspace = opened(Path(path))
    rows = workspace.split(split)
    texts = rows.texts_of(rows.position(row))
    others = workspace.split(among)
    places = _by_text(path, workspace.manifest.data.fingerprint, among).places(others, texts)
    return [(others.ids[place], others.labels[place]) for place in places]


@of_newest
@st.cache_resource(max_entries=4, show_spinner=False)
def _by_text(path: str, data: str, split: SplitName) -> RowsByText:
    return RowsByText(opened(Path(path)).split(split))
