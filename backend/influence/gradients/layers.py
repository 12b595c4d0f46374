"""What passes through chosen layers: inputs, and the gradient of each example's loss at the output.

For a linear layer an example's weight gradient is ``sum_t b_t a_t^T`` over the positions t at which it is
applied, a its input and b the gradient at its output (Goodfellow 2015). So products of whole gradients need
neither the gradients nor a loop over examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from backend.errors import InputError
from backend.influence.gradients.lookups import watched_lookups
from backend.model.batching import ended
from backend.model.loading import embedding_layer
from backend.model.model_inputs import accepted_inputs
from backend.tasks.registry import task_of


@dataclass(frozen=True)
class LayerPass:
    """One linear layer in one pass: ``inputs`` float32 (B, T, d_in), ``gradients`` float32 (B, T, d_out).

    Inputs have a 1 at their end where the layer has a bias. T counts positions, of all calls one after the
    other where a model applies the layer several times.
    """

    inputs: Tensor
    gradients: Tensor


def layer_passes(
    model: PreTrainedModel, layers: Sequence[nn.Module], inputs: dict[str, Tensor], labels: Tensor
) -> list[LayerPass]:
    """Run a batch forward and backward, and return what passed through each of ``layers``.

    Args:
        model: in eval mode, weights frozen. inputs: a batch. labels: its targets (B, ...).

    Raises `InputError` where a layer takes no part in the loss.
    """
    with ExitStack() as stack, torch.enable_grad():
        calls = [stack.enter_context(_watched(layer)) for layer in layers]
        stack.enter_context(watched_lookups(model))
        logits = model(**accepted_inputs(model, inputs)).logits.float()
        loss = task_of(model).losses(logits, labels).sum()
        outputs = [output for each in calls for _, output in each]
        found = iter(torch.autograd.grad(loss, outputs, allow_unused=True))
        passes: list[list[tuple[Tensor, Tensor | None]]] = [
            [(entered, next(found)) for entered, _ in each] for each in calls
        ]
    return [_joined(layer, each, len(labels)) for layer, each in zip(layers, passes, strict=True)]


def linear_layers(module: nn.Module) -> list[nn.Module]:
    """All linear layers of a module, itself included, in the order in which they were registered."""
    return [each for each in module.modules() if isinstance(each, nn.Linear | Conv1D)]


def head(model: PreTrainedModel) -> nn.Module:
    """The linear layer whose output is the logits."""
    return _above_blocks(model)[-1]


def below_head(model: PreTrainedModel) -> nn.Module:
    """The linear layer beneath the head, above all blocks; `InputError` where there is none."""
    above = _above_blocks(model)
    if len(above) < 2:
        raise InputError(
            f"--method second-layer: {type(model).__name__} has no layer between its blocks and its head"
        )
    return above[-2]


def middle_layers(model: PreTrainedModel) -> list[nn.Module]:
    """The linear layers of the middle block that see every example apart; `InputError` if there are none.

    DeBERTa's projections of relative positions, for one, see one table for the whole batch.
    """
    blocks = _blocks(model)
    layers = linear_layers(blocks[len(blocks) // 2]) if blocks else []
    seen = [layer for layer, shape in _applied(model, layers) if len(shape) == 3 and shape[0] == _PROBES]
    if not seen:
        raise InputError(f"--method middle-layer: {type(model).__name__} has no blocks with linear layers")
    return [layer for layer in layers if any(layer is each for each in seen)]


def _blocks(model: PreTrainedModel) -> list[nn.Module]:
    """The longest list of modules that holds linear layers: the transformer's blocks."""
    lists = [list(each) for each in model.modules() if isinstance(each, nn.ModuleList)]
    return max((each for each in lists if each and linear_layers(each[0])), key=len, default=[])


def _above_blocks(model: PreTrainedModel) -> list[nn.Module]:
    """Linear layers that are applied after the last block, in that order."""
    inner = {id(each) for part in _blocks(model) for each in part.modules()}
    last = [layer for layer, _ in _applied(model, linear_layers(model))]
    cut = max((place + 1 for place, layer in enumerate(last) if id(layer) in inner), default=0)
    return last[cut:]


_PROBES = 2


def _applied(model: PreTrainedModel, layers: Sequence[nn.Module]) -> list[tuple[nn.Module, tuple[int, ...]]]:
    """In which order layers are applied, and the shape of what they see, for `_PROBES` examples."""
    order: list[tuple[nn.Module, tuple[int, ...]]] = []
    device = embedding_layer(model).weight.device
    with ExitStack() as stack, torch.no_grad():
        for layer in layers:
            note = layer.register_forward_hook(
                lambda module, args, _: order.append((module, tuple(args[0].shape)))
            )
            stack.callback(note.remove)
        tokens = torch.tensor([ended(model, [1, 1])] * _PROBES, dtype=torch.int64, device=device)
        model(**accepted_inputs(model, {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}))
    return order


@contextmanager
def _watched(layer: nn.Module) -> Iterator[list[tuple[Tensor, Tensor]]]:
    calls: list[tuple[Tensor, Tensor]] = []

    def note(module: nn.Module, args: Any, output: Tensor) -> None:
        calls.append((args[0].detach(), output))

    handle = layer.register_forward_hook(note)
    try:
        yield calls
    finally:
        handle.remove()


def _joined(layer: nn.Module, calls: list[tuple[Tensor, Tensor | None]], count: int) -> LayerPass:
    used = [(entered, gradient) for entered, gradient in calls if gradient is not None]
    if not used:
        raise InputError(f"{type(layer).__name__}: a layer that was asked for takes no part in the loss")
    inputs = torch.cat([entered.reshape(count, -1, entered.shape[-1]).float() for entered, _ in used], dim=1)
    if layer.bias is not None:
        inputs = torch.cat([inputs, torch.ones_like(inputs[..., :1])], dim=-1)
    return LayerPass(
        inputs,
        torch.cat([gradient.reshape(count, -1, gradient.shape[-1]).float() for _, gradient in used], dim=1),
    )
