"""Which tokens of a conversation a question is about: those that training learns of what is asked about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np

from backend.data.conversation import Conversation, Loss
from backend.influence.answers.about_answer import Looked, Span
from backend.model.encoded import LEARNT, Encoded

Encode = Callable[[Conversation, Loss | None], Encoded]
"""Tokens of a conversation as a run learnt them, or as one would whose loss is another."""


def asked_tokens(encode: Encode, looked: Looked, *, other: bool = False) -> tuple[Encoded, Encoded]:
    """A conversation's tokens as they are learnt, and with nothing in the loss but what is asked about.

    ``other``: of what might stand in the place of the words. A row is asked about as the run learns it. Of
    answers by themselves it is what is learnt of them, with their heads and their ends where they are, and
    calls of tools; of one that was cut off, nothing behind its words. Where words are marked, it is
    those: a token belongs to a mark if one of its characters does, whether or not it is learnt.
    """
    conversation, marks = looked.conversation, looked.marks
    if other and looked.other is not None:
        conversation, marks = looked.other, looked.other_marks
    whole = encode(conversation, None)
    if marks:
        asked = _of_marks(whole, looked.turns, marks)
    elif looked.of_row:
        return whole, whole
    else:
        alone = encode(_learning(conversation, looked.turns), "answers")
        asked = (np.asarray(alone.flags, dtype=np.int64) & LEARNT) > 0
        if looked.cut:
            own = np.flatnonzero(np.isin(whole.fields, list(looked.turns)))
            asked[own[-1] + 1 if len(own) else 0 :] = False
    flags = np.asarray(whole.flags, dtype=np.int64)
    return whole, replace(whole, flags=np.where(asked, flags | LEARNT, flags & ~LEARNT).tolist())


def _of_marks(encoded: Encoded, turns: Collection[int], marks: Sequence[Span]) -> np.ndarray:
    offsets = np.asarray(encoded.offsets, dtype=np.int64).reshape(-1, 2)
    asked = np.zeros(len(offsets), dtype=bool)
    for start, end in marks:
        asked |= (offsets[:, 0] < end) & (offsets[:, 1] > start)
    return asked & np.isin(encoded.fields, list(turns))


def _learning(conversation: Conversation, turns: Collection[int]) -> Conversation:
    """The same, of which these turns alone are learnt."""
    found = tuple(replace(each, learnt=each.number in turns) for each in conversation.turns)
    return replace(conversation, turns=found)
