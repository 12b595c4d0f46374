"""The gradients of a question about an answer, alone or against what might stand in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from backend.data.conversation import Loss
from backend.influence.answers.about_answer import Looked, marked
from backend.influence.gradients.tracing import Checkpoints, TracedExample
from backend.model.encoded import Encoded


@dataclass(frozen=True)
class TracedAnswer:
    """``encoded``: the conversation as the model reads it, in the loss only what is asked about; ``traced``:
    its gradients, less those of the other answer, whose own tokens stand behind (`less`). ``whole``: with all
    answers in the loss."""

    encoded: Encoded
    traced: TracedExample
    whole: Encoded


def trace_answer(checkpoints: Checkpoints, looked: Looked, loss: Loss) -> TracedAnswer:
    """``L_q = sum of l_t over what is marked``, minus the same of the alternative where there is one."""
    whole = checkpoints.encode_conversation(looked.conversation)
    encoded = marked(whole, looked.turns, looked.marks, loss)
    if looked.other is None:
        return TracedAnswer(encoded, checkpoints.trace([encoded], [0], everywhere=True)[0], whole)
    other = checkpoints.encode_conversation(looked.other)
    asked = encoded, marked(other, looked.turns, looked.other_marks, loss)
    this, that = (checkpoints.trace([each], [0], everywhere=True)[0] for each in asked)
    found = less(checkpoints, this, that, looked.turns[0], len(looked.conversation.turns))
    return TracedAnswer(encoded, found, whole)


def less(
    checkpoints: Checkpoints, this: TracedExample, that: TracedExample, turn: int, field: int
) -> TracedExample:
    """Gradients of one text minus those of another that begins alike.

    What both begin with keeps its places; what the other goes on with stands behind, its turn ``turn`` as a
    field of its own, number ``field``.
    """
    shared = _shared(this.encoded, that.encoded)
    fields = [field if each == turn else each for each in that.encoded.fields[shared:]]
    encoded = replace(
        this.encoded,
        input_ids=this.encoded.input_ids + that.encoded.input_ids[shared:],
        offsets=this.encoded.offsets + that.encoded.offsets[shared:],
        fields=this.encoded.fields + fields,
        flags=[*(this.encoded.flags or ()), *(that.encoded.flags or ())[shared:]],
        truncated=this.encoded.truncated or that.encoded.truncated,
    )
    rows = np.concatenate([this.position_rows, -that.position_rows[:, shared:]], axis=1)
    rows[:, :shared] -= that.position_rows[:, :shared]
    kept = rows.any(axis=(0, 2))
    slots = np.full(len(encoded), -1, dtype=np.int64)
    ids = np.asarray(encoded.input_ids, dtype=np.int64)
    tokens, slots[kept] = np.unique(ids[kept], return_inverse=True)
    return TracedExample(encoded, slots, tokens, rows, checkpoints.norm(slots, tokens, rows))


def _shared(one: Encoded, other: Encoded) -> int:
    """How many tokens both begin with, the same in every way."""
    count = 0
    for each in zip(one.input_ids, other.input_ids, one.offsets, other.offsets, strict=False):
        if each[0] != each[1] or each[2] != each[3]:
            break
        count += 1
    return count
