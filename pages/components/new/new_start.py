"""The name of the new workspace, what will be built, and the button that starts it."""

from __future__ import annotations

import re

import streamlit as st

from backend.build_time import build_time
from backend.errors import InputError
from backend.home import HOME
from backend.jobs.listing import all_jobs
from backend.jobs.process import start_command
from backend.progress import remaining
from pages.components import keys
from pages.components.job_panel import LOGS
from pages.components.markup import plain_label
from pages.components.messages import safely, say
from pages.components.new.new_check import Accepted
from pages.components.new.new_model import Model
from pages.components.new.steps import step_title
from pages.components.typed_name import folder_name

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


def offer_start(accepted: Accepted, model: Model) -> None:
    """Ask for the name, then build in the background: import, training, tracing."""
    with st.container(border=True):
        step_title("Name and start")
        name = _ask_name()
        wrong = model.faults.words or _wrong_name(name)
        st.markdown(f"**What will run:** {plain_label(build_words(accepted, model), 500)}.")
        st.caption(_time_words(accepted, model))
        st.button(
            "Build",
            type="primary",
            icon=":material/play_arrow:",
            disabled=bool(wrong),
            help=plain_label(wrong, 300) if wrong else None,
            on_click=safely(_start),
            args=(name, [*accepted.args(), *model.args()]),
        )
        if wrong:
            st.caption(plain_label(wrong, 300))
        st.caption(
            f"The workspace goes to {HOME}/{name if name and not wrong else 'NAME'}. You may close this "
            "page: it goes on, and can be continued if it is stopped; only a fine-tuning that was cut off "
            "begins anew."
        )


def build_words(accepted: Accepted, model: Model) -> str:
    """Rows, model and training in a line."""
    training = f", {model.training.words}" if model.training else ""
    return f"{accepted.words}; {model.words}{training}"


def _time_words(accepted: Accepted, model: Model) -> str:
    """How long it should take here."""
    report, training = accepted.report, model.training
    found = build_time(
        report.n_train,
        report.n_eval,
        accepted.data.characters,
        training.plan if training else None,
        model.start.name if model.start else "",
        model.start.layers if model.start else None,
        training.max_length if training else None,
    )
    line = f"Roughly {remaining(found.seconds)} on this machine"
    if training is None:
        return f"{line}."
    return f"{line}: {remaining(found.training)} of training, {remaining(found.tracing)} of tracing."


def check_name(name: str) -> None:
    """`InputError` if a workspace can't be called so, or something of that name is there already."""
    if not _NAME.fullmatch(name):
        near = folder_name(name)
        such = f", such as {near}" if _NAME.fullmatch(near) else ""
        raise InputError(f"name {name!r}: use letters, digits, - and _, a letter or digit first{such}")
    if (HOME / name).exists():
        raise InputError(f"{HOME / name}: exists already; choose another name")
    for job in all_jobs(LOGS, "build"):
        if job.args[1:2] == (str(HOME / name),) and job.state.state == "running":
            raise InputError(f"{HOME / name}: is being built; choose another name")


def _ask_name() -> str:
    st.text_input("Name", key=keys.NEW_NAME, bind="query-params", placeholder="reviews", max_chars=60)
    return str(keys.get(keys.NEW_NAME) or "").strip()


def _wrong_name(name: str) -> str:
    """Why the build can't be started under this name; nothing if it can."""
    if not name:
        return "Give the workspace a name."
    try:
        check_name(name)
    except InputError as error:
        return str(error)
    return ""


def _start(name: str, options: list[str]) -> None:
    check_name(name)
    start_command(["build", str(HOME / name), *options, "--json"], LOGS)
    keys.put(keys.NEW_NAME, "")
    say(f"{HOME / name} is being built; its progress is at the top of the page")
