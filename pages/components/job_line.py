"""The running job in the sidebar: one line on every page, with the way to all jobs."""

from __future__ import annotations

import streamlit as st

from backend.jobs.listing import Job, all_jobs
from pages.components.job_panel import LOGS, progress_words
from pages.components.jobs.job_words import job_words
from pages.components.markup import plain_label


def show_running_job() -> None:
    """Draw it where something runs; while nothing does, nothing is asked again."""
    if _running():
        _line()


@st.fragment(run_every="2s")
def _line() -> None:
    jobs = _running()
    if not jobs:
        st.rerun(scope="app")
        return
    job, more = jobs[0], len(jobs) - 1
    with st.container(key="running-job"):
        st.page_link("pages/jobs.py", label=_label(job, more), icon=":material/progress_activity:")


def _label(job: Job, more: int) -> str:
    also = f" (and {more} more)" if more else ""
    return plain_label(f"{job_words(job.args)}{also} · {progress_words(job.state)}", 160)


def _running() -> list[Job]:
    return [job for job in all_jobs(LOGS) if job.state.state == "running"]
