"""The training rows in labelled batches: what scores from gradients go over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from transformers import PreTrainedTokenizerFast

from backend.data.shards import shard_ranges
from backend.influence.capture import Batch, labelled_batches
from backend.influence.settings import TraceSettings
from backend.model.loading import input_length
from backend.model.token_table import tokenise
from backend.scores.context import Context

_MAX_TOKENS = 2048  # of a batch: norms hold every linear layer's input and gradient at once


def training_batches(context: Context, stage: str) -> Iterator[Batch]:
    """All training rows that have tokens; ``positions`` count in the whole split.

    One shard of tokens is in memory at a time.
    """
    checkpoints, trace = context.explainer.checkpoints, _bounded(context)
    tokenizer = checkpoints.tokenizer
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    length = input_length(context.manifest.max_length, tokenizer, checkpoints.models[-1])
    table, done = tokenise(context.folder, "train", tokenizer, length, context.progress), 0
    context.progress(stage, done, table.count)
    for number, rows in enumerate(shard_ranges(table.count)):
        labels = context.labels[rows.start : rows.stop].tolist()
        for batch in labelled_batches(tokenizer, table.shard(number).examples(), labels, trace):
            yield replace(batch, positions=[rows.start + each for each in batch.positions])
            done += len(batch)
            context.progress(stage, done, table.count)
    context.progress(stage, table.count, table.count)


def text_batches(
    context: Context, texts: Sequence[str], texts_b: Sequence[str] | None, labels: Sequence[int]
) -> list[Batch]:
    """Batches of a few texts with class indices."""
    checkpoints = context.explainer.checkpoints
    encoded = checkpoints.encode(texts, texts_b)
    return list(labelled_batches(checkpoints.tokenizer, encoded, labels, _bounded(context)))


def _bounded(context: Context) -> TraceSettings:
    trace = context.explainer.settings
    return replace(trace, max_tokens=min(_MAX_TOKENS, trace.max_tokens))
