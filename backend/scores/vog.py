"""Variance of gradients (VoG): how much an example's input gradient changes from checkpoint to checkpoint.

``G_c`` is the gradient of the logit of the example's own label at the embedding outputs, (L, d). VoG is its
standard deviation over the checkpoints (population), averaged over positions and dimensions; averaged over
dimensions alone it belongs to a token. Agarwal et al. 2022; for text Anand et al. 2023. The logit, not the
probability, whose gradient vanishes where the model is sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.answers.explain import Explainer
from backend.influence.gradients.capture import Batch, labelled_batches
from backend.influence.gradients.positions import traced_positions
from backend.influence.gradients.token_rows import label_logits, position_gradients

_LEAST = 2
_FLAT = 1e-9  # a standard deviation that is this small a part of the mean is rounding


@dataclass(frozen=True)
class TokenVog:
    """VoG of one example: of the ``tokens`` that the model saw, float64 (L), and of the whole."""

    tokens: list[str]
    values: np.ndarray
    whole: float


def require_checkpoints(models: Sequence[PreTrainedModel]) -> None:
    """`InputError` unless there are at least two."""
    if len(models) < _LEAST:
        raise InputError(
            f"vog: compares checkpoints, and this workspace has {len(models)}; it needs at least {_LEAST} "
            "(train or attach with --checkpoints 2 or more)"
        )


def position_deviations(models: Sequence[PreTrainedModel], batch: Batch) -> Tensor:
    """Standard deviation of ``G_c`` over ``models``, averaged over dimensions: float32 (B, L)."""
    gradients = [position_gradients(each, batch.inputs, batch.labels, label_logits)[1] for each in models]
    return torch.stack(gradients).float().std(dim=0, correction=0).mean(dim=-1)


def batch_vog(models: Sequence[PreTrainedModel], batch: Batch) -> np.ndarray:
    """VoG of each example of a batch: float64 (B)."""
    kept = traced_positions(models[-1], batch.inputs)
    deviations = position_deviations(models, batch) * kept
    return (deviations.double().sum(dim=1) / kept.sum(dim=1)).cpu().numpy()


def token_vog(explainer: Explainer, one: Examples) -> TokenVog:
    """VoG of every token of an example, for its class; `InputError` for one checkpoint or no token."""
    checkpoints = explainer.checkpoints
    require_checkpoints(checkpoints.models)
    encoded = checkpoints.encode(one)
    labels = explainer.space.numbers(one.targets)
    batches = list(
        labelled_batches(checkpoints.models[-1], checkpoints.tokenizer, encoded, labels, explainer.settings)
    )
    if not batches:
        raise InputError("vog: the tokenizer finds no token in this text")
    with checkpoints.using():
        values = position_deviations(checkpoints.models, batches[0])[0].double().cpu().numpy()
    kept = traced_positions(checkpoints.models[-1], batches[0].inputs)[0].cpu().numpy()
    tokens = list(checkpoints.tokenizer.convert_ids_to_tokens(encoded[0].input_ids))
    return TokenVog(tokens, values, float(values[kept].mean()))


def normalised(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """``(v - mean) / sd`` within each group: float64 (n); 0 where a group's values are all the same.

    ``values`` float64 (n), NaN for none. ``groups`` int64 (n).
    """
    found = np.full(len(values), np.nan)
    for group in np.unique(groups):
        here = (groups == group) & np.isfinite(values)
        if here.any():
            mean, deviation = values[here].mean(), values[here].std()
            flat = deviation <= _FLAT * abs(mean)
            found[here] = 0.0 if flat else (values[here] - mean) / deviation
    return found
