"""The order of the queue of wrong labels, kept as a column beside what it is made from."""

from __future__ import annotations

from backend.folder import Folder
from backend.scores.context import Context
from backend.scores.score import Columns, Producer, Score
from backend.scores.suspicion import FALLBACK, QUEUE, START, VIEWS, suspicion_for


def _inputs(folder: Folder) -> tuple[str, ...]:
    """The tables of its members that are there."""
    from backend.scores.registry import all_producers, producer_of
    from backend.scores.table import artifact_name, score_state

    names = sorted({producer_of(name).name for name in (START, *VIEWS, *FALLBACK)})
    members = [all_producers()[name] for name in names]
    return tuple(artifact_name(each) for each in members if score_state(folder, each) == "current")


def _compute(context: Context) -> Columns:
    from backend.scores.table import read_scores

    return {QUEUE: suspicion_for(read_scores(context.folder), context.labels, "suspect label")}


PRODUCER = Producer(
    name="suspicion",
    cost="none beside the scores that it combines",
    inputs=_inputs,
    compute=_compute,
    combines=True,
    scores=(
        Score(
            QUEUE,
            "suspicion",
            "the label asks for a look first: the order of the review queue",
            "suspect label",
            "high",
            "P(wrong label) with the odds that training dynamics add",
            "this project, docs/decisions.md, D-109",
            "its place in the review queue comes from a suspicion of {suspicion:.2f}",
            is_reason=False,
        ),
    ),
)
