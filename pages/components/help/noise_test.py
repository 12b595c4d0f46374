"""The noise self-test: wrong labels planted in a copy, and how many of them the queue finds."""

from __future__ import annotations

import streamlit as st

from backend.evaluation.detection import FIRST
from backend.evaluation.noise_test import NoiseTest
from backend.model.origin import was_attached
from backend.scores.registry import all_scores
from backend.scores.suspicion import QUEUE
from backend.workspace import Workspace
from pages.components.facts import facts
from pages.components.job_panel import job_panel
from pages.components.markup import Html, short, show, tag
from pages.components.numbers import percent, plural
from pages.components.tables import table

SHARE = 0.1


def show_noise_test(workspace: Workspace) -> None:
    """The last result, and the job that makes a new one."""
    st.markdown(
        "Does the review queue find wrong labels in your data? The self-test gives a copy of the training "
        f"rows wrong labels in {percent(SHARE)} of them, trains your model on the copy, scores it as it "
        "would score your data, and looks where the planted rows stand. The copy is deleted afterwards; your "
        "workspace stays as it is."
    )
    result = workspace.scores.noise_test()
    if result is not None:
        _show_result(workspace, result)
    if was_attached(workspace.folder):
        st.info(
            "This workspace uses an attached run. The model that it started from is not known, so the test "
            "can't be made here. Build a workspace that trains that model itself.",
            icon=":material/info:",
        )
        return
    args = ["evaluate", str(workspace.path), "--protocol", "mislabel", "--share", f"{SHARE:g}", "--json"]
    job_panel(
        args,
        "Run the self-test" if result is None else "Run it again",
        "takes as long as training, precompute and all scores together",
        primary=result is None,
    )


def sentence(result: NoiseTest) -> str | None:
    """What was found, in one sentence; None if the queue was not measured."""
    queue = result.of(QUEUE)
    if queue is None:
        return None
    return (
        f"We planted wrong labels in {percent(result.share)} of the rows: "
        f"the queue's first tenth holds {percent(queue.recall)} of them."
    )


def _show_result(workspace: Workspace, result: NoiseTest) -> None:
    found = sentence(result)
    with st.container(border=True):
        if found is not None:
            show(tag("p", tag("b", found), cls="fw-text"))
        show(tag("p", f"A random order would hold {percent(FIRST)}.", cls="fw-muted"))
        if result.fingerprint != workspace.manifest.data.fingerprint:
            st.caption("The data have changed since: the result is that of the rows that were there before.")
        planted = round(result.share * result.n_train)
        show(facts([("training rows", f"{result.n_train:,}"), ("wrong labels planted", f"{planted:,}")]))
        show(_table(result))
        st.caption(
            "Found in the first tenth: share of the planted rows among the tenth that the score suspects "
            "most. Ranked above a right label: chance that a wrong label is suspected more than a right one; "
            f"50 % is chance. Measured {result.created[:16].replace('T', ' ')} UTC."
        )
        if result.left_out:
            with st.expander(f"{plural(len(result.left_out), 'score')} could not be measured"):
                for line in result.left_out:
                    show(tag("p", short(line, 300), cls="fw-muted"))


def _table(result: NoiseTest) -> Html:
    rows = [
        (
            tag("b", "review queue") if each.name == QUEUE else _title(each.name),
            percent(each.recall),
            percent(each.auroc),
            f"{each.average_precision:.2f}",
        )
        for each in sorted(result.found, key=lambda each: -each.recall)
    ]
    headers = ("score", "found in the first tenth", "ranked above a right label", "average precision")
    return table(headers, rows, numbers=(1, 2, 3))


def _title(name: str) -> str:
    score = all_scores().get(name)
    return short(score.title if score else name)
