"""The sides of a text that gradients are taken at: what a model reads, and what it learns to write.

Rows are kept, indexed and weighed channel by channel: a *channel* is one side at one checkpoint (D-160). The
sides of a classifier are one. A language model's are four: tokens read, at the input table; tokens written,
at the output table (docs/design.md, section 11.2); and, apart from those, both of the tokens that a template
put there. A token of a text has at most one row in each channel, so token ids mean the same in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.manifest import CheckpointInfo, Manifest, TaskName
from backend.model.encoded import LEARNT, TEMPLATE, TokenIds
from backend.tasks.heads import CAUSAL_LM

READ, WRITTEN = "read", "written"
TEMPLATE_READ, TEMPLATE_WRITTEN = "template-read", "template-written"
_CLASSIFIER = (READ,)
_LANGUAGE = (READ, WRITTEN, TEMPLATE_READ, TEMPLATE_WRITTEN)
OF_TEMPLATE = frozenset((TEMPLATE_READ, TEMPLATE_WRITTEN))


@dataclass(frozen=True)
class Channel:
    """One ``side`` at the checkpoint of training step ``step``, the ``checkpoint``-th."""

    checkpoint: int
    step: int
    side: str

    @property
    def name(self) -> str:
        """Of its folder, and in ``rows.json``."""
        return str(self.step) if self.side == READ else f"{self.step}-{self.side}"


def sides_of(task: TaskName) -> tuple[str, ...]:
    """The sides of a task, in the order of channels."""
    return _LANGUAGE if task == CAUSAL_LM else _CLASSIFIER


def channels_of(manifest: Manifest) -> list[Channel]:
    """Every side of the first checkpoint, then of the next."""
    return [
        Channel(number, checkpoint.step, side)
        for number, checkpoint in enumerate(manifest.checkpoints)
        for side in sides_of(manifest.task.name)
    ]


def channels_at(manifest: Manifest, checkpoint: CheckpointInfo) -> list[Channel]:
    """The channels of one checkpoint."""
    return [each for each in channels_of(manifest) if each.step == checkpoint.step]


def channel_weights(manifest: Manifest) -> list[float]:
    """The eta of every channel: that of its checkpoint."""
    return [manifest.checkpoints[each.checkpoint].weight for each in channels_of(manifest)]


def channels_by_side(channels: Sequence[Channel]) -> dict[str, np.ndarray]:
    """Which channels are of each side: bool (C), sides in the order of channels."""
    sides = dict.fromkeys(each.side for each in channels)
    return {side: np.array([each.side == side for each in channels], dtype=bool) for side in sides}


def default_channels(channels: Sequence[Channel]) -> np.ndarray:
    """Which channels count unless others are asked for: of language models what is written (D-167).

    bool (C).
    """
    there = {each.side for each in channels}
    return np.array([each.side == WRITTEN or WRITTEN not in there for each in channels], dtype=bool)


def has_row(side: str, encoded: TokenIds, padding: int | None = None) -> np.ndarray:
    """Which positions of a language model's text have a row on a side: bool (L).

    What is read after the last token of the loss has no gradient; nor has ``padding``, the token whose row
    of the input table never trains.
    """
    flags = np.asarray(encoded.flags, dtype=np.int64)
    if not len(flags):
        return np.zeros(0, dtype=bool)
    learnt = (flags & LEARNT) > 0
    learnt[0] = False
    if side in (WRITTEN, TEMPLATE_WRITTEN):
        found = learnt
    else:
        places = np.flatnonzero(learnt)
        found = np.arange(len(flags)) < (places[-1] if len(places) else 0)
        if padding is not None:
            found &= np.asarray(encoded.input_ids) != padding
    template = (flags & TEMPLATE) > 0
    return found & (template if side in OF_TEMPLATE else ~template)


def rows_kept(side: str, examples: Sequence[TokenIds], padding: int | None, width: int) -> np.ndarray:
    """`has_row` of a batch, padded on the right: bool (B, width)."""
    found = np.zeros((len(examples), width), dtype=bool)
    for row, each in enumerate(examples):
        found[row, : len(each)] = has_row(side, each, padding)
    return found
