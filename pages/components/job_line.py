"""The running job in the sidebar: one line on every page, with the way to all jobs; and how it ended."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.jobs.listing import Job, all_jobs, job_of
from backend.jobs.stopping import what_is_kept
from pages.components import keys
from pages.components.job_panel import LOGS, progress_words
from pages.components.job_words import job_words
from pages.components.markup import plain_label
from pages.components.messages import say

_ICONS = {"done": ":material/check:", "interrupted": ":material/pause_circle:", "failed": ":material/error:"}


def show_running_job() -> None:
    """Draw it where something runs; while nothing does, nothing is asked again."""
    running = _running()
    _say_what_ended({job.folder for job in running})
    if running:
        _line()


def _say_what_ended(running: set[Path]) -> None:
    """A message for every job that ran when this session drew a page last, and does not any more."""
    ended = [job for folder in keys.get(keys.SEEN_RUNNING, set()) - running if (job := job_of(folder))]
    keys.put(keys.SEEN_RUNNING, running)
    if ended:
        say("; ".join(sorted(map(ending_words, ended))), _ICONS.get(ended[0].state.state, _ICONS["done"]))


def ending_words(job: Job) -> str:
    """How a job ended."""
    words, state = job_words(job.args), job.state
    if state.state == "interrupted":
        return f"{words}: stopped; {what_is_kept(job.args)}"
    return f"{words}: {'failed, see Jobs' if state.state == 'failed' else 'done'}"


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
