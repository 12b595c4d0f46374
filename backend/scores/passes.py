"""The training rows in labelled batches: what scores from gradients go over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from backend.data.examples import Examples
from backend.influence.answers.split_batches import example_batches, split_batches
from backend.influence.gradients.capture import Batch
from backend.influence.gradients.settings import TraceSettings
from backend.scores.context import Context

_MAX_TOKENS = 2048  # of a batch: norms hold every linear layer's input and gradient at once
_LOGITS = 1 << 25  # of a batch of a language model, which has some at every token: 128 MB in float32


def training_batches(context: Context, stage: str) -> Iterator[Batch]:
    """All training rows that have tokens (see `split_batches`)."""
    return split_batches(context.explainer, "train", stage, _bounded(context), context.progress)


def text_batches(context: Context, examples: Examples) -> list[Batch]:
    """Batches of a few examples with targets."""
    encoded = context.explainer.checkpoints.encode(examples)
    labels = context.space.numbers(examples.targets)
    return list(example_batches(context.explainer, encoded, labels, _bounded(context)))


def _bounded(context: Context) -> TraceSettings:
    trace, checkpoints = context.explainer.settings, context.explainer.checkpoints
    most = max(_LOGITS // checkpoints.vocabulary, 1) if checkpoints.language else _MAX_TOKENS
    return replace(trace, max_tokens=min(most, _MAX_TOKENS, trace.max_tokens))
