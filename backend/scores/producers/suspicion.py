"""The order of the queue of wrong labels, kept as a column beside what it is made from."""

from __future__ import annotations

from backend.folder import Folder
from backend.scores.context import Context
from backend.scores.score import Columns, Producer, Score
from backend.scores.suspicion import ANSWERS, FALLBACK, QUEUE, START, TARGETS, VIEWS, suspicion_for


def _inputs(folder: Folder) -> tuple[str, ...]:
    """The tables of its members that are there."""
    from backend.scores.registry import producer_of, scores_for
    from backend.scores.table import artifact_name, score_state

    known = scores_for(folder.manifest().task.name)
    asked = [name for name in (START, *VIEWS, *FALLBACK, *TARGETS, *ANSWERS) if name in known]
    members = sorted({producer_of(name).name: producer_of(name) for name in asked}.items())
    return tuple(artifact_name(each) for _, each in members if score_state(folder, each) == "current")


def _compute(context: Context) -> Columns:
    from backend.scores.table import read_scores

    return {QUEUE: suspicion_for(read_scores(context.folder), context.train.strata, "suspect label")}


PRODUCER = Producer(
    name="suspicion",
    cost="none beside the scores that it combines",
    inputs=_inputs,
    compute=_compute,
    combines=True,
    tasks=None,
    version=2,
    scores=(
        Score(
            QUEUE,
            "suspicion",
            "the label (answer) asks for a look first: the order of the review queue",
            "suspect label",
            "high",
            "P(wrong label) with the odds that training dynamics add; of label sets and numbers the rank by "
            "what does not fit; of answers 1 - the product, over what was found and "
            "the ranks by mean loss and self-influence, of the share of rows that are as suspicious",
            "this project, docs/decisions.md, D-109, D-131 and D-161; Fisher 1932",
            "its place in the review queue comes from a suspicion of {suspicion:.2f}",
            is_reason=False,
        ),
    ),
)
