"""Gradients at what a model reads of its word-embedding table, for a whole batch in one backward pass.

``g_c(x, w) = sum over positions i with token w of d loss_c(x) / d e_i`` (docs/design.md, section 3.1). The
loss is summed over the batch, so the gradient at e_i of example x depends on x alone. The gradient is taken
at what was *looked up*: with tied weights the gradient of the weight has a second, dense part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from backend.influence.gradients.lookups import watched_lookups
from backend.influence.gradients.positions import Positions, by_position
from backend.model.model_inputs import accepted_inputs
from backend.tasks.registry import task_of

Objective = Callable[[Tensor, Tensor], Tensor]
"""From logits (B, K) and labels (B, ...) to a sum over the batch's examples."""


def label_logits(logits: Tensor, labels: Tensor) -> Tensor:
    """The logit of each example's label, summed."""
    return logits.gather(1, labels[:, None]).sum()


@dataclass(frozen=True)
class TokenRows:
    """Rows of several examples in CSR form: one row per example and distinct token.

    The rows of example i are ``rows[offsets[i]:offsets[i + 1]]``, ascending by token id.
    ``offsets`` int64 (n + 1), ``tokens`` int32 (r), ``rows`` float32 (r, d).

    Where a token stands at m > 1 positions, its row is their sum, and the gradients of all but the last
    are kept beside it, in reading order: ``parts`` float32 (p, d), ``part_rows`` int64 (p), ascending,
    says which row each belongs to. Search reads rows only; parts split a word's score over its places.
    """

    offsets: np.ndarray
    tokens: np.ndarray
    rows: np.ndarray
    part_rows: np.ndarray
    parts: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def owners(self) -> np.ndarray:
        """Which example each row belongs to: int64 (r)."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


def example_squares(part: TokenRows, left_out: np.ndarray | None = None) -> np.ndarray:
    """Squared norm of each example's gradient, at all tokens but ``left_out``: float64 (n)."""
    squares = np.einsum("ij,ij->i", part.rows, part.rows, dtype=np.float64)
    if left_out is not None:
        squares[np.isin(part.tokens, left_out)] = 0.0
    return np.bincount(part.owners, squares, minlength=len(part))


def example_norms(part: TokenRows) -> np.ndarray:
    """Norm of each example's whole gradient, float32 (n): the root of its rows' summed squares."""
    return np.sqrt(example_squares(part)).astype(np.float32)


def token_gradients(
    model: PreTrainedModel,
    inputs: dict[str, Tensor],
    labels: Tensor,
    objective: Objective | None = None,
) -> tuple[Tensor, Positions]:
    """Logits and the gradient of each example's part of ``objective`` at every token that it read.

    Args:
        model: sequence classifier in eval mode.
        inputs: ``input_ids`` (B, L) and what else the model takes.
        labels: (B, ...), the target whose loss is traced, or the class (B) whose logit is.
        objective: None: the sum of the examples' losses.

    Returns:
        logits (B, K) float32 and the gradients; those of padding are not cleared.
    """
    with watched_lookups(model) as found, torch.enable_grad():
        logits = model(**accepted_inputs(model, inputs)).logits.float()
        value = objective(logits, labels) if objective else task_of(model).losses(logits, labels).sum()
        gradients = _gradients(value, [each.rows for each in found])
    return logits.detach(), by_position(model, inputs, found, gradients)


def position_gradients(
    model: PreTrainedModel,
    inputs: dict[str, Tensor],
    labels: Tensor,
    objective: Objective | None = None,
) -> tuple[Tensor, Tensor]:
    """`token_gradients` at the positions of the texts alone: logits (B, K) and gradients (B, L, d)."""
    logits, found = token_gradients(model, inputs, labels, objective)
    return logits, found.gradients[:, : inputs["input_ids"].shape[1]]


def _gradients(value: Tensor, leaves: list[Tensor]) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(value, leaves, allow_unused=True) if leaves else ()


def merge_positions(input_ids: Tensor, gradients: Tensor, keep: Tensor) -> TokenRows:
    """Sum the gradients of equal tokens of an example.

    Args:
        input_ids: (B, L) int64. gradients: (B, L, d). keep: (B, L) bool.

    Returns:
        CSR rows of the B examples, float32.
    """
    count = len(input_ids)
    example = torch.arange(count, device=input_ids.device)[:, None].expand_as(input_ids)[keep]
    vocabulary = int(input_ids.max()) + 1 if input_ids.numel() else 1
    position_keys, kept = example * vocabulary + input_ids[keep], gradients[keep].float()
    keys, inverse = torch.unique(position_keys, return_inverse=True)
    rows = torch.zeros(len(keys), gradients.shape[-1], device=gradients.device)
    rows.index_add_(0, inverse, kept)
    per_example = torch.bincount(keys // vocabulary, minlength=count)
    offsets = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(per_example.cpu().numpy(), out=offsets[1:])
    order = torch.argsort(inverse, stable=True)
    followed = torch.nonzero(inverse[order][1:] == inverse[order][:-1]).flatten()
    parts = order[followed]
    return TokenRows(
        offsets,
        (keys % vocabulary).to(torch.int32).cpu().numpy(),
        rows.cpu().numpy(),
        inverse[parts].cpu().numpy(),
        kept[parts].cpu().numpy(),
    )


def concatenate(batches: list[tuple[list[int], TokenRows]], count: int, width: int) -> TokenRows:
    """Put the rows of batches together in example order.

    ``batches`` holds (positions of the batch's examples, their rows); every position below ``count``
    that no batch mentions gets no rows. ``width`` is d.
    """
    lengths = np.zeros(count, dtype=np.int64)
    for positions, batch in batches:
        lengths[positions] = np.diff(batch.offsets)
    offsets = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    tokens = np.empty(offsets[-1], dtype=np.int32)
    rows = np.empty((offsets[-1], width), dtype=np.float32)
    part_rows, parts = [np.empty(0, dtype=np.int64)], [np.empty((0, width), dtype=np.float32)]
    for positions, batch in batches:
        target = expand_ranges(offsets[positions], np.diff(batch.offsets))
        tokens[target] = batch.tokens
        rows[target] = batch.rows
        part_rows.append(target[batch.part_rows])
        parts.append(batch.parts)
    owners = np.concatenate(part_rows)
    order = np.argsort(owners, kind="stable")
    return TokenRows(offsets, tokens, rows, owners[order], np.concatenate(parts)[order])


def expand_ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Concatenate the ranges ``starts[i] .. starts[i] + lengths[i]``: int64 (sum of lengths)."""
    ends = np.cumsum(lengths)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    return np.repeat(starts, lengths) + within
