"""Gradients of language models: at the tokens that they read and at those that they learn to write.

``L_i = sum_t m_t l_t``, ``l_t = -log p(y_t | before)``. Read: ``dL_i / d e_j`` at what was looked up, as for
classifiers. Written: the gradient at the rows of the output table, where logits are products with it ``dL_i /
d U_w = sum_t (p_t(w) - [y_t = w]) h_t``, kept for the tokens w of the example's own targets (docs/design.md,
section 11.2). It is taken from the products' own gradient, so scales and soft caps count.

A row written has a part at each position t where w is the target, ``(p_t(w) - 1) h_t``, and a part that lies
at the other positions, ``sum_{t: y_t != w} p_t(w) h_t``: that one is divided evenly over w's positions, so
that positions add up to the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from backend.influence.gradients.lookups import watched_lookups
from backend.influence.gradients.positions import Positions, by_position
from backend.influence.gradients.sides import (
    READ,
    TEMPLATE_READ,
    TEMPLATE_WRITTEN,
    WRITTEN,
    rows_kept,
    sides_of,
)
from backend.model.lm_head import SplitModel
from backend.model.loading import embedding_layer
from backend.model.tokenization import TokenIds
from backend.tasks.causal_lm import IGNORED, followers, next_token_losses
from backend.tasks.heads import CAUSAL_LM


@dataclass(frozen=True)
class LanguagePass:
    """What a model found for a batch of B texts of at most L tokens.

    ``losses`` float32 (B, L): of each token in the loss, 0 elsewhere. ``read``, ``written`` (B, L, d): the
    gradients at each position of what is read, and of the row of the token that is written there. ``others``
    (m, d): at the rows of further tokens of the output table, which the first text does not write.
    """

    losses: Tensor
    read: Tensor
    written: Tensor
    others: Tensor


def language_pass(
    model: PreTrainedModel, inputs: dict[str, Tensor], labels: Tensor, others: Tensor | None = None
) -> LanguagePass:
    """One pass of a batch, padded on the right.

    Args:
        model: in eval mode, its weights frozen or not.
        inputs: ``input_ids`` (B, L) and what else the model takes.
        labels: int64 (B, L), the token itself where it is in the loss, `IGNORED` elsewhere.
        others: of a single text, further tokens whose rows of the output table are asked for, int64 (m).
    """
    split = SplitModel(model)
    rows, places = torch.nonzero(followers(labels) != IGNORED, as_tuple=True)  # what stands before each
    targets = labels[rows, places + 1]
    with watched_lookups(model) as found, torch.enable_grad():
        states = split.states(inputs)
        head = _head_pass(split, states.detach()[rows, places], rows, targets, others)
        toward = torch.zeros_like(states).index_put((rows, places), head.states.to(states.dtype))
        leaves = [each.rows for each in found]
        gradients = torch.autograd.grad(states, leaves, toward, allow_unused=True) if leaves else ()
    read = by_position(model, inputs, found, gradients).gradients
    losses = torch.zeros(labels.shape, device=labels.device).index_put((rows, places + 1), head.losses)
    written = torch.zeros((*labels.shape, head.written.shape[1]), device=labels.device)
    written = written.index_put((rows, places + 1), head.written)
    return LanguagePass(losses, read, written, head.others)


@dataclass(frozen=True)
class _HeadPass:
    """Of n positions: losses (n), gradients at states (n, d) and at the rows written (n, r)."""

    losses: Tensor
    states: Tensor
    written: Tensor
    others: Tensor


def _head_pass(
    split: SplitModel, states: Tensor, rows: Tensor, targets: Tensor, others: Tensor | None
) -> _HeadPass:
    """The loss of each state's target, chunk by chunk; ``rows`` int64 (n), ascending: whose it is."""
    own = [torch.unique(targets[rows == row], return_inverse=True) for row in torch.unique(rows)]
    more = targets.new_zeros(0) if others is None else others
    columns = [torch.cat([names, more]) for names, _ in own]
    of_row = torch.unique(rows, return_inverse=True)[1]
    losses, back, read = [], [], []
    parts: list[list[Tensor]] = [[] for _ in own]
    for start in range(0, len(states), split.chunk):
        span = slice(start, start + split.chunk)
        part = states[span].requires_grad_(True)
        applied = split.applied(part)
        loss = next_token_losses(applied.logits[None], targets[span][None])[0]
        down, products = torch.autograd.grad(loss.sum(), (part, applied.products))
        losses.append(loss.detach())
        back.append(down)
        read.append(applied.read.detach().float())
        products = products.reshape(len(part), -1).float()
        for number in torch.unique(of_row[span]).tolist():
            mine = torch.nonzero(of_row[span] == number)  # (m, 1): no row of V numbers is copied
            parts[number].append(products[mine, columns[number]])
    if not losses:
        nothing = states.new_zeros((0, states.shape[1]))
        rest = states.new_zeros((len(more), states.shape[1])).float()
        return _HeadPass(states.new_zeros(0).float(), nothing, nothing.float(), rest)
    read_all, products_all = torch.cat(read), [torch.cat(each) for each in parts]
    written = [
        _written(each[:, : len(own[number][0])], read_all[of_row == number], own[number][1])
        for number, each in enumerate(products_all)
    ]
    elsewhere = products_all[0][:, len(own[0][0]) :].T @ read_all[of_row == 0]
    return _HeadPass(torch.cat(losses), torch.cat(back), torch.cat(written), elsewhere)


def _written(products: Tensor, read: Tensor, target: Tensor) -> Tensor:
    """The gradient at the row of each position's target, (n, r), of one example (see the module).

    ``products`` (n, m): the gradient at the products with each of its m targets; ``read`` (n, r): what the
    output table read; ``target`` int64 (n): which of the m stands at each position.
    """
    places = torch.arange(len(target), device=target.device)
    at_home = products[places, target]
    elsewhere = products.index_put((places, target), torch.zeros_like(at_home))
    counts = torch.bincount(target, minlength=products.shape[1])
    spread = (elsewhere.T @ read) / counts[:, None]
    return at_home[:, None] * read + spread[target]


def language_gradients(
    model: PreTrainedModel,
    examples: Sequence[TokenIds],
    inputs: dict[str, Tensor],
    labels: Tensor,
) -> tuple[Tensor, list[Positions]]:
    """Outputs (B, 2) of examples, their summed losses and how many tokens these are over, and their gradients
    on every side.

    ``inputs`` and ``labels`` are the examples, collated on the model's device.
    """
    found = language_pass(model, inputs, labels)
    counts = (labels[:, 1:] != IGNORED).sum(dim=1)
    outputs = torch.stack([found.losses.sum(dim=1), counts.float()], dim=1)
    return outputs, by_side(model, examples, inputs, found)


def by_side(
    model: PreTrainedModel, examples: Sequence[TokenIds], inputs: dict[str, Tensor], found: LanguagePass
) -> list[Positions]:
    """The gradients of a pass, apart by side."""
    tokens, width = inputs["input_ids"], inputs["input_ids"].shape[1]
    padding = embedding_layer(model).padding_idx
    gradients = {
        **{READ: found.read, TEMPLATE_READ: found.read},
        **{WRITTEN: found.written, TEMPLATE_WRITTEN: found.written},
    }
    sides = []
    for side in sides_of(CAUSAL_LM):
        kept = torch.from_numpy(rows_kept(side, examples, padding, width)).to(tokens.device)
        sides.append(Positions(tokens, gradients[side], kept))
    return sides
