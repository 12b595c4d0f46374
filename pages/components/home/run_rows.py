"""What an attached run made of the training rows: how many it cut, how often it saw them, which those are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from backend.errors import InputError
from backend.program import COMMAND
from backend.workspace import Workspace
from pages.components.job_panel import job_panel
from pages.components.markup import plain_label, show
from pages.components.messages import show_error
from pages.components.numbers import plural
from pages.components.row_table import row_table
from pages.components.workspaces import opened, version

_SHOWN = 20
_WHOLE = ("kept", "not known")


def show_run_rows(workspace: Workspace, status: dict[str, Any]) -> None:
    """Counts and the first rows that are not whole, or the job that looks; nothing of an own training."""
    if status["artifacts"]["checkpoints"].get("made_by") != "attach":
        return
    with st.container(border=True, gap="small"):
        st.subheader("What the run did to the rows")
        known = status["artifacts"].get("run_rows", {})
        if known.get("state") != "current":
            st.caption("Which rows were cut, and how often each was seen: not looked at yet.")
            job_panel(["run-rows", str(workspace.path)], "Look", "seconds to minutes", primary=False)
            return
        summary = known["summary"]
        counts = ", ".join(f"{count:,} {name}" for name, count in summary["fates"].items())
        seen = ", ".join(
            f"{plural(count, 'row')} {_times(times)}" for times, count in summary["seen"].items()
        )
        st.markdown(plain_label(f"{counts}. Seen: {seen}.", 600))
        for note in summary["notes"]:
            st.caption(plain_label(note, 600))
        _show_rows(workspace)


def _show_rows(workspace: Workspace) -> None:
    try:
        rows, count = _not_whole(str(workspace.path), version(workspace))
    except InputError as error:
        show_error(error)
        return
    if not rows:
        return
    show(row_table(("row", "fate", "kept", "of tokens", "seen"), rows))
    if count > len(rows):
        st.caption(f"The first {len(rows):,} of {count:,}; all: `{COMMAND} run-rows WS --out rows.csv`.")


@st.cache_data(max_entries=10, show_spinner=False)
def _not_whole(path: str, artifacts: str) -> tuple[list[tuple[Any, ...]], int]:
    table = opened(Path(path)).audit.run_rows()
    table = table.filter(pc.invert(pc.is_in(table["fate"], pa.array(_WHOLE))))
    first = table.slice(0, _SHOWN).to_pylist()
    names = ("id", "fate", "kept_tokens", "tokens", "seen")
    return [tuple("not known" if each[n] is None else each[n] for n in names) for each in first], len(table)


def _times(times: str) -> str:
    return times if times == "not known" else "once" if times == "1" else f"{times} times"
