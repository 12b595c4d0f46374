"""Where a word of the table of words stands in a training conversation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.audit.word_table import read_texts
from backend.audit.words import INSTEAD
from backend.influence.answers.conversation_entries import conversation_at
from backend.influence.answers.explain import Explainer
from backend.influence.answers.words import word_spans
from backend.influence.gradients.sides import OF_TEMPLATE, WRITTEN, has_row

_AROUND = 60  # characters of an excerpt on either side


@dataclass(frozen=True)
class WordPlace:
    """Characters ``start`` to ``end`` of ``text``, an excerpt of what ``role`` says in turn ``turn``."""

    turn: int
    role: str
    text: str
    start: int
    end: int


def word_place(explainer: Explainer, row: str, token_id: int, side: str) -> WordPlace | None:
    """The first word of a training row that a token belongs to on a side (see `backend.audit.words`).

    None for a token of the template, and where the row lacks the token.
    """
    if side in OF_TEMPLATE:
        return None
    train, checkpoints = explainer.train, explainer.checkpoints
    position = train.position(row)
    (encoded,) = checkpoints.encode(train.take([position]))
    there = has_row(WRITTEN if side == INSTEAD else side, encoded, checkpoints.padding_row)
    places = set(np.flatnonzero(there & (np.asarray(encoded.input_ids) == token_id)).tolist())
    texts = read_texts(explainer, train, position)
    for word in word_spans(encoded, texts):
        if places.intersection(word.positions):
            return _excerpt(
                word.field, _role(explainer, position, word.field), texts[word.field], word.start, word.end
            )
    return None


def _role(explainer: Explainer, position: int, turn: int) -> str:
    return conversation_at(explainer.train, position).turns[turn].role


def _excerpt(turn: int, role: str, text: str, start: int, end: int) -> WordPlace:
    """The word with what stands around it, on one line, cut at characters."""
    first, last = max(start - _AROUND, 0), min(end + _AROUND, len(text))
    before, word, after = (
        " ".join(each.split("\n")) for each in (text[first:start], text[start:end], text[end:last])
    )
    before, after = ("… " if first else "") + before, after + (" …" if last < len(text) else "")
    return WordPlace(turn, role, before + word + after, len(before), len(before) + len(word))
