"""The guide: a small trusted set whose gradient says which way a training should go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import PreTrainedModel

from backend.data.examples import Examples
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.influence.gradients.capture import Batch
from backend.influence.gradients.parameters import Vector, mean_gradient
from backend.model.recipe import TrainingContext
from backend.model.tokenization import TokenIds, collate, encode_ids

LEAST = 8
"""Rows that a guide needs."""
AT_ONCE = 32
"""Rows whose gradient is taken in one pass: in fp32 256 would take ten times a training step's memory."""


@dataclass(frozen=True)
class Guide:
    """m trusted examples, and their targets as losses take them: ``numbers`` (m, ...)."""

    examples: Examples
    numbers: np.ndarray

    @classmethod
    def of(cls, examples: Examples, space: Space) -> Guide:
        """These examples with their own targets."""
        return cls(examples, space.numbers(examples.targets))

    def __post_init__(self) -> None:
        if len(self.examples) < LEAST:
            raise InputError(f"the guide has {len(self.examples)} rows; it needs at least {LEAST}")


@dataclass
class GuideGradient:
    """Draws mini-batches of the guide and takes the gradient of their mean loss, in eval mode and fp32."""

    guide: Guide
    batch_size: int
    _examples: list[TokenIds] = field(default_factory=list, init=False)

    def start(self, context: TrainingContext) -> None:
        """Encode the guide as the training encodes its texts."""
        self._context = context
        encoded = encode_ids(context.tokenizer, self.guide.examples, context.max_length)
        kept = [place for place, each in enumerate(encoded) if len(each)]
        self._examples, self._numbers = [encoded[each] for each in kept], self.guide.numbers[kept]
        self._random = np.random.default_rng((context.seed, 1))
        # What trains: a frozen layer moves for nobody.
        self._names = [name for name, each in context.model.named_parameters() if each.requires_grad]

    def __call__(self) -> Vector:
        """The gradient of a new mini-batch's mean loss: a tensor for every parameter that trains."""
        chosen = self._random.permutation(len(self._examples))[: self.batch_size].tolist()
        with plain(self._context.model, self._context.device):
            batches = (
                chosen_batch(self._context, self._examples, self._numbers, part) for part in in_parts(chosen)
            )
            return mean_gradient(self._context.model, batches, self._names)


def in_parts(chosen: list[int], size: int = AT_ONCE) -> Iterator[list[int]]:
    """The guide's places in parts of which the activations fit into memory: the mean is the same."""
    for first in range(0, len(chosen), size):
        yield chosen[first : first + size]


def chosen_batch(
    context: TrainingContext,
    examples: Sequence[TokenIds],
    numbers: np.ndarray,
    chosen: list[int],
) -> Batch:
    """The ``chosen`` of some examples with targets as numbers (n, ...), on the training's device."""
    inputs = collate([examples[each] for each in chosen], context.tokenizer, context.device)
    return Batch(chosen, inputs, torch.from_numpy(numbers[chosen]).to(context.device))


@contextmanager
def plain(model: PreTrainedModel, device: torch.device) -> Iterator[None]:
    """A model in eval mode and fp32 for a while: no dropout, no random number drawn, no autocast.

    Differences of losses drown in bf16. Ending autocast from outside is not enough: accelerate puts it into
    the model's own ``forward`` and keeps the other as ``_original_forward``.
    """
    training, wrapped = model.training, model.__dict__.get("forward")
    model.eval()
    if original := getattr(model, "_original_forward", None):
        model.forward = original
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        if wrapped is not None:
            model.forward = wrapped
        model.train(training)
