"""All jobs, running ones first: what each does, how far it is or how it ended, what it said."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from backend.jobs.listing import Job, all_jobs, forget_job, job_of, log_tail
from backend.jobs.stopping import what_is_kept
from pages.components.badges import Tone, badge
from pages.components.empty_state import lead_to, show_empty
from pages.components.job_panel import LOGS, progress_line, start, stop_button
from pages.components.job_words import job_details, job_words
from pages.components.markup import plain_label, short, show, tag
from pages.components.messages import safely

SHOWN = 20
STATES: dict[str, tuple[str, Tone]] = {
    "running": ("running", "info"),
    "done": ("done", "good"),
    "failed": ("failed", "bad"),
    "interrupted": ("stopped", "warn"),
}


def show_jobs() -> None:
    """The list; of very many the newest."""
    jobs = all_jobs(LOGS)
    if not jobs:
        show_empty(
            "jobs", "Nothing has run yet.", lead_to("overview", "See on Overview what can be computed")
        )
        return
    running = sum(job.state.state == "running" for job in jobs)
    st.caption(
        f"{running:,} running, {len(jobs) - running:,} ended. Jobs go on when this page, the browser or the "
        "server is closed."
    )
    for job in jobs[:SHOWN]:
        with st.container(border=True, gap="small"):
            if job.state.state == "running":
                _running_card(job.folder)
            else:
                _card(job)
    if len(jobs) > SHOWN:
        st.caption(f"{len(jobs) - SHOWN:,} older jobs are not shown; take some off the list to see them.")


@st.fragment(run_every="1s")
def _running_card(folder: Path) -> None:
    job = job_of(folder)
    if job is None or job.state.state != "running":
        st.rerun(scope="app")
    else:
        _card(job)


def _card(job: Job) -> None:
    state = job.state
    words, tone = STATES[state.state]
    show(
        tag(
            "div",
            tag("b", short(job_words(job.args), 120)),
            badge("stopping" if state.stopping else words, tone),
            tag("span", cls="fw-spring"),
            tag("span", f"started {_time(job.at)}", cls="fw-muted"),
            cls="fw-head",
        )
    )
    if details := job_details(job.args):
        show(tag("div", short(details, 400), cls="fw-mono"))
    if state.state == "running":
        st.progress(state.share, text=progress_line(state))
    elif state.state == "interrupted":
        at = f" It was at: {progress_line(state)}." if state.stage else ""
        st.caption(f"Stopped: {what_is_kept(job.args)}.{at}")
    elif state.error:
        st.error(plain_label(state.error, 600), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        _buttons(job)
    _output(job)


def _buttons(job: Job) -> None:
    name = job.folder.name
    if job.state.state == "running":
        stop_button(job.folder, job.state)
        return
    if job.args:
        st.button(
            "Go on" if job.state.state == "interrupted" else "Start again",
            key=f"again-{name}",
            icon=":material/play_arrow:",
            type="primary" if job.state.state == "interrupted" else "secondary",
            on_click=safely(start),
            args=(list(job.args),),
        )
    st.button(
        "Take off the list",
        key=f"forget-{name}",
        icon=":material/close:",
        help="Deletes what the job said, not what it made",
        on_click=safely(forget_job),
        args=(job.folder,),
    )


def _output(job: Job) -> None:
    said = {"messages": log_tail(job.folder, "stderr"), "result": log_tail(job.folder, "stdout")}
    for name, text in said.items():
        if text:
            with st.expander(f"Last lines of its {name}"):
                st.code(
                    text, language=None, wrap_lines=True, height=min(40 + 22 * (text.count("\n") + 1), 360)
                )


def _time(at: float) -> str:
    moment = datetime.fromtimestamp(at)
    today = moment.date() == datetime.now().date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")
