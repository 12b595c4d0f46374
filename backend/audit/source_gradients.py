"""Gradients of groups of rows, and how they lie to each other and to the target's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from transformers import PreTrainedModel

from backend.influence.gradients.capture import Batch
from backend.influence.gradients.parameters import Vector, mean_gradient, product, trained_parameters
from backend.model.free_memory import free_memory
from backend.scores.alignment import clean_gradients
from backend.scores.context import Context
from backend.scores.passes import text_batches

SAMPLE_ROWS = 256
_SHARE = 0.25  # of the memory that is free, for gradients held at once
_STAGE = "gradients of sources"


def source_products(context: Context, names: Sequence[str], kinds: Sequence[str]) -> np.ndarray:
    """Inner products of mean gradients at every checkpoint: float64 (C, k + 1, k + 1).

    The first is the clean set's, then come ``kinds``, each from up to `SAMPLE_ROWS` of the training rows
    that ``names`` says are its.
    """
    checkpoints = context.explainer.checkpoints
    trained = trained_parameters(checkpoints.models)
    batches = [_sampled_batches(context, names, kind) for kind in kinds]
    found: list[np.ndarray] = []
    for model, target in clean_gradients(context):
        context.progress(_STAGE, len(found), len(checkpoints.models))
        size = 4 * sum(each.numel() for name, each in model.named_parameters() if name in trained)
        with checkpoints.using():
            gradient = partial(_gradient, model, target, batches, trained)
            found.append(gram(len(kinds) + 1, gradient, held_at_once(model.device, size)))
    context.progress(_STAGE, len(found), len(found))
    return np.array(found)


def gram(count: int, vector: Callable[[int], Vector], at_once: int) -> np.ndarray:
    """Inner products of ``count`` vectors: float64 (count, count); at most ``at_once`` + 1 are held.

    Those that don't fit together are made again for every block.
    """
    found = np.zeros((count, count))
    for start in range(0, count, at_once):
        held = {number: vector(number) for number in range(start, min(start + at_once, count))}
        for other in range(start, count):
            one = held[other] if other in held else vector(other)
            for number, each in held.items():
                found[number, other] = found[other, number] = product(each, one)
    return found


def held_at_once(device: torch.device, size: int) -> int:
    """How many gradients of ``size`` bytes are held: those that are not must be made again and again."""
    return max(1, int(_SHARE * free_memory(device)) // size)


def as_cosines(products: np.ndarray) -> np.ndarray:
    """Cosines (m, m) from inner products (m, m); 0 with a vector that is 0."""
    norms = np.sqrt(np.diagonal(products))
    scale = np.outer(norms, norms)
    return np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)


def step_weights(cosines: np.ndarray, eta: float) -> np.ndarray:
    """One step of DGA from equal weights, ``alpha_k ~ exp(+eta cos_k)``: float64 (k), adding up to 1.

    The step maximises ``eta <alpha, cos> - KL(alpha || uniform)``, hence the plus.
    """
    raised = np.exp(eta * (cosines - cosines.max()))
    return raised / raised.sum()


def _gradient(
    model: PreTrainedModel,
    target: Vector,
    batches: Sequence[Sequence[Batch]],
    trained: frozenset[str],
    number: int,
) -> Vector:
    return target if number == 0 else mean_gradient(model, batches[number - 1], trained)


def _sampled_batches(context: Context, names: Sequence[str], kind: str) -> list[Batch]:
    rows = [place for place, name in enumerate(names) if name == kind]
    drawn = np.random.default_rng(context.settings.seed).permutation(rows)[:SAMPLE_ROWS]
    return text_batches(context, context.train.take(np.sort(drawn)))
