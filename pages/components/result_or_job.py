"""A result that a command computes: read where it is current, else said and the job offered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from backend.errors import InputError
from backend.workspace import Workspace
from pages.components.messages import show_error
from pages.components.missing import Only, offer_missing

T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """An artifact of a workspace: the ``command`` that makes it, what it is ``about``, what it costs."""

    artifact: str
    command: str
    about: str
    button: str
    cost: str


def result_or_job(workspace: Workspace, wanted: Wanted, read: Callable[[], T]) -> T | None:
    """What ``read`` returns; None, with the job offered, where it is missing, stale or damaged."""
    state = workspace.folder.state(wanted.artifact)
    if state == "current":
        try:
            return read()
        except InputError as error:
            show_error(error)
    elif state == "stale":
        st.warning(
            "What was computed is stale: data, model or settings have changed since. Compute it again.",
            icon=":material/history:",
        )
    else:
        st.info(wanted.about, icon=":material/info:")
    offer_missing(workspace, Only([wanted.command, str(workspace.path)], wanted.button, wanted.cost))
    return None
