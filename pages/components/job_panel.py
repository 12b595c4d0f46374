"""Background work on the page: a button that starts it, its progress, how it ended."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.jobs.process import JobState, job_path, job_state, start_command
from backend.progress import remaining
from pages.components.markup import plain_label
from pages.components.messages import safely

LOGS = Path("cache/.jobs")


def job_panel(args: list[str], button: str, note: str = "", primary: bool = True) -> None:
    """Offer to run ``python -m backend *args``; while it runs, show how far it is, also after a reload.

    ``primary``: whether it is the next step, and not one to be taken again.
    """
    state = job_state(job_path(args, LOGS))
    if state and state.state == "running":
        _watch(args)
        return
    if state and state.state in ("failed", "interrupted"):
        why = state.error or "its process ended before it was finished; what is done is kept"
        st.error(f"{state.state.capitalize()}: {plain_label(why, 600)}", icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            button,
            key=f"start-{'-'.join(args)}",
            type="primary" if primary else "secondary",
            icon=":material/play_arrow:",
            on_click=safely(_start),
            args=(args,),
        )
        if note:
            st.caption(note, width="content")


@st.fragment(run_every="1s")
def _watch(args: list[str]) -> None:
    state = job_state(job_path(args, LOGS))
    if state is None or state.state != "running":
        st.rerun(scope="app")
    else:
        st.progress(state.share, text=_line(state))


def _line(state: JobState) -> str:
    if not state.stage:
        return "Starting …"
    count = f" — {state.done:,} of {state.total:,}" if state.total > 1 else ""
    left = f", {remaining(state.seconds_left)} left" if state.seconds_left else ""
    return plain_label(f"{state.stage[:1].upper()}{state.stage[1:]}{count}{left}", 200)


def _start(args: list[str]) -> None:
    start_command(args, LOGS)
