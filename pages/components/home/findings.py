"""What was found in the data so far, each with a count and the page where it is acted on.

Only what has been computed is read. A count is that of the rows which the page then lists, undecided ones
where rows are decided about; that of wrong labels is an estimate, and the page lists the likeliest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import streamlit as st

from backend.data.overlap import stands_also_in
from backend.folder import ArtifactState
from backend.queue.queue import QueueFilter
from backend.queue.queue_item import UNDECIDED
from backend.queue.row_table import IN_BOTH, OWN_COLUMNS
from backend.scores.label_noise import CERTAINTY, UNSEEN, NoiseEstimate, rounded
from backend.scores.registry import all_scores, producer_of, scores_for
from backend.scores.score import LABEL
from backend.workspace import Workspace
from pages.components import keys
from pages.components.asking.question import SOURCES
from pages.components.conversation.shown_text import has_conversations
from pages.components.eval_errors import eval_wrong, has_no_errors
from pages.components.label_noise import left_of, noise_of
from pages.components.markup import brief
from pages.components.newest import of_newest
from pages.components.queue_filter import SERVES_WORDS
from pages.components.queue_rows import queue_of
from pages.components.score_values import read_current
from pages.components.words_result import read_words
from pages.components.workspaces import opened, version

Severity = Literal["high", "medium", "low"]
SERIOUS = 0.05  # share of wrong labels from which on the finding is a serious one
MOST_FLOWS = 3  # pairs of classes named


@dataclass(frozen=True)
class Finding:
    """So many rows (or words) of a kind; ``query`` makes ``page`` list them."""

    severity: Severity
    count: int
    one: str  # the sentence after a count of 1
    many: str  # and after others
    page: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unknown:
    """What can't be said, since it is missing or stale, and the page that offers to compute it."""

    about: str
    page: str
    state: ArtifactState = "missing"


def _overlap(workspace: Workspace) -> Finding:
    path, artifacts = str(workspace.path), version(workspace)
    return Finding(
        "high",
        _count_undecided_overlap(path, artifacts, workspace.review.ledger.count()),
        "training row has a text that also stands in eval: the model may look better than it is",
        "training rows have a text that also stands in eval: the model may look better than it is",
        "explore",
        {keys.ROWS_SCORE: OWN_COLUMNS[IN_BOTH], keys.ROWS_LOW: "1", keys.ROWS_DECISION: UNDECIDED},
    )


def _contradictions(workspace: Workspace) -> Finding | Unknown:
    count = _count_queue(workspace, LABEL, "contradiction")
    if count is None:
        return _unknown(workspace, "contradictions", "contradiction")
    labels, answers = "nearly the same text, another label", "the same question, another answer"
    what = answers if has_conversations(workspace) else labels
    return Finding(
        "high",
        count,
        f"training row contradicts another: {what}",
        f"training rows contradict others: {what}",
        "review",
        {keys.QUEUE_REASON: all_scores()["contradiction"].title},
    )


def _suspects(workspace: Workspace) -> Finding | Unknown:
    noise = noise_of(workspace)
    if noise is not None and noise.tells:
        return _wrong_labels(left_of(workspace, noise))
    count = _count_queue(workspace, LABEL, None)
    if count is None:
        serving = [
            each.name for each in scores_for(workspace.manifest.task.name).values() if each.serves == LABEL
        ]
        return _unknown(workspace, "wrong labels", *serving)
    doubted = "answer" if has_conversations(workspace) else "label"
    one = f"training row has a reason to be looked at: a score doubts its {doubted}"
    many = f"training rows have a reason to be looked at: some score doubts their {doubted}"
    return Finding("medium", count, one, many, "review")


def _wrong_labels(left: NoiseEstimate) -> Finding:
    """How many labels of undecided rows are probably wrong, and the classes that are confused most."""
    flows = "; ".join(
        f"of “{brief(each.given)}” about {rounded(each.count)} should be “{brief(each.right)}”"
        for each in left.flows[:MOST_FLOWS]
    )
    words = (
        f"of {left.rows:,} undecided training rows probably wrong ({rounded(left.low)} to "
        f"{rounded(left.high)}, {CERTAINTY:.0%} interval; {UNSEEN})"
    ).replace("%", " %")
    among = f". Among all rows: {flows}" if flows else ""
    severity: Severity = "high" if left.low > SERIOUS * max(left.rows, 1) else "medium"
    return Finding(severity, round(left.wrong), f"label {words}{among}", f"labels {words}{among}", "review")


def _errors(workspace: Workspace) -> Finding | None:
    if workspace.folder.state("predictions") != "current":
        return None  # the page says so already
    count = int(eval_wrong(str(workspace.path), version(workspace)).sum())
    one, many = "eval row is predicted wrongly", "eval rows are predicted wrongly"
    if not workspace.task.knows_right:
        one, many = "eval row has the largest error", "eval rows have the largest errors (a tenth of all)"
    query = {keys.WHAT: SOURCES["eval"], keys.ONLY_ERRORS: "true"}
    return Finding("medium", count, one, many, "inspect", query)


def _words(workspace: Workspace) -> Finding | Unknown | None:
    state = workspace.folder.state("words")
    if state == "missing" and has_no_errors(workspace):
        return None
    if state != "current":
        return Unknown("misleading words", "words", state)
    one, many = "word carries influence on errors", "words carry influence on errors, most harmful first"
    return Finding("low", len(read_words(workspace)), one, many, "words")


def _duplicates(workspace: Workspace) -> Finding | Unknown:
    count = _count_queue(workspace, "redundant", "near_duplicates")
    if count is None:
        return _unknown(workspace, "near-duplicates", "near_duplicates")
    return Finding(
        "low",
        count,
        "training row says nearly what another says",
        "training rows say nearly what others say",
        "review",
        {
            keys.QUEUE_SERVES: SERVES_WORDS["redundant"],
            keys.QUEUE_REASON: all_scores()["near_duplicates"].title,
        },
    )


LOOKS: tuple[Callable[[Workspace], Finding | Unknown | None], ...] = (
    _overlap,
    _contradictions,
    _suspects,
    _errors,
    _words,
    _duplicates,
)  # the most serious first


def _unknown(workspace: Workspace, about: str, *scores: str) -> Unknown:
    states = read_current(workspace).states
    found = {states[producer_of(each).name] for each in scores}
    return Unknown(about, "review", "stale" if "stale" in found else "missing")


def _count_queue(workspace: Workspace, serves: str, reason: str | None) -> int | None:
    """How many rows the Review page lists; None where the scores for it are not there."""
    values = read_current(workspace)
    known = [each.name for each in all_scores().values() if each.serves == serves and values.has(each.name)]
    if not known or reason not in (None, *known):
        return None
    queue = queue_of(workspace, QueueFilter(serves, reason))
    return queue.with_reason if reason is None else len(queue)


@st.cache_data(max_entries=10, show_spinner=False)
def _count_undecided_overlap(path: str, artifacts: str, decided: int) -> int:
    workspace = opened(Path(path))
    train, shared = workspace.train_split, _shared(path, artifacts)
    return int(shared.sum()) - sum(
        int(shared[train.position(row)]) for row in workspace.review.states() if train.has(row)
    )


@of_newest
@st.cache_data(max_entries=5, show_spinner=False)
def _shared(path: str, artifacts: str) -> np.ndarray:
    workspace = opened(Path(path))
    return stands_also_in(workspace.train_split.examples, workspace.eval_split.examples)
