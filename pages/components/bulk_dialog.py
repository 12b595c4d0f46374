"""One decision about many rows: what it would do, some of the rows, a reason, and one undo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import streamlit as st

from backend.data.rowstate import Action
from backend.errors import InputError
from backend.workspace import Workspace
from pages.components import keys
from pages.components.class_choice import list_names
from pages.components.conversation.shown_text import action_words
from pages.components.decisions import author
from pages.components.edit_target import ask_target, read_target
from pages.components.likely import likely_first
from pages.components.markup import Html, brief, cut, join, plain_label, short, show, tag
from pages.components.messages import safely, say
from pages.components.numbers import plural
from pages.components.tables import table as html_table
from pages.components.workspaces import opened

ACTIONS = ("flag", "keep", "remove", "relabel")
SAMPLES = 5


@dataclass(frozen=True)
class Bulk:
    """The rows a decision is about: their ids, the labels in force, and which of them are removed."""

    path: Path
    ids: list[str]
    labels: list[str]
    removed: set[str]

    def brought_back_by(self, action: str) -> int:
        """How many removed rows the decision would bring back into the data."""
        return len(self.removed) if action != "remove" else 0

    def changed_by(self, action: str, label: str | None, bring_back: bool) -> list[str]:
        """The rows to decide about: of a relabelling those that it changes, and removed ones if wanted."""
        own = zip(self.ids, self.labels, strict=True)
        return [
            row
            for row, has in own
            if has != label and (bring_back or action == "remove" or row not in self.removed)
        ]


def offer_bulk(workspace: Workspace, count: int, rows: Callable[[], pa.Table], ticked: bool) -> None:
    """The button, and the dialog that it opens.

    ``rows``: the ``count`` training rows, with the columns id, label (as it was given) and text; called when
    the dialog is drawn.
    """
    name = f"Decide about {count:,} " + ("ticked" if ticked else "listed")
    st.button(
        name,
        icon=":material/done_all:",
        type="primary" if ticked else "secondary",
        key="bulk-button",
        on_click=_open,
    )
    st.caption("Tick rows to decide about these only.", width="content")
    if keys.get(keys.BULK_OPEN):
        _dialog(workspace, rows())


def _open() -> None:
    for key in (
        keys.BULK_ACTION,
        keys.BULK_LABEL,
        keys.BULK_REASON,
        keys.BULK_LACKS,
        keys.BULK_BACK,
        keys.BULK_TARGET,
    ):
        st.session_state.pop(key, None)
    keys.put(keys.BULK_OPEN, True)


def _close() -> None:
    keys.put(keys.BULK_OPEN, False)


@st.dialog("One decision about many rows", width="medium", on_dismiss=_close)
def _dialog(workspace: Workspace, table: pa.Table) -> None:
    if not keys.get(keys.BULK_OPEN):  # it was run alone, after the decision was stored
        st.rerun()
    bulk = _bulk(workspace, table)
    st.segmented_control(
        "What to do",
        [each for each in ACTIONS if each != "relabel" or workspace.space.edit != "text"],
        default=ACTIONS[0],
        required=True,
        format_func=str.capitalize,
        key=keys.BULK_ACTION,
    )
    action = keys.get(keys.BULK_ACTION) or ACTIONS[0]
    label, space = None, workspace.space
    if action == "relabel" and space.edit != "choose":
        ask_target(space, "", keys.BULK_TARGET)
        try:
            label = read_target(space, keys.BULK_TARGET)
        except InputError as error:
            st.caption(plain_label(str(error), 300))
    elif action == "relabel":
        label = st.selectbox(
            "New class",
            likely_first(workspace, bulk.ids),
            index=None,
            format_func=list_names(workspace.manifest.classes, {}).__getitem__,
            key=keys.BULK_LABEL,
            placeholder="Choose, or type to search",
        )
    bring_back = False
    if back := bulk.brought_back_by(action):
        bring_back = st.checkbox(
            f"Also {plural(back, 'row')} that {'is' if back == 1 else 'are'} removed now, back into the data",
            key=keys.BULK_BACK,
        )
    rows = bulk.changed_by(action, label, bring_back)
    show(tag("p", _says(action, label, len(rows), len(bulk.ids) - (0 if bring_back else back))))
    are_texts = workspace.space.edit == "text"  # another one in every row
    if not are_texts:
        show(_per_class(bulk.labels))
    st.caption(f"{min(SAMPLES, len(table))} of them:")
    show(_samples(table, not are_texts))
    st.text_input("Reason (needed; it is kept in the log)", key=keys.BULK_REASON, max_chars=500)
    st.button(
        f"{action.capitalize()} {plural(len(rows), 'row')}",
        type="primary",
        key="bulk-apply",
        disabled=not rows or (action == "relabel" and label is None),
        on_click=_apply,
        args=(bulk, action, label, bring_back),
    )
    if st.session_state.pop(keys.BULK_LACKS, False):
        st.error("Give a reason: why these rows?", icon=":material/error:")


@safely
def _apply(bulk: Bulk, action: str, label: str | None, bring_back: bool) -> None:
    reason = (keys.get(keys.BULK_REASON) or "").strip()
    if not reason:
        keys.put(keys.BULK_LACKS, True)
        return
    _close()
    rows = bulk.changed_by(action, label, bring_back)
    workspace = opened(bulk.path)
    workspace.review.decide(
        cast(Action, action), rows, label=label, reason=reason, author=author(), origin="app"
    )
    done = action_words(workspace)[action] + (f" as {brief(label)}" if label else "")
    say(f"{plural(len(rows), 'row')} {done}. Press U to undo all at once.")


def _bulk(workspace: Workspace, table: pa.Table) -> Bulk:
    rows = table.select(["id", "label"]).to_pydict()
    states = workspace.review.states()
    if len(rows["id"]) == 0:
        raise InputError("no rows are chosen")
    labels = [
        states[row].label or given if row in states else given
        for row, given in zip(rows["id"], rows["label"], strict=True)
    ]
    removed = {row for row in rows["id"] if row in states and states[row].action == "remove"}
    return Bulk(workspace.path, rows["id"], labels, removed)


def _says(action: str, label: str | None, count: int, all_of_them: int) -> str:
    if action == "relabel" and label is None:
        return "Choose the label that they get."
    if action == "relabel":
        left = all_of_them - count
        out = f" {plural(left, 'row')} with this label already stay as they are." if left else ""
        return f"{plural(count, 'row')} get the label “{brief(str(label))}”.{out}"
    meanings = {
        "flag": "are marked for a second look, and stay in the data",
        "keep": "are noted as looked at and fine",
        "remove": "are left out of the cleaned data",
    }
    return f"{plural(count, 'row')} {meanings[action]}. One undo takes all of it back."


def _per_class(labels: list[str]) -> Html:
    """By the label in force, which is the one that a relabelling changes."""
    return html_table(
        ("class", "rows"),
        [(cut(name, 40), f"{count:,}") for name, count in Counter(labels).most_common(12)],
        numbers=(1,),
    )


def _samples(table: pa.Table, with_labels: bool) -> Html:
    at = np.unique(np.linspace(0, len(table) - 1, SAMPLES).astype(int))
    rows = table.select(["text", "label"]).take(pa.array(at)).to_pylist()
    return tag(
        "ul",
        join(
            tag(
                "li",
                tag("span", f"{brief(each['label'], 36)} ", cls="fw-muted") if with_labels else "",
                short(each["text"], 140),
                dir="auto",
            )
            for each in rows
        ),
        cls="fw-reasons",
    )
