"""The decisions of a patch file: what would become of each row, then one batch that can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from backend.data.patch import PatchRow
from backend.errors import InputError
from backend.interchange.decisions_file import NAMED
from backend.review.patch_import import MEANINGS, Outcome, PatchPlan
from backend.workspace import Workspace
from pages.components import keys
from pages.components.data_source import ask_source, state_of
from pages.components.decisions import author
from pages.components.markup import plain_label, short, show
from pages.components.messages import safely, say, show_error
from pages.components.newest import of_newest
from pages.components.numbers import plural
from pages.components.tables import table
from pages.components.workspaces import opened, version

SHOWN_IDS = 5
MOST = 50
KINDS = ("upload", "path")  # a hub holds no patches


def offer_patch(workspace: Workspace) -> None:
    """Choose a patch, see what it would do here, apply it."""
    st.caption(
        "Takes over decisions: a patch from here or another workspace with the same rows, or "
        "an export of Argilla, Label Studio or cleanlab. Each row is checked; nothing is written before "
        "you press Apply."
    )
    source = ask_source("patch", KINDS)
    if not source:
        return
    replace = st.toggle(
        "The patch wins where a row is decided otherwise here",
        key=keys.PATCH_REPLACE,
        help="Off: what is decided here stays.",
    )
    try:
        plan = _plan(workspace, source, replace)
    except InputError as error:
        show_error(error)
        return
    if plan.kind != "patch":
        st.caption(f"Recognised: {NAMED[plan.kind]}.")  # type: ignore[index]
    for note in plan.notes:
        st.info(plain_label(note, 400), icon=":material/info:")
    _show_counts(plan)
    _list_left_out(plan)
    if plan.odd:
        more = f", and {plural(len(plan.odd) - 1, 'more such row')}" if len(plan.odd) > 1 else ""
        st.warning(plain_label(f"{plan.odd[0]}{more}", 300))
    count = plan.counts["applies"]
    st.button(
        f"Apply to {plural(count, 'row')}",
        type="primary",
        key="patch-apply",
        icon=":material/playlist_add_check:",
        disabled=not count,
        on_click=_apply,
        args=(workspace.path, source, replace),
    )


@safely
def _apply(path: Path, source: str, replace: bool) -> None:
    _, plan = opened(path).review.import_patch(source, replace=replace, author=author(), origin="app")
    say(f"{plural(plan.counts['applies'], 'row')} decided as the patch says. Press U to undo all at once.")


def _plan(workspace: Workspace, source: str, replace: bool) -> PatchPlan:
    decided, state = workspace.review.ledger.count(), state_of(source)
    return _planned(str(workspace.path), version(workspace), decided, source, state, replace)


@of_newest
@st.cache_resource(max_entries=4, show_spinner="Checking the patch …")
def _planned(path: str, artifacts: str, decided: int, source: str, state: object, replace: bool) -> PatchPlan:
    return opened(Path(path)).review.patch_dry_run(source, replace=replace)


def _show_counts(plan: PatchPlan) -> None:
    rows = [
        (outcome, f"{count:,}", MEANINGS[outcome], _ids(plan.of(outcome)))
        for outcome, count in plan.counts.items()
        if count
    ]
    show(table(("rows of the file", "count", "what becomes of them", "ids"), rows, numbers=(1,)))


def _ids(rows: Sequence[PatchRow]) -> str:
    more = ", …" if len(rows) > SHOWN_IDS else ""
    return ", ".join(short(each.id, 40) for each in rows[:SHOWN_IDS]) + more


def _list_left_out(plan: PatchPlan) -> None:
    """Those that the patch does not decide here, row by row."""
    left: list[tuple[PatchRow, Outcome]] = [
        (row, outcome) for row, outcome in plan.rows if outcome not in ("applies", "so already")
    ]
    if not left:
        return
    with st.container(height=260 if len(left) > 6 else "content", border=False):
        rows = [
            (row.where, short(row.id, 40), row.action, short(row.label or "", 40), short(row.reason), outcome)
            for row, outcome in left[:MOST]
        ]
        show(table(("in the file", "id", "action", "new label", "reason", "why it is left out"), rows))
        if len(left) > MOST:
            st.caption(f"and {plural(len(left) - MOST, 'row')} more")
