"""How many labels are probably wrong: in a sentence, and class by class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from backend.scores.label_noise import NoiseEstimate, rounded
from backend.workspace import Workspace
from pages.components.markup import short, show
from pages.components.numbers import percent, typeset
from pages.components.score_values import read_current
from pages.components.tables import table
from pages.components.workspaces import opened

SCORE = "wrong_label"
LONGEST_NAME = 60
HELP = (
    "From models that never saw the row (cross-validation, its words): where they are sure and labels "
    "disagree all the same, labels are wrong; where they are unsure, it is the models. What annotators get "
    "wrong in the same way for similar texts looks right to them and is not counted."
)


def noise_of(workspace: Workspace) -> NoiseEstimate | None:
    """The estimate for all training rows, read once for all sessions; None where there is none."""
    values = read_current(workspace)
    return _noise(str(workspace.path), values.key) if values.has(SCORE) else None


def left_of(workspace: Workspace, noise: NoiseEstimate) -> NoiseEstimate:
    """The estimate for the rows that are still undecided: as large a part of it as they have of the sum of
    probabilities."""
    values = read_current(workspace)
    states = workspace.review.ledger.count() and workspace.review.states()
    if not states or values.table is None:
        return noise
    wrong = np.nan_to_num(values.table.values(SCORE))
    train = workspace.train_split
    decided = [train.position(row) for row in states if train.has(row)]
    part = 1 - float(wrong[decided].sum() / wrong.sum()) if wrong.sum() > 0 else 1.0
    return noise.times(part, len(wrong) - len(decided))


def show_noise(workspace: Workspace) -> None:
    """The estimate and, folded, which classes are taken for which; nothing where there is none."""
    noise = noise_of(workspace)
    if noise is None:
        return
    st.markdown(f"Estimated wrong labels: **{typeset(noise.said())}**", help=HELP)
    if noise.tells and noise.flows:
        with st.expander("Which classes are taken for which"):
            show_flows(noise)


def show_flows(noise: NoiseEstimate) -> None:
    """Pairs of classes, the largest first, and how much of each class is wrong."""
    lines = [
        (short(each.given, LONGEST_NAME), short(each.right, LONGEST_NAME), rounded(each.count))
        for each in noise.flows
    ]
    worst = sorted(noise.by_class.items(), key=lambda each: -each[1][0])
    classes = [
        (short(name, LONGEST_NAME), rounded(wrong), percent(wrong / rows if rows else 0.0, 1))
        for name, (wrong, rows) in worst
        if wrong >= 0.5
    ]
    left, right = st.columns(2, gap="medium")
    with left, st.container(height=320, border=False):
        show(table(("labelled", "should be", "about"), lines, numbers=(2,)))
    with right, st.container(height=320, border=False):
        show(table(("class", "wrong, about", "of its rows"), classes, numbers=(1, 2)))


@st.cache_data(max_entries=10, show_spinner=False)
def _noise(path: str, key: str) -> NoiseEstimate | None:
    return opened(Path(path)).scores.label_noise()
