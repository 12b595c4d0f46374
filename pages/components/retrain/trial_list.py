"""The reports so far, and the one that the address names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from backend.errors import InputError
from backend.workspace import Workspace
from pages.components import keys
from pages.components.messages import show_error
from pages.components.retrain.trial_report import show_report
from pages.components.workspaces import opened


def show_trials(workspace: Workspace) -> None:
    """A choice of reports, newest first, and the chosen one; a new report shows itself."""
    names = workspace.trials.reports()
    if not names:
        st.caption("No trial has been finished yet. Its report will stand here.")
        return
    st.space("small")
    _choose(names)
    st.selectbox(
        "Report",
        names,
        format_func=report_title,
        key=keys.REPORT,
        help="The address of this page names the report, so that it can be shared.",
    )
    name = keys.get(keys.REPORT) or names[0]
    st.query_params[keys.REPORT] = name  # not bound: a binding leaves out the default
    try:
        report = _report(str(workspace.path), name, _written(workspace, name))
    except InputError as error:
        show_error(error)
        return
    show_report(workspace, name, report)


def report_title(name: str) -> str:
    """When and what: 2026-11-24 18:03:12 UTC, decisions."""
    stamp, _, strategy = name.rpartition("-")
    try:
        moment = datetime.strptime(stamp, "%Y%m%d-%H%M%S-%f")
    except ValueError:
        return name
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {strategy}"


def _choose(names: list[str]) -> None:
    """The report that the address names, at first; the newest where it names none or a new one has come."""
    wanted, newest = keys.get(keys.REPORT) or st.query_params.get(keys.REPORT), names[0]
    if wanted is not None and wanted not in names:
        st.warning("There is no report of the name in the address; the newest is shown instead.")
    is_new = keys.get(keys.REPORT_NEWEST) not in (None, newest)
    keys.put(keys.REPORT, newest if is_new or wanted not in names else wanted)
    keys.put(keys.REPORT_NEWEST, newest)


def _written(workspace: Workspace, name: str) -> int:
    try:
        return (workspace.path / "retrains" / name / "report.json").stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(max_entries=10, show_spinner=False)
def _report(path: str, name: str, written: int) -> dict[str, Any]:
    """Only read, never changed: a report of many masked rows is not copied for every look at it."""
    return opened(Path(path)).trials.report(name)
