"""How each example's loss changes when the weights move in a given direction: ``a_i = <grad l_i, v>``.

With the gradient of a clean set as direction this is the quantity behind gradient-guided loss masking
(arXiv 2102.13549), dynamic gradient alignment (arXiv 2410.02498) and TracIn over all weights: one step of
gradient descent on example i lowers the clean set's loss by ``eta * a_i``. It needs no gradient of any
single example:

- forward mode: one pass that carries (value, derivative) pairs; exact. Needs eager attention: the fused
  kernels have no forward derivative.
- central differences: ``(l_i(theta + e v) - l_i(theta - e v)) / 2e`` with ``e = s / |v|``, for models that
  have an operation without forward derivative. In fp32 whatever the model's precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad
from transformers import PreTrainedModel

from backend.influence.gradients.capture import Batch
from backend.influence.gradients.parameters import Losses, Vector, losses_with, product

Derivative = Callable[..., Tensor]
"""A way to get ``a_i`` of a batch, from model, batch, direction and, if they are not `losses_with`, losses:
as many as these, on the model's device."""

_STEP = 1e-3  # s, measured: 1e-2 errs by 2 % at the end of a training, 1e-4 drowns in fp32
_TRIED_EXAMPLES = 4
_TOLERANCE = 0.05


def directional_derivatives(
    model: PreTrainedModel,
    batches: Iterable[Batch],
    direction: Vector,
    derivative: Derivative | None = None,
) -> np.ndarray:
    """``<grad l_i(theta), direction>`` of every example, in the order of ``batches``: float64 (n).

    Args:
        model: sequence classifier in eval mode; its weights are not changed.
        direction: fp32 tensors by parameter name; parameters that it lacks stand still.
        derivative: what `suitable_derivative` chose for this model; by default it is asked at the first
            batch.
    """
    found = [np.empty(0)]
    for batch in batches:
        derivative = derivative or suitable_derivative(model, batch, direction)
        found.append(derivative(model, batch, direction).double().cpu().numpy())
    return np.concatenate(found)


def suitable_derivative(
    model: PreTrainedModel, batch: Batch, direction: Vector, losses: Losses = losses_with
) -> Derivative:
    """Forward mode where it works for this model and agrees with central differences, else these.

    Tried on a few examples; an operation that drops derivatives silently is found, too.
    """
    few = Batch(
        batch.positions[:_TRIED_EXAMPLES],
        {name: each[:_TRIED_EXAMPLES] for name, each in batch.inputs.items()},
        batch.labels[:_TRIED_EXAMPLES],
    )
    try:
        exact = forward_mode(model, few, direction, losses)
    except (RuntimeError, NotImplementedError):  # what torch raises where an operation has no such derivative
        return central_differences
    near = central_differences(model, few, direction, losses)
    scale = torch.maximum(exact.abs().max(), near.abs().max())
    return forward_mode if (exact - near).abs().max() <= _TOLERANCE * scale else central_differences


def forward_mode(
    model: PreTrainedModel, batch: Batch, direction: Vector, losses: Losses = losses_with
) -> Tensor:
    """Exact derivatives of a batch's losses."""
    weights = dict(model.named_parameters())
    with torch.no_grad(), forward_ad.dual_level():
        duals = {
            name: forward_ad.make_dual(weights[name], each.to(weights[name]))
            for name, each in direction.items()
        }
        found = losses(model, duals, batch)
        tangent = forward_ad.unpack_dual(found).tangent
        return torch.zeros_like(found) if tangent is None else tangent.detach().clone()


def central_differences(
    model: PreTrainedModel, batch: Batch, direction: Vector, losses: Losses = losses_with
) -> Tensor:
    """Derivatives of a batch's losses by two passes without gradients."""
    length = product(direction, direction) ** 0.5
    step = _STEP / length if length else 1.0  # there is no way to go: both are the same, whatever the step
    ahead, behind = (_losses_at(model, batch, direction, each, losses) for each in (step, -step))
    return (ahead - behind) / (2 * step)


def _losses_at(
    model: PreTrainedModel, batch: Batch, direction: Vector, step: float, losses: Losses
) -> Tensor:
    with torch.no_grad():
        moved = {
            name: each.float() + step * direction[name] if name in direction else each.float()
            for name, each in model.named_parameters()
        }
        return losses(model, moved, batch).double()
