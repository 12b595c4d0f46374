"""All that is missing of a workspace at one button, with how long it takes; while it runs, what is coming."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from backend.demos.build import demo_at, demo_command
from backend.everything import Step, plan
from backend.jobs.listing import Job, all_jobs
from backend.progress import remaining
from backend.workspace import Workspace
from pages.components.job_panel import LOGS, is_about, job_panel, watch
from pages.components.score_values import current_states
from pages.components.workspaces import opened, version

BUTTON = "Compute what is missing"
NAMES = {
    "precompute": "gradient rows and index",
    "embeddings": "sentence embeddings",
    "influence": "influence on eval rows",
    "scores": "scores of the training rows",
    "words": "words",
    "sources": "sources",
}


# These compute nothing of it, and don't keep the workspace from being worked on.
APART = ("retrain", "forecast", "verify", "evaluate", "explain-many", "small")


@dataclass(frozen=True)
class Only:
    """The job for what one page lacks, and nothing else: command, button, cost."""

    args: list[str]
    button: str
    cost: str


def offer_missing(workspace: Workspace, only: Only | None = None) -> None:
    """The button for all that is missing, and, less prominent, the job for what the page lacks alone.

    While something is being computed for this workspace, its progress and what is still coming instead.
    """
    running = _running(workspace)
    due = due_steps(workspace)
    if running is not None:
        if due:
            st.caption(f"Still coming, {_together(due)}.")
        watch(running.folder, "all-")  # a panel on the page may watch the same job
        return
    if due:
        job_panel(["all", str(workspace.path)], BUTTON, _together(due))
    if only is not None and len(due) != 1:
        job_panel(only.args, only.button, only.cost, primary=not due)


def due_steps(workspace: Workspace) -> list[Step]:
    """What is missing or stale and can be computed without a choice; nothing before there is a model."""
    if workspace.folder.state("checkpoints") != "current":
        return []
    embedded = (workspace.has_embeddings("train"), workspace.has_embeddings("eval"))
    return _plan(str(workspace.path), f"{version(workspace)} {current_states(workspace)} {embedded}")


def _running(workspace: Workspace) -> Job | None:
    """The job that computes something for the workspace now."""
    jobs = [job for job in all_jobs(LOGS) if job.state.state == "running" and not _is_apart(job)]
    return next((job for job in jobs if is_about(job, workspace.path) or _is_demo(job, workspace)), None)


def _is_apart(job: Job) -> bool:
    return job.args[:1] != () and (job.args[0] in APART or "--dry-run" in job.args)


def _is_demo(job: Job, workspace: Workspace) -> bool:
    demo = demo_at(workspace.path)
    return demo is not None and list(job.args) == demo_command(demo)


def _together(due: list[Step]) -> str:
    """About 6 min: words 1 min, sources 5 min."""
    total = sum(each.forecast or 0.0 for each in due)
    if len(due) == 1:
        return f"about {remaining(total)}: {NAMES[due[0].name]}"
    return f"about {remaining(total)}: {_listed(due)}"


def _listed(due: list[Step]) -> str:
    return ", ".join(f"{NAMES[each.name]} {remaining(each.forecast or 0.0)}" for each in due)


@st.cache_data(max_entries=20, show_spinner=False)
def _plan(path: str, states: str) -> list[Step]:
    return [each for each in plan(opened(Path(path))) if each.is_due]
