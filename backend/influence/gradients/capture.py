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
from backend.influence.gradients.language import language_gradients
from backend.influence.gradients.positions import Positions
from backend.influence.gradients.settings import PRECISIONS, TraceSettings
from backend.influence.gradients.sides import sides_of
from backend.influence.gradients.token_rows import (
    TokenRows,
    concatenate,
    merge_positions,
    token_gradients,
)
from backend.model.activation_memory import most_tokens
from backend.model.batching import batch_kinds, length_sorted_batches
from backend.model.loading import embedding_layer, load_classifier
from backend.model.token_labels import token_labels
from backend.model.tokenization import TokenIds, collate
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_of


def load_for_tracing(path: Path, settings: TraceSettings) -> PreTrainedModel:
    """A checkpoint ready for `token_gradients`: eval mode, weights frozen, on the settings' device."""
    model = load_classifier(path, attention=settings.attention)
    model.eval().requires_grad_(False)
    nn.Module.to(model, settings.torch_device, getattr(torch, PRECISIONS[settings.precision]))
    return model


@dataclass(frozen=True)
class Batch:
    """Labelled examples as a model takes them: ``inputs`` (B, L) and ``labels`` (B, ...), on its device.

    Labels are targets as the task's losses take them: of language models the tokens that are learnt.

    ``positions`` are their places among the examples that they come from, ``examples`` these themselves.
    """

    positions: list[int]
    inputs: dict[str, Tensor]
    labels: Tensor
    examples: Sequence[TokenIds] = ()

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
        own, device = [examples[each] for each in positions], settings.torch_device
        inputs = collate(own, tokenizer, device)
        yield Batch(positions, inputs, target_tensor(labels, positions, device, own), own)


def target_tensor(
    labels: Numbers, positions: Sequence[int], device: torch.device, examples: Sequence[TokenIds] = ()
) -> Tensor:
    """The targets at some positions, one an example: int64, or float32, (B, ...).

    Those of language models are among the tokens of the ``examples``: int64 (B, L).
    """
    if examples and examples[0].flags is not None:
        return token_labels(examples, device=device)
    chosen = np.asarray([labels[each] for each in positions])
    chosen = chosen.astype(np.float32) if chosen.dtype == np.float64 else chosen
    return torch.from_numpy(chosen).to(device)


@dataclass(frozen=True)
class TracedBatch:
    """What a model found for the examples at ``positions``, side by side; on a GPU it may still be on its way
    to the host."""

    positions: list[int]
    outputs: Tensor
    found: list[Positions]
    arrived: torch.cuda.Event | None

    def merged(self) -> MergedBatch:
        """The batch's rows, once it has arrived; `InputError` if a gradient is not finite."""
        if self.arrived is not None:
            self.arrived.synchronize()
        rows = [merge_positions(each.tokens, each.gradients, each.kept) for each in self.found]
        if not all(np.isfinite(each.rows).all() for each in rows):
            raise InputError(
                "the model's gradients are not finite: damaged weights, or a training that diverged"
            )
        return MergedBatch(self.positions, self.outputs.numpy(), rows)


@dataclass(frozen=True)
class MergedBatch:
    """Rows of every side (in the order of ``positions``) and outputs float32 (n, K) of a batch."""

    positions: list[int]
    outputs: np.ndarray
    rows: list[TokenRows]


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
        outputs, sides = batch_gradients(model, batch)
        here = [Positions(*map(_to_host, (each.tokens, each.gradients, each.kept))) for each in sides]
        yield TracedBatch(batch.positions, _to_host(outputs), here, _event(outputs.device))


def batch_gradients(model: PreTrainedModel, batch: Batch) -> tuple[Tensor, list[Positions]]:
    """What the model says of a batch, such as logits (B, K), and its gradients on every side."""
    if task_of(model).name == CAUSAL_LM:
        return language_gradients(model, batch.examples, batch.inputs, batch.labels)
    logits, found = token_gradients(model, batch.inputs, batch.labels)
    return logits, [found]


def gradient_rows(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[TokenIds],
    labels: Numbers,
    settings: TraceSettings,
) -> tuple[TokenRows, np.ndarray]:
    """What is read of many examples, and their outputs, in the order of ``examples`` (see `assemble`)."""
    rows, outputs = sided_rows(model, tokenizer, examples, labels, settings)
    return rows[0], outputs


def sided_rows(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[TokenIds],
    labels: Numbers,
    settings: TraceSettings,
) -> tuple[list[TokenRows], np.ndarray]:
    """Rows of many examples on every side, and their outputs."""
    merged = [each.merged() for each in traced_batches(model, tokenizer, examples, labels, settings)]
    return assemble(model, merged, len(examples))


def assemble(
    model: PreTrainedModel, found: Sequence[MergedBatch], count: int
) -> tuple[list[TokenRows], np.ndarray]:
    """Put batches together.

    Returns:
        CSR rows float32 of ``count`` examples on every side, and outputs float32 (count, K). An example
        without tokens has no rows and zeros.
    """
    language = task_of(model).name == CAUSAL_LM
    outputs = np.zeros((count, 2 if language else int(model.config.num_labels or 0)), dtype=np.float32)
    for batch in found:
        outputs[batch.positions] = batch.outputs
    width = embedding_layer(model).embedding_dim
    sides = range(len(sides_of(task_of(model).name)))
    parts = [[(batch.positions, batch.rows[side]) for batch in found] for side in sides]
    return [concatenate(each, count, width) for each in parts], outputs


def batches(
    examples: Sequence[TokenIds],
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    settings: TraceSettings,
) -> Iterator[list[int]]:
    """Batches of positions, sorted by length, within the settings' bounds and those of the model's size."""
    lengths = [len(each) for each in examples]
    kinds = batch_kinds(tokenizer, model, examples)
    most = min(settings.max_tokens, most_tokens(model) or settings.max_tokens)
    return length_sorted_batches(lengths, settings.max_examples, most, kinds)


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
