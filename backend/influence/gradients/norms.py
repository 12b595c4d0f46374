"""Norm of every example's gradient over all weights, from one backward pass and without a loop over examples.

A linear layer's weight gradient of one example is ``sum_t b_t a_t^T`` over positions t, with a its input and
b the gradient at its output, so its squared norm is ``sum_ts (a_t . a_s) (b_t . b_s)`` (Goodfellow 2015; for
sequences Li et al. 2022, "ghost norms"). An embedding is a linear layer whose inputs are one-hot:
``a_t . a_s`` says whether two positions look up the same row. Gradients of layer norms are small and made
directly. Where a module is called several times in one pass (ALBERT shares its layers), the positions of all
calls are put one after the other, since the sums have terms across calls.

Which parameters this is right for is not assumed but tried, on two made-up examples, against the gradients
themselves: weights that are tied, used otherwise than by their module, or applied to one tensor for the
whole batch (DeBERTa's relative positions) fail that test and are left out by name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from backend.errors import InputError
from backend.influence.gradients.capture import Batch
from backend.influence.gradients.parameters import summed_gradient
from backend.model.batching import ended
from backend.model.loading import embedding_layer
from backend.model.model_inputs import accepted_inputs
from backend.tasks.registry import task_of

_AT_ONCE = 1 << 24  # numbers in an intermediate result: 64 MB
_TOLERANCE = 1e-3
_NOTHING = 1e-8  # of the whole squared norm: gradients that vanish in theory are rounding


@dataclass(frozen=True)
class Coverage:
    """``names``: the parameters whose gradients are counted; ``left_out``: those that should be and are not.

    A parameter that the loss does not depend on is in neither.
    """

    names: frozenset[str]
    left_out: tuple[str, ...]


def coverage(model: PreTrainedModel, trained: Collection[str]) -> Coverage:
    """Which of the parameters ``trained`` `squared_norms` can count in this model."""
    probe = _probe(model)
    try:
        found = _squares(model, probe, trained)
    except RuntimeError as error:  # a module that takes its embeddings in no other shape than it made them
        raise InputError(f"{type(model).__name__}: its gradient norms can't be made per example") from error
    wrong: set[str] = set()
    unused = set(trained)
    for example in range(len(probe)):
        truth = {
            name: float(each.double().square().sum())
            for name, each in summed_gradient(model, _one(probe, example), trained).items()
            if each is not None
        }
        unused -= truth.keys()
        slack = _NOTHING * sum(truth.values())
        for name, square in truth.items():
            near = name in found and abs(float(found[name][example]) - square) <= _TOLERANCE * square + slack
            wrong |= set() if near else {name}
    return Coverage(frozenset(trained) - wrong - unused, tuple(sorted(wrong)))


def squared_norms(model: PreTrainedModel, batch: Batch, names: Collection[str]) -> Tensor:
    """Squared norm of each example's loss gradient at the parameters of ``names``: float64 (B).

    Args:
        model: in eval mode, weights frozen. names: from `coverage`.
    """
    squares = _squares(model, batch, names)
    total = torch.zeros(len(batch), dtype=torch.float64, device=batch.labels.device)
    for name in sorted(names):
        total += squares[name].double()
    return total


_Calls = list[tuple[Tensor, Tensor]]
"""Input and output (or gradient at the output) of a module, call by call."""


def _squares(model: PreTrainedModel, batch: Batch, names: Collection[str]) -> dict[str, Tensor]:
    """Squared norm of each example's gradient at each parameter: (B) by name."""
    rules = {name: rule for name, module in model.named_modules() if (rule := _rule(module, name, names))}
    with ExitStack() as stack, torch.enable_grad():
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                stack.enter_context(_spread(module, len(batch)))
        calls = {name: stack.enter_context(_watched(model.get_submodule(name), len(batch))) for name in rules}
        logits = model(**accepted_inputs(model, batch.inputs)).logits.float()
        loss = task_of(model).losses(logits, batch.labels).sum()
        outputs = [output for each in calls.values() for _, output in each]
        gradients = iter(torch.autograd.grad(loss, outputs, allow_unused=True))
    found: dict[str, Tensor] = {}
    for name, rule in rules.items():
        met = [(entered, gradient) for entered, _ in calls[name] if (gradient := next(gradients)) is not None]
        if met:
            squares = rule(model.get_submodule(name), met)
            found |= {_full(name, each): square for each, square in squares.items()}
    return found


def _rule(
    module: nn.Module, name: str, names: Collection[str]
) -> Callable[[Any, _Calls], dict[str, Tensor]] | None:
    own = [_full(name, each) for each, _ in module.named_parameters(recurse=False)]
    if not any(each in names for each in own):
        return None
    return next((rule for kind, rule in _RULES if isinstance(module, kind)), None)


def _full(module: str, parameter: str) -> str:
    return f"{module}.{parameter}" if module else parameter


@contextmanager
def _spread(module: nn.Embedding, count: int) -> Iterator[None]:
    """Make outputs leaves that take gradients; one for the whole batch becomes one per example."""

    def spread(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        output = output.detach()
        if output.dim() == 3 and len(output) == 1:
            output = output.repeat(count, 1, 1)
        return output.requires_grad_(True)

    handle = module.register_forward_hook(spread)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _watched(module: nn.Module, count: int) -> Iterator[_Calls]:
    """Note the calls that see every example apart."""
    calls: _Calls = []

    def note(_: nn.Module, args: Any, output: Tensor) -> None:
        if not args or not output.requires_grad or len(output) != count:
            return
        entered = args[0].detach()
        if len(entered) == 1:
            entered = entered.expand(count, *entered.shape[1:])
        calls.append((entered, output))

    handle = module.register_forward_hook(note)
    try:
        yield calls
    finally:
        handle.remove()


# -- one kind of module each -----------------------------------------------------------------------


def _linear(module: nn.Linear | Conv1D, calls: _Calls) -> dict[str, Tensor]:
    inputs, gradients = (_joined(each) for each in zip(*calls, strict=True))
    length, width, height = inputs.shape[1], inputs.shape[2], gradients.shape[2]
    if 2 * length * length <= width * height:
        square = _paired(lambda part: inputs[part] @ inputs[part].mT, gradients)
    else:
        square = _in_parts(
            len(inputs),
            width * height,
            lambda part: (inputs[part].mT @ gradients[part]).square().sum(dim=(1, 2)),
        )
    return {"weight": square, "bias": gradients.sum(dim=1).square().sum(dim=1)}


def _embedding(module: nn.Embedding, calls: _Calls) -> dict[str, Tensor]:
    inputs, gradients = zip(*calls, strict=True)
    rows = torch.cat([each.reshape(len(each), -1) for each in inputs], dim=1)
    counted = rows != (-1 if module.padding_idx is None else module.padding_idx)

    def same(part: slice) -> Tensor:
        return (rows[part, :, None] == rows[part, None, :]) & counted[part, :, None]

    return {"weight": _paired(same, _joined(gradients))}


def _layer_norm(module: nn.LayerNorm, calls: _Calls) -> dict[str, Tensor]:
    inputs, gradients = (_joined(each) for each in zip(*calls, strict=True))
    normal = nn.functional.layer_norm(inputs, inputs.shape[-1:], eps=module.eps)
    return {
        "weight": (normal * gradients).sum(dim=1).square().sum(dim=1),
        "bias": gradients.sum(dim=1).square().sum(dim=1),
    }


_RULES: tuple[tuple[type[nn.Module], Callable[[Any, _Calls], dict[str, Tensor]]], ...] = (
    (nn.Linear, _linear),
    (Conv1D, _linear),
    (nn.Embedding, _embedding),
    (nn.LayerNorm, _layer_norm),
)


def _joined(calls: tuple[Tensor, ...]) -> Tensor:
    """The positions of all calls one after the other: float32 (B, T, d)."""
    return torch.cat([each.reshape(len(each), -1, each.shape[-1]).float() for each in calls], dim=1)


def _paired(inputs: Callable[[slice], Tensor], gradients: Tensor) -> Tensor:
    """``sum_ts inputs_ts (b_t . b_s)``: (B), with ``inputs`` (b, T, T) made for some examples at a time."""

    def summed(part: slice) -> Tensor:
        return (inputs(part) * (gradients[part] @ gradients[part].mT)).sum(dim=(1, 2))

    return _in_parts(len(gradients), gradients.shape[1] ** 2, summed).clamp_min(0)


def _in_parts(count: int, size: int, work: Callable[[slice], Tensor]) -> Tensor:
    """``work`` for some examples at a time, so that ``size`` numbers per example fit."""
    step = max(1, _AT_ONCE // size)
    return torch.cat([work(slice(start, start + step)) for start in range(0, count, step)])


# -- the trial -------------------------------------------------------------------------------------


def _probe(model: PreTrainedModel) -> Batch:
    """Two made-up examples of different length."""
    layer, generator = embedding_layer(model), torch.Generator().manual_seed(0)
    tokens = torch.randint(layer.num_embeddings, (2, 7), generator=generator)
    tokens[:, 3] = tokens[:, 1]  # a repeated word
    for end in ended(model, []):
        tokens[tokens == end] = 0 if end else 1
        tokens[:, 4] = end
    mask = torch.ones_like(tokens)
    mask[1, 5:] = 0
    device = layer.weight.device
    inputs = {"input_ids": tokens.to(device), "attention_mask": mask.to(device)}
    targets = task_of(model).probe(int(model.config.num_labels or 0))
    return Batch([0, 1], inputs, torch.from_numpy(targets).to(device))


def _one(batch: Batch, example: int) -> Batch:
    part = slice(example, example + 1)
    return Batch([example], {name: each[part] for name, each in batch.inputs.items()}, batch.labels[part])
