"""The gradients of a question about an answer, alone or against what might stand in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from backend.errors import InputError
from backend.influence.answers.about_answer import Looked
from backend.influence.answers.asked_tokens import asked_tokens
from backend.influence.gradients.sides import TEMPLATE_WRITTEN, WRITTEN, has_row
from backend.influence.gradients.traced import TracedExample
from backend.influence.gradients.tracing import Checkpoints
from backend.model.encoded import LEARNT, Encoded
from backend.model.token_labels import learnt_tokens


@dataclass(frozen=True)
class TracedAnswer:
    """``encoded``: the conversation as the model reads it, in the loss only what is asked about; ``traced``:
    its gradients, less those of the other answer, whose own tokens stand behind (`less`). ``whole``: with all
    answers in the loss. ``other``: the other answer, in the loss only what it is held against."""

    encoded: Encoded
    traced: TracedExample
    whole: Encoded
    other: Encoded | None = None


def trace_answer(checkpoints: Checkpoints, looked: Looked) -> TracedAnswer:
    """``L_q = sum of l_t over what is marked``, minus the same of the alternative where there is one."""
    whole, encoded = _asked(checkpoints, looked, other=False)
    if looked.other is None:
        return TracedAnswer(encoded, checkpoints.trace([encoded], [0], everywhere=True)[0], whole)
    _, asked = _asked(checkpoints, looked, other=True)
    found = less(checkpoints, encoded, asked, looked.turns[0], len(looked.conversation.turns))
    return TracedAnswer(encoded, found, whole, asked)


def _asked(checkpoints: Checkpoints, looked: Looked, other: bool) -> tuple[Encoded, Encoded]:
    """`asked_tokens`; `InputError` where the model sees nothing of what is asked about."""
    whole, found = asked_tokens(checkpoints.encode_conversation, looked, other=other)
    if not learnt_tokens(found):
        why = f"it reads {len(whole):,} tokens" if whole.truncated else "it is not in the loss"
        what = "the marked words" if looked.marks else "the answer"
        raise InputError(f"explain: the model sees no token of {what}: {why}")
    return whole, found


def less(checkpoints: Checkpoints, this: Encoded, that: Encoded, turn: int, field: int) -> TracedExample:
    """Gradients of the loss of one text minus that of another, which begins alike.

    What both begin with keeps its places; what the other goes on with stands behind, its turn ``turn`` as a
    field of its own, number ``field``. The row of a token that only one of them writes has a part of the
    other text, too, ``sum_t p_t(w) h_t``: it is divided evenly over the token's places.
    """
    mine, theirs = _written(this), _written(that)
    one, rest_one = checkpoints.trace_against(this, np.setdiff1d(theirs, mine))
    two, rest_two = checkpoints.trace_against(that, np.setdiff1d(mine, theirs))
    shared = _shared(this, that)
    encoded = _behind(this, that, shared, turn, field)
    rows = np.concatenate([one.position_rows, -two.position_rows[:, shared:]], axis=1)
    rows[:, :shared] -= two.position_rows[:, :shared]
    places = [*range(shared), *range(len(this), len(encoded))]  # of the other text
    _spread(checkpoints, rows, that, places, np.setdiff1d(theirs, mine), rest_one)
    _spread(checkpoints, rows, this, list(range(len(this))), np.setdiff1d(mine, theirs), -rest_two)
    kept = rows.any(axis=(0, 2))
    slots = np.full(len(encoded), -1, dtype=np.int64)
    ids = np.asarray(encoded.input_ids, dtype=np.int64)
    tokens, slots[kept] = np.unique(ids[kept], return_inverse=True)
    return TracedExample(encoded, slots, tokens, rows, checkpoints.norm(slots, tokens, rows))


def _written(encoded: Encoded) -> np.ndarray:
    """The tokens in the loss, each once: int64, ascending."""
    flags, ids = np.asarray(encoded.flags, dtype=np.int64), np.asarray(encoded.input_ids, dtype=np.int64)
    return np.unique(ids[1:][(flags[1:] & LEARNT) > 0])


def _behind(this: Encoded, that: Encoded, shared: int, turn: int, field: int) -> Encoded:
    fields = [field if each == turn else each for each in that.fields[shared:]]
    return replace(
        this,
        input_ids=this.input_ids + that.input_ids[shared:],
        offsets=this.offsets + that.offsets[shared:],
        fields=this.fields + fields,
        flags=[*(this.flags or ()), *(that.flags or ())[shared:]],
        truncated=this.truncated or that.truncated,
    )


def _spread(
    checkpoints: Checkpoints,
    rows: np.ndarray,
    encoded: Encoded,
    places: list[int],
    tokens: np.ndarray,
    parts: np.ndarray,
) -> None:
    """Add ``parts`` (C, m, d) of ``tokens`` (m) evenly to the places of each that ``encoded`` writes.

    ``places``: where the tokens of ``encoded`` stand in ``rows`` (C, L, d).
    """
    ids, there = np.asarray(encoded.input_ids, dtype=np.int64), np.asarray(places, dtype=np.int64)
    written = {side: has_row(side, encoded) for side in (WRITTEN, TEMPLATE_WRITTEN)}
    everywhere = written[WRITTEN] | written[TEMPLATE_WRITTEN]
    for place, token in enumerate(tokens.tolist()):
        count = np.count_nonzero(everywhere & (ids == token))
        for number, channel in enumerate(checkpoints.channels):
            if channel.side in written:
                own = there[written[channel.side] & (ids == token)]
                rows[number, own] += parts[number, place] / count


def _shared(one: Encoded, other: Encoded) -> int:
    """How many tokens both begin with, the same in every way."""
    count = 0
    for each in zip(one.input_ids, other.input_ids, one.offsets, other.offsets, strict=False):
        if each[0] != each[1] or each[2] != each[3]:
            break
        count += 1
    return count
