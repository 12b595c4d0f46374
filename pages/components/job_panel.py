"""Background work on the page: a button that starts it, its progress, how it ended."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.jobs import process
from backend.jobs.listing import Job, all_jobs
from backend.jobs.process import JobState, job_path, job_record, job_state, start_command, stop_job
from backend.jobs.stopping import what_is_kept
from backend.progress import remaining
from pages.components.job_words import job_workspace
from pages.components.markup import plain_label
from pages.components.messages import safely

LOGS = process.LOGS


def job_panel(args: list[str], button: str, note: str = "", primary: bool = True, wrong: str = "") -> None:
    """Offer to run ``firstword *args``; while it runs, show how far it is, also after a reload.

    ``primary``: whether it is the next step, and not one to be taken again. ``wrong``: why it can't be
    started as the form is filled in; it then stands in the place of ``note``.
    """
    state = job_state(job_path(args, LOGS))
    if state and state.state == "running":
        watch(job_path(args, LOGS))
        return
    if state and state.state == "failed":
        st.error(f"Failed: {plain_label(state.error or 'it does not say why', 600)}", icon=":material/error:")
    if state and state.state == "interrupted":
        why = state.error or "its process ended before it was finished"
        st.warning(f"Stopped: {plain_label(why, 600)}; {what_is_kept(args)}.", icon=":material/pause_circle:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            button,
            key=f"start-{'-'.join(args)}",
            type="primary" if primary else "secondary",
            icon=":material/play_arrow:",
            disabled=bool(wrong),
            on_click=safely(start),
            args=(args,),
        )
        if wrong or note:
            st.caption(plain_label(wrong, 400) if wrong else note, width="content")


def jobs_of(path: Path, command: str) -> list[Job]:
    """Jobs of a workspace that run or ran ``command``, running ones first."""
    return [job for job in all_jobs(LOGS, command) if is_about(job, path)]


def is_about(job: Job, path: Path) -> bool:
    """Whether a job is one of the workspace at ``path``."""
    named = job_workspace(job.args)
    return named is not None and Path(named).resolve() == path.resolve()


@st.fragment(run_every="1s")
def watch(folder: Path, where: str = "") -> None:
    """The progress of a running job and a button that stops it; when it ends, the page is drawn again.

    ``where`` tells two places apart that watch the same job on one page.
    """
    state = job_state(folder)
    if state is None or state.state != "running":
        st.rerun(scope="app")
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(state.share, text=progress_line(state))
            stop_button(folder, state, where)


def stop_button(folder: Path, state: JobState, where: str = "") -> None:
    """Ask a running job to stop; one that does not listen can be ended."""
    record = job_record(folder)
    st.button(
        "End now" if state.stopping else "Stop",
        key=f"stop-{where}{folder.name}",
        icon=":material/stop_circle:",
        help="It was asked to stop and is finishing what it is at; this ends it at once"
        if state.stopping
        else f"W{what_is_kept(record.args if record else ())[1:]}",
        on_click=_stop,
        args=(folder, state.stopping),
    )


def _stop(folder: Path, at_once: bool) -> None:
    stop_job(folder, at_once)


def progress_line(state: JobState) -> str:
    """Stage, count and time left, for places that read Markdown."""
    return plain_label(progress_words(state), 200)


def progress_words(state: JobState) -> str:
    """Stage, count and time left."""
    if state.stopping:
        return "Stopping …"
    if not state.stage:
        return "Starting …"
    within = _part(*state.within) + "; " if state.within else ""
    left = f", {remaining(state.seconds_left)} left" if state.seconds_left else ""
    words = f"{within}{_part(state.stage, state.done, state.total)}"
    return f"{words[:1].upper()}{words[1:]}{left}"


def _part(stage: str, done: int, total: int) -> str:
    return f"{stage} {done:,} of {total:,}" if total > 1 else stage


def start(args: list[str]) -> None:
    """Start a job."""
    start_command(args, LOGS)
