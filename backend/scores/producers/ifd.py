"""Instruction-following difficulty: how much a question helps to find its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from backend.data.conversation import Conversation
from backend.data.examples import Examples
from backend.folder import Folder
from backend.scores.context import Context
from backend.scores.repeats import question_of
from backend.scores.score import LANGUAGE, Columns, Producer, Score
from backend.scores.settings import ScoreSettings

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for torch
    from backend.model.tokenization import Encoded
    from backend.scores.row_model import RowModel

Place = tuple[int, int, int]
"""Turn, first character and end of a token."""


def without_questions(row: Conversation) -> Conversation:
    """The row with all emptied that is read and not learnt: roles, and what the template writes, stay."""
    turns = tuple(each if each.learnt else replace(each, text="") for each in row.turns)
    return replace(row, turns=turns, tools=None)


def token_losses_of(
    rows: Sequence[Conversation], encoded: Sequence[Encoded], model: RowModel
) -> list[dict[Place, float]]:
    """The losses of the tokens of each row's own answers, by their place; nothing of the template."""
    found = []
    for row, tokens, losses in zip(rows, encoded, model.losses(encoded), strict=True):
        turns = {each.number for each in row.learnt}
        learnt = [at for at, flag in enumerate(tokens.flags or []) if at and flag & 1]
        found.append(
            {
                (tokens.fields[at], *tokens.offsets[at]): loss
                for at, loss in zip(learnt, losses.tolist(), strict=True)
                if tokens.fields[at] in turns
            }
        )
    return found


def difficulty(asked: dict[Place, float], alone: dict[Place, float]) -> float:
    """The ratio of both mean losses over the tokens that are cut alike in both, NaN where there is none."""
    both = sorted(asked.keys() & alone.keys())
    below = sum(alone[each] for each in both)
    return sum(asked[each] for each in both) / below if below > 0 else np.nan


def _compute(context: Context) -> Columns:
    from backend.model.tokenization import encode
    from backend.scores.row_model import blocks, row_model

    rows, reading = context.conversations, context.train.examples.reading
    found = np.full(len(rows), np.nan)
    first = context.folder.checkpoint_path(context.manifest.checkpoints[0])
    with_question = [place for place, row in enumerate(rows) if question_of(row)]
    model = row_model(context, first)
    for block in blocks(len(with_question)):
        places = with_question[block.start : block.stop]
        both = []
        for some in ([rows[each] for each in places], [without_questions(rows[each]) for each in places]):
            texts = [each.context() for each in some], [each.target().text() for each in some]
            encoded = encode(model.tokenizer, Examples(texts[:1], texts[1], reading), model.length)
            both.append(token_losses_of(some, encoded, model))
        found[places] = [difficulty(*each) for each in zip(*both, strict=True)]
        context.progress("answers with and without their questions", block.stop, len(with_question))
    return {"ifd": found}


def _hindrance(folder: Folder, settings: ScoreSettings) -> str | None:
    if folder.manifest().data.form == "text":
        return "ifd: rows are texts without a prompt, so nothing is asked"
    return None


PRODUCER = Producer(
    name="ifd",
    cost="two forward passes over the training rows",
    inputs=("data", "checkpoints"),
    compute=_compute,
    hindrance=_hindrance,
    tasks=LANGUAGE,
    default=False,
    scores=(
        Score(
            "ifd",
            "instruction-following difficulty (IFD)",
            "its question does not make its answer likelier: hard, or not an answer to it",
            "suspect label",
            "high",
            "loss(answer | question) / loss(answer) at the first checkpoint, over the answer's own tokens; "
            "for the latter all that is read is emptied, roles and template stay",
            "Li et al. 2024 (From Quantity to Quality)",
            "its question does not help to find its answer: the loss is {ifd:.0%} of that without it",
            beyond=1.0,
        ),
    ),
)
