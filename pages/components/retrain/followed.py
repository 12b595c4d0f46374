"""What a trial follows beside the eval rows: one eval row or one sentence, and for which class."""

from __future__ import annotations

import numpy as np
import streamlit as st

from backend.errors import InputError
from backend.workspace import Workspace
from pages.components import keys
from pages.components.edit_target import is_one_class
from pages.components.markup import distinct, short
from pages.components.messages import show_error

OWN = "its own class"


def questions_of(workspace: Workspace) -> list[str]:
    """What can be followed of a row or sentence."""
    space = workspace.space
    return [each.name for each in workspace.task.choices(space, np.zeros(len(space.names), np.float32))]


def ask_followed(workspace: Workspace) -> list[str] | None:
    """Draw the fields; returns the command line's options, or None, said in a line, where one is wrong."""
    with st.expander(
        "Follow a row or a sentence", expanded=bool(_written(keys.TRIAL_ROW)), icon=":material/target:"
    ):
        st.caption("Its probability is shown for every model: the query that made you decide, for instance.")
        row_box, class_box = st.columns(2)
        with row_box:
            st.text_input("Eval row (its id)", key=keys.TRIAL_ROW, bind="query-params", max_chars=300)
        names = distinct([OWN, *questions_of(workspace)], 60)
        with class_box:
            st.selectbox(
                "Class" if is_one_class(workspace) else "What is followed",
                list(names),
                format_func=names.__getitem__,
                key=keys.TRIAL_LABEL,
            )
        st.text_input("or a sentence", key=keys.TRIAL_TEXT, max_chars=2_000)
        if workspace.manifest.data.text_b is not None:
            st.text_input("and its second text", key=keys.TRIAL_TEXT_B, max_chars=2_000)
    try:
        return followed_options(
            workspace,
            _written(keys.TRIAL_ROW),
            _written(keys.TRIAL_TEXT),
            _written(keys.TRIAL_TEXT_B),
            keys.get(keys.TRIAL_LABEL) or OWN,
        )
    except InputError as error:
        show_error(error)
        return None


def followed_options(workspace: Workspace, row: str, text: str, text_b: str, label: str) -> list[str]:
    """Options of `forecast` and `retrain`; `InputError` where they could not be followed."""
    found = []
    if row:
        if not workspace.eval_split.has(row):
            raise InputError(f"There is no eval row with the id {short(row)}.")
        found.append(f"--row={row}")
    if text:
        if label == OWN:
            raise InputError(
                "A sentence has no class of its own: choose the class whose probability is followed."
            )
        found.append(f"--text={text}")
        if workspace.manifest.data.text_b is not None:
            if not text_b:
                raise InputError("These data are pairs: give the second text, too.")
            found.append(f"--text-b={text_b}")
    if found and label != OWN:
        found.append(f"--label={label}")
    return found


def _written(key: str) -> str:
    return str(keys.get(key) or "").replace("\0", "").strip()
