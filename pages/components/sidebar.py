"""What all pages share: the workspace, undo and redo, the reviewer's name."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.errors import InputError
from backend.review.author import default_author
from backend.review.ledger import Ledger
from backend.review.versions import since_last
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import badge
from pages.components.decisions import author, redo, undo
from pages.components.explanations import ask_explanations
from pages.components.held_keys import ignore_held_keys
from pages.components.history import Batch, batch_of
from pages.components.job_line import show_running_job
from pages.components.markup import plain_label, show, tag
from pages.components.messages import show_error
from pages.components.numbers import plural
from pages.components.remembered_name import LONGEST, remember_name, remembered_name
from pages.components.workspaces import current_path, known_workspaces, opened


def show_sidebar() -> None:
    """Draw it; with no workspace there is only the running job, if there is one."""
    with st.sidebar:
        show_running_job()
        names = list(known_workspaces())
        if not names:
            return
        asked = st.query_params.get(keys.WORKSPACE)  # the widget forgets a name that it does not know
        if asked is not None and asked not in names:
            keys.put(keys.MISSING_WORKSPACE, asked)
        st.selectbox(
            "Workspace",
            names,
            key=keys.WORKSPACE,
            bind="query-params",
            on_change=keys.put,
            args=(keys.MISSING_WORKSPACE, None),
        )
        path = current_path()
        if path is not None:
            try:
                _undo_and_redo(path)
            except InputError as error:
                show_error(error)
        _ask_name()
        ask_explanations()
        ignore_held_keys()


def warn_of_missing_workspace() -> None:
    """That the address names a workspace that is not here, until one is chosen."""
    missing = keys.get(keys.MISSING_WORKSPACE)
    if missing is not None:
        shown = plain_label(str(keys.get(keys.WORKSPACE)), 60)
        st.warning(
            f"There is no workspace {plain_label(missing, 60)} here; this is {shown}. Choose one in the "
            "sidebar.",
            icon=":material/link_off:",
        )


def _ask_name() -> None:
    st.text_input(
        "Your name",
        value=remembered_name() or default_author(),
        key=keys.AUTHOR,
        max_chars=LONGEST,
        help="Stands beside each decision in the log. It is a note, not a login; this browser keeps it.",
    )
    remember_name(keys.get(keys.AUTHOR) or "")


def _undo_and_redo(path: Path) -> None:
    """What the reviewer did last, not what others did: that is reverted in Changes, where one sees it."""
    workspace, name = opened(path), author()
    ledger = workspace.review.ledger
    undo_entry, redo_entry = ledger.next_undo(name), ledger.next_redo(name)
    with st.container(gap="xsmall"):
        _version(ledger)
        _button("Undo", batch_of(ledger, undo_entry) if undo_entry else None, workspace)
        _button("Redo", batch_of(ledger, redo_entry) if redo_entry else None, workspace)


def _version(ledger: Ledger) -> None:
    """Which version of the decisions this is, and how many changes there were since."""
    last, changes = since_last(ledger)
    if last is None and not changes:
        return
    since = f" + {plural(changes, 'change')}" if changes else ""
    title = f"{last.name}: {last.message}" if last else "no version has been frozen yet"
    show(tag("div", badge(f"{last.name if last else 'raw'}{since}", "plain", title)))


def _button(name: str, target: Batch | None, workspace: Workspace) -> None:
    back = name == "Undo"
    what = target.name(workspace.space) if target else ""
    nothing = f"You have nothing to {name.lower()}; what others did is in Changes"
    st.button(
        f"{name}: {plain_label(what, 20)}" if target else name,
        key=f"sidebar-{name.lower()}",
        icon=":material/undo:" if back else ":material/redo:",
        shortcut="U" if back else "Y",
        help=f"{name}: {plain_label(what, 200)}" if target else nothing,
        disabled=target is None,
        on_click=undo if back else redo,
        args=(workspace.path, target.number if target else None),
        width="stretch",
    )
