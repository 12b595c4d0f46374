"""From examples to gradient rows: batches through a model, merged by token while the next batch runs.

The device computes a batch while the one before it is copied back (pinned, asynchronously, on a GPU) and
merged by whoever calls `TracedBatch.merged`: a worker thread in `precompute`, the same thread elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.targets.space import Numbers
from backend.errors import InputError
from backend.influence.gradients.positions import Positions
from backend.influence.gradients.settings import PRECISIONS, TraceSettings
from backend.influence.gradients.token_rows import (
    TokenRows,
    concatenate,
    merge_positions,
    token_gradients,
)
from backend.model.batching import batch_kinds, length_sorted_batches
from backend.model.loading import embedding_layer, load_classifier
from backend.model.tokenization import TokenIds, collate


def load_for_tracing(path: Path, settings: TraceSettings) -> PreTrainedModel:
    """A checkpoint ready for `token_gradients`: eval mode, weights frozen, on the settings' device."""
    model = load_classifier(path, attention=settings.attention)
    model.eval().requires_grad_(False)
    nn.Module.to(model, settings.torch_device, getattr(torch, PRECISIONS[settings.precision]))
    return model


@dataclass(frozen=True)
class Batch:
    """Labelled examples as a model takes them: ``inputs`` (B, L) and ``labels`` (B, ...), on its device.

    Labels are targets as the task's losses take them.

    ``positions`` are their places among the examples that they come from.
    """

    positions: list[int]
    inputs: dict[str, Tensor]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def labelled_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[TokenIds],
    labels: Numbers,
    settings: TraceSettings,
) -> Iterator[Batch]:
    """The examples that have tokens, in batches sorted by length within the settings' bounds.

    Args:
        model: what they are for. examples: n examples. labels: n targets as losses take them.
    """
    present = [position for position, each in enumerate(examples) if len(each)]
    for batch in batches([examples[position] for position in present], model, tokenizer, settings):
        positions = [present[each] for each in batch]
        inputs = collate([examples[each] for each in positions], tokenizer, settings.torch_device)
        yield Batch(positions, inputs, target_tensor(labels, positions, settings.torch_device))


def target_tensor(labels: Numbers, positions: Sequence[int], device: torch.device) -> Tensor:
    """The targets at some positions, one an example: int64, or float32, (B, ...)."""
    chosen = np.asarray([labels[each] for each in positions])
    chosen = chosen.astype(np.float32) if chosen.dtype == np.float64 else chosen
    return torch.from_numpy(chosen).to(device)


@dataclass(frozen=True)
class TracedBatch:
    """What a model found for the examples at ``positions``; on a GPU it may still be on its way to the
    host."""

    positions: list[int]
    logits: Tensor
    found: Positions
    arrived: torch.cuda.Event | None

    def merged(self) -> MergedBatch:
        """The batch's rows, once it has arrived; `InputError` if a gradient is not finite."""
        if self.arrived is not None:
            self.arrived.synchronize()
        rows = merge_positions(self.found.tokens, self.found.gradients, self.found.kept)
        if not np.isfinite(rows.rows).all():
            raise InputError(
                "the model's gradients are not finite: damaged weights, or a training that diverged"
            )
        return MergedBatch(self.positions, self.logits.numpy(), rows)


@dataclass(frozen=True)
class MergedBatch:
    """Rows (in the order of ``positions``) and logits float32 (n, K) of a batch."""

    positions: list[int]
    logits: np.ndarray
    rows: TokenRows


def traced_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[TokenIds],
    labels: Numbers,
    settings: TraceSettings,
) -> Iterator[TracedBatch]:
    """The examples that have tokens, in batches sorted by length within the settings' bounds.

    Args:
        model: from `load_for_tracing`. examples: n examples. labels: n targets as losses take them.
    """
    for batch in labelled_batches(model, tokenizer, examples, labels, settings):
        logits, found = token_gradients(model, batch.inputs, batch.labels)
        here = Positions(*map(_to_host, (found.tokens, found.gradients, found.kept)))
        yield TracedBatch(batch.positions, _to_host(logits), here, _event(logits.device))


def gradient_rows(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[TokenIds],
    labels: Numbers,
    settings: TraceSettings,
) -> tuple[TokenRows, np.ndarray]:
    """Rows of many examples and their logits, in the order of ``examples`` (see `assemble`)."""
    merged = [each.merged() for each in traced_batches(model, tokenizer, examples, labels, settings)]
    return assemble(model, merged, len(examples))


def assemble(
    model: PreTrainedModel, found: Sequence[MergedBatch], count: int
) -> tuple[TokenRows, np.ndarray]:
    """Put batches together.

    Returns:
        CSR rows float32 of ``count`` examples and logits float32 (count, K). An example without tokens has
        no rows and zero logits.
    """
    logits = np.zeros((count, int(model.config.num_labels or 0)), dtype=np.float32)
    for batch in found:
        logits[batch.positions] = batch.logits
    parts = [(batch.positions, batch.rows) for batch in found]
    return concatenate(parts, count, embedding_layer(model).embedding_dim), logits


def batches(
    examples: Sequence[TokenIds],
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    settings: TraceSettings,
) -> Iterator[list[int]]:
    """Batches of positions, sorted by length, within the settings' bounds."""
    lengths = [len(each) for each in examples]
    kinds = batch_kinds(tokenizer, model, examples)
    return length_sorted_batches(lengths, settings.max_examples, settings.max_tokens, kinds)


def _to_host(tensor: Tensor) -> Tensor:
    if not tensor.is_cuda:
        return tensor
    pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return pinned.copy_(tensor, non_blocking=True)


def _event(device: torch.device) -> torch.cuda.Event | None:
    if device.type != "cuda":
        return None
    event = torch.cuda.Event()
    event.record()
    return event
