"""The gradients of language models' texts in every channel, as questions take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from backend.influence.gradients.capture import Batch, batch_gradients
from backend.influence.gradients.language import by_side, language_pass
from backend.influence.gradients.positions import Positions
from backend.influence.gradients.sides import Channel
from backend.influence.gradients.traced import TracedExample, norm_of
from backend.model.token_labels import token_labels
from backend.model.tokenization import Encoded


def traced_batch(
    models: Sequence[PreTrainedModel],
    batch: Batch,
    encoded: Sequence[Encoded],
    weights: np.ndarray,
    asked: np.ndarray,
) -> Iterator[TracedExample]:
    """The gradients of a batch's texts ``encoded``, times the channels' ``weights`` (C), 0 in channels that
    are not ``asked``, bool (C)."""
    passes = [each for model in models for each in batch_gradients(model, batch)[1]]
    return _of_passes(passes, encoded, weights, asked)


def traced_against(
    models: Sequence[PreTrainedModel],
    encoded: Encoded,
    inputs: dict[str, Tensor],
    others: np.ndarray,
    channels: Sequence[Channel],
    weights: np.ndarray,
) -> tuple[TracedExample, np.ndarray]:
    """The gradients of a text in all channels, and beside them those at the rows of ``others``.

    ``others`` int64 (m): tokens of the output table that the text does not write; their gradients float32
    (C, m, d), times the channels' weights, are the same for all sides of a checkpoint. ``inputs``: the text,
    collated on the models' device.
    """
    labels = token_labels([encoded], device=inputs["input_ids"].device)
    wanted = torch.from_numpy(others).to(labels.device)
    found = [language_pass(model, inputs, labels, wanted) for model in models]
    passes = [
        side
        for model, each in zip(models, found, strict=True)
        for side in by_side(model, [encoded], inputs, each)
    ]
    (traced,) = _of_passes(passes, [encoded], weights, np.ones(len(channels), dtype=bool))
    rest = np.stack([found[each.checkpoint].others.float().cpu().numpy() for each in channels])
    return traced, rest * weights[:, None, None]


def _of_passes(
    passes: Sequence[Positions], encoded: Sequence[Encoded], weights: np.ndarray, asked: np.ndarray
) -> Iterator[TracedExample]:
    for row, each in enumerate(encoded):
        length, ids = len(each), np.asarray(each.input_ids, dtype=np.int64)
        kept = torch.stack([one.kept[row, :length] for one in passes]).cpu().numpy() & asked[:, None]
        slots, there = np.full(length, -1, dtype=np.int64), kept.any(axis=0)
        tokens, slots[there] = np.unique(ids[there], return_inverse=True)
        rows = torch.stack([one.gradients[row, :length].float() for one in passes]).cpu().numpy()
        rows *= kept[:, :, None] * weights[:, None, None]
        yield TracedExample(each, slots, tokens, rows, norm_of(slots, tokens, rows, weights))
