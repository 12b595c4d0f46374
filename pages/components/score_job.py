"""The job that computes a producer's scores, or what must come before it."""

from __future__ import annotations

import streamlit as st

from backend.program import COMMAND
from backend.scores.compute import COMMANDS
from backend.scores.score import Producer
from backend.workspace import Workspace
from pages.components.empty_state import need_model
from pages.components.job_panel import job_panel
from pages.components.markup import plain_label
from pages.components.missing import Only, offer_missing

BY_HAND = ("train",)  # commands that ask for a choice: not for a button


def offer_scores_of(workspace: Workspace, producer: Producer) -> None:
    """Beside it, where `all` makes these scores, the button for all that is missing; once a page."""
    model = workspace.folder.state("checkpoints")
    if model != "current" and any(COMMANDS.get(each) in BY_HAND for each in _lacking(workspace, producer)):
        need_model("scores", model)
    elif producer.default:
        cost = f"cost: {producer.cost}"
        only = Only(
            ["scores", str(workspace.path), "--only", producer.name], f"Compute {producer.name}", cost
        )
        offer_missing(workspace, only)
    else:
        offer_producer(workspace, producer)


def offer_producer(workspace: Workspace, producer: Producer, primary: bool = True) -> None:
    """A button with what it costs; where an input is missing, the command that makes that.

    ``primary``: whether it is the next step of the page, not one of many that can be taken.
    """
    path = str(workspace.path)
    lacking = _lacking(workspace, producer)
    if not lacking:
        args, cost = ["scores", path, "--only", producer.name], f"cost: {producer.cost}"
        job_panel(args, f"Compute {producer.name}", cost, primary)
        return
    command = COMMANDS.get(lacking[0], lacking[0])
    if command in BY_HAND:
        st.caption(f"It needs {lacking[0]}: run “{plain_label(f'{COMMAND} {command} {path}', 300)}” first.")
        return
    job_panel(
        [command, path],
        f"Run {command} first",
        f"{producer.name} is made from it; then compute {producer.name}",
        primary,
    )


def _lacking(workspace: Workspace, producer: Producer) -> list[str]:
    """The artifacts that it reads and that are not there as they should be."""
    inputs = producer.inputs_of(workspace.folder)
    return [each for each in inputs if workspace.folder.state(each) != "current"]
