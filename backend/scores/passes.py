"""The training rows in labelled batches: what scores from gradients go over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from transformers import PreTrainedTokenizerFast

from backend.data.shards import shard_ranges
from backend.influence.capture import Batch, labelled_batches
from backend.influence.settings import TraceSettings
from backend.influence.tracing import Checkpoints
from backend.model.loading import input_length
from backend.model.token_table import tokenise
from backend.scores.context import Context


def training_batches(context: Context, stage: str, max_tokens: int | None = None) -> Iterator[Batch]:
    """All training rows that have tokens; ``positions`` count in the whole split.

    One shard of tokens is in memory at a time. ``max_tokens`` bounds a batch below what tracing takes.
    """
    checkpoints, trace = context.explainer.checkpoints, _bounded(context, max_tokens)
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
    context: Context,
    texts: Sequence[str],
    texts_b: Sequence[str] | None,
    labels: Sequence[int],
    max_tokens: int | None = None,
) -> list[Batch]:
    """Batches of a few texts with class indices."""
    checkpoints: Checkpoints = context.explainer.checkpoints
    encoded = checkpoints.encode(texts, texts_b)
    return list(labelled_batches(checkpoints.tokenizer, encoded, labels, _bounded(context, max_tokens)))


def _bounded(context: Context, max_tokens: int | None) -> TraceSettings:
    trace = context.explainer.settings
    return trace if max_tokens is None else replace(trace, max_tokens=min(max_tokens, trace.max_tokens))
