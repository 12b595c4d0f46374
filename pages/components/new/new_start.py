"""The name of the new workspace, and the button that starts to build it."""

from __future__ import annotations

import re

import streamlit as st

from backend.errors import InputError
from backend.jobs.listing import all_jobs
from backend.jobs.process import start_command
from pages.components import keys
from pages.components.job_panel import LOGS
from pages.components.messages import safely, say, show_error
from pages.components.new.new_check import Accepted
from pages.components.workspaces import HOME

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


def offer_start(accepted: Accepted, model: list[str]) -> None:
    """Ask for the name, then build in the background: import, training, tracing."""
    with st.container(border=True):
        st.subheader("6. Name and start")
        name = (
            st.text_input("Name", key=keys.NEW_NAME, bind="query-params", placeholder="reviews", max_chars=60)
            or ""
        ).strip()
        if name:
            try:
                check_name(name)
            except InputError as error:
                show_error(error)
                return
        st.caption(
            f"The workspace goes to {HOME}/{name or 'NAME'}. Building takes minutes to hours, by the number "
            "of rows. You may close this page: it goes on, and can be continued if it is stopped; only a "
            "fine-tuning that was cut off begins anew."
        )
        st.button(
            "Build",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not name,
            on_click=safely(_start),
            args=(name, [*accepted.args(), *model]),
        )


def check_name(name: str) -> None:
    """`InputError` if a workspace can't be called so, or something of that name is there already."""
    if not _NAME.fullmatch(name):
        raise InputError(f"name {name!r}: use letters, digits, - and _, a letter or digit first")
    if (HOME / name).exists():
        raise InputError(f"{HOME / name}: exists already; choose another name")
    for job in all_jobs(LOGS, "build"):
        if job.args[1:2] == (str(HOME / name),) and job.state.state == "running":
            raise InputError(f"{HOME / name}: is being built; choose another name")


def _start(name: str, options: list[str]) -> None:
    check_name(name)
    start_command(["build", str(HOME / name), *options, "--json"], LOGS)
    keys.put(keys.NEW_NAME, "")
    say(f"{HOME / name} is being built; its progress is at the top of the page")
