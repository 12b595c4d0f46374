"""The workspaces that are being built, or were: progress, a way to continue, a way in."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.folder import MANIFEST
from backend.jobs.listing import all_jobs, forget_job
from pages.components import keys
from pages.components.go_to import turn_to
from pages.components.job_panel import LOGS, job_panel
from pages.components.markup import plain_label, show, tag
from pages.components.messages import safely
from pages.components.workspaces import known_workspaces

MOST = 5


def show_builds() -> None:
    """The newest builds; one that is finished stays until it is dismissed or its workspace is gone."""
    for job in all_jobs(LOGS, "build")[:MOST]:
        if len(job.args) < 2:
            continue
        path = Path(job.args[1])
        if job.state.state != "done":
            with st.container(border=True):
                show(tag("p", tag("b", path.name), " import, training, tracing", cls="fw-muted"))
                job_panel(list(job.args), "Continue", "what is done is kept")
                if job.state.state != "running":
                    _dismiss(job.folder)
        elif (path / MANIFEST).is_file():
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain_label(path.name)}** is ready.", width="content")
                _open(path)
                _dismiss(job.folder)


def _open(path: Path) -> None:
    names = [name for name, each in known_workspaces().items() if each.resolve() == path.resolve()]
    clicked = st.button(
        "Open workspace",
        key=f"open-{path.name}",
        type="primary",
        icon=":material/folder_open:",
        disabled=not names,
        on_click=_choose,
        args=(names[0] if names else "",),
    )
    if clicked:
        turn_to("overview")


def _choose(name: str) -> None:
    keys.put(keys.WORKSPACE, name)


def _dismiss(folder: Path) -> None:
    st.button(
        "Dismiss",
        key=f"dismiss-{folder.name}",
        on_click=safely(forget_job),
        args=(folder,),
        help="Forgets the job. What it made stays.",
    )
