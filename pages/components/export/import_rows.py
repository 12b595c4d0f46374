"""More training rows for the open workspace: checked first, then appended in the background."""

from __future__ import annotations

import streamlit as st

from backend.data.append_report import AppendReport
from backend.jobs.process import job_path, job_result
from backend.workspace import Workspace
from pages.components import keys
from pages.components.data_source import ask_source, look_at
from pages.components.facts import facts
from pages.components.import_report import show_rejected
from pages.components.job_panel import LOGS, job_panel
from pages.components.markup import plain_label, show
from pages.components.row_table import row_table

SHOWN_ROWS = 3


def offer_import(workspace: Workspace) -> None:
    """Choose a source, see what it would bring, append it."""
    info = workspace.manifest.data
    used = [name for name in (info.text, info.text_b, info.label, info.id, info.group) if name]
    names = ", ".join(plain_label(name) for name in used)
    st.caption(
        f"Puts more training rows behind those that are there. The columns are those of this workspace: "
        f"{names}. "
        "Rows, ids and decisions stay. The model stays as it was, trained without the new rows; "
        "afterwards precompute traces them."
    )
    source = ask_source("append")
    look = look_at(source, "append") if source else None
    if not source or not look:
        return
    show(row_table(look.columns, look.rows[:SHOWN_ROWS]))
    command = ["append", str(workspace.path), f"--train={source}"]
    if source in info.sources.values():
        st.info("The rows of this source are in the workspace already.", icon=":material/info:")
        _offer_precompute(workspace)
        return
    check = [*command, "--dry-run", "--json"]
    found = job_result(job_path(check, LOGS))
    if found is None:
        job_panel(check, "Check every row", "nothing is written")
        return
    job_panel(check, "Check again", "if the file has changed since", primary=False)
    report = AppendReport.of_json(found)
    _show(report)
    if show_rejected(report, keys.IMPORT_SKIP):
        job_panel([*command, *(["--skip-bad-rows"] if report.broken else []), "--json"], "Append")


def _show(report: AppendReport) -> None:
    shown = [("new training rows", report.n_appended), ("training rows then", report.n_train)]
    shown += [("rows left out", len(report.rejected)), ("in training already", report.repeated)]
    shown += [("with the text of an eval row", report.overlap)]
    show(facts((name, f"{count:,}") for name, count in shown))
    if report.missing:
        missing = ", ".join(plain_label(name) for name in report.missing[:20])
        st.caption(f"Not in this source, and empty in the new rows: {missing}.")


def _offer_precompute(workspace: Workspace) -> None:
    state = workspace.folder.state
    if state("checkpoints") == "current" and state("index") != "current":
        job_panel(["precompute", str(workspace.path)], "Precompute", "traces the new rows")
