"""Gradients with respect to all weights of a model: vectors with one tensor per parameter.

Models are shared and their weights frozen, so derivatives are taken at stand-ins that share the weights'
memory (`torch.func.functional_call`); the model itself is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import torch
from torch import Tensor
from torch.func import functional_call
from transformers import PreTrainedModel

from backend.influence.gradients.capture import Batch
from backend.model.adapters import trained_by_adapter
from backend.model.model_inputs import accepted_inputs
from backend.tasks.registry import task_of

Vector = dict[str, Tensor]
"""A vector in the space of the weights: a tensor for each parameter's name; what is missing is 0."""

Losses = Callable[[PreTrainedModel, Vector, Batch], Tensor]
"""Losses of a batch with weights in the place of the model's own, as `losses_with`; of any shape."""


def trained_parameters(models: Sequence[PreTrainedModel]) -> frozenset[str]:
    """Names of the parameters that the run trained: those of its adapters, or all that differ between the
    first and the last of ``models``, else all of them.

    The checkpoints of a run are the only witness of what was frozen in it.
    """
    if (adapted := trained_by_adapter(models[-1])) is not None:
        return adapted
    last = dict(models[-1].named_parameters())
    every = {name: torch.equal(each, last[name]) for name, each in models[0].named_parameters()}
    return frozenset(name for name, same in every.items() if not same) or frozenset(every)


def logits_with(model: PreTrainedModel, weights: Vector, batch: Batch) -> Tensor:
    """Logits float32 (B, K) of a batch, with ``weights`` in the place of the parameters of these names."""
    return functional_call(model, weights, (), accepted_inputs(model, batch.inputs)).logits.float()


def losses_with(model: PreTrainedModel, weights: Vector, batch: Batch) -> Tensor:
    """Loss of each example, float32 (B); see `logits_with`."""
    return task_of(model).losses(logits_with(model, weights, batch), batch.labels)


def summed_gradient(
    model: PreTrainedModel, batch: Batch, names: Collection[str], losses: Losses = losses_with
) -> dict[str, Tensor | None]:
    """Gradient of the batch's summed loss at each parameter of ``names``; None where it has no part in it."""
    leaves = {
        name: each.detach().requires_grad_(True) for name, each in model.named_parameters() if name in names
    }
    with torch.enable_grad():
        loss = losses(model, leaves, batch).sum()
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return dict(zip(leaves, found, strict=True))


def mean_gradient(
    model: PreTrainedModel, batches: Iterable[Batch], names: Collection[str], losses: Losses = losses_with
) -> Vector:
    """Gradient of the mean loss over all examples of ``batches`` at the parameters of ``names``: float32.

    Holds two vectors of the model's size at a time.
    """
    total: Vector = {}
    count = 0
    for batch in batches:
        for name, part in summed_gradient(model, batch, names, losses).items():
            if part is None:
                continue
            if name in total:
                total[name] += part
            else:
                total[name] = part.float()
        count += len(batch)
    return {name: each.div_(max(count, 1)) for name, each in total.items()}


def product(first: Vector, second: Vector) -> float:
    """The inner product."""
    shared = first.keys() & second.keys()
    return sum(float(torch.dot(first[name].flatten(), second[name].flatten())) for name in sorted(shared))


def restricted(vector: Vector, names: Collection[str]) -> Vector:
    """The part of a vector at the parameters of ``names``."""
    return {name: each for name, each in vector.items() if name in names}
