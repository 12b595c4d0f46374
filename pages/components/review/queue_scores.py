"""What the review queue is made from: which scores are there, and a job for those that are not."""

from __future__ import annotations

import streamlit as st

from backend.scores.registry import producers_for
from backend.scores.score import Producer
from backend.scores.table import score_state
from backend.workspace import Workspace
from pages.components.eval_errors import NO_ERRORS, has_no_errors
from pages.components.missing import Only, offer_missing
from pages.components.purposes import PURPOSES
from pages.components.score_job import offer_producer

_NEEDS_INFLUENCE = "influence"


def _producers(workspace: Workspace) -> dict[str, Producer]:
    return producers_for(workspace.manifest.task.name)


def scores_are_there(workspace: Workspace) -> bool:
    """Whether some score is current."""
    return any(score_state(workspace.folder, each) == "current" for each in _producers(workspace).values())


def offer_scores(workspace: Workspace) -> None:
    """Offer to compute what the queue lacks, above it: what is listed without may mislead."""
    cheap = [
        each for each in _producers(workspace).values() if each.default and each.name != _NEEDS_INFLUENCE
    ]
    missing = [each.name for each in cheap if score_state(workspace.folder, each) != "current"]
    if not missing:
        return
    note = f"not computed yet: {', '.join(missing)}"
    if len(missing) == len(cheap):
        st.info(
            f"{PURPOSES['review']} It is made from scores of every training row, none of which has been "
            "computed yet.",
            icon=":material/info:",
        )
        note = "a minute or two for thousands of rows"
    else:
        st.warning(
            "The queue is made from a part of its scores only: order and percentages may mislead until the "
            "others are there.",
            icon=":material/rule:",
        )
    offer_missing(workspace, Only(["scores", str(workspace.path)], "Compute scores", note))


def offer_influence(workspace: Workspace) -> None:
    """A further reason, beneath the queue. It traces every eval row, so it is asked for by itself."""
    producer = _producers(workspace)[_NEEDS_INFLUENCE]
    index = workspace.folder.state("index")
    if index != "current" or score_state(workspace.folder, producer) == "current":
        return
    none = has_no_errors(workspace)
    with st.expander(f"More reasons: which rows harm {'' if none else 'the misclassified '}eval rows"):
        if none:
            st.caption(f"{NO_ERRORS}; rows are weighed by their influence on all eval rows.")
        st.caption("Every eval row is traced for it: minutes for some hundreds of them.")
        offer_producer(workspace, producer)
