"""Losses of a language model's training rows under a model whose predictions are not kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from backend.model.devices import resolve_device
from backend.model.loading import input_length, load_classifier, load_tokenizer
from backend.model.token_losses import token_losses
from backend.model.tokenization import TokenIds
from backend.scores.context import Context

_BLOCK = 1024  # rows tokenised at a time


@dataclass(frozen=True)
class RowModel:
    """A model with the tokenizer of the workspace's run, and how many tokens of a row it reads."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    length: int

    def losses(self, encoded: Sequence[TokenIds]) -> list[np.ndarray]:
        """Of each row the losses of its learnt tokens in nats, in order: float32."""
        return token_losses(self.model, encoded, self.tokenizer)


def row_model(context: Context, source: Path | str, layers: int | None = None) -> RowModel:
    """The model of a folder or hub id on the device of the settings; its first ``layers`` where given."""
    manifest = context.manifest
    tokenizer = load_tokenizer(context.folder.tokenizer_path(manifest))
    model = load_classifier(source, layers=layers)
    model.to(resolve_device(context.settings.device))  # type: ignore[arg-type]
    return RowModel(model, tokenizer, input_length(manifest.max_length, tokenizer, model))


def blocks(count: int) -> Iterator[range]:
    """Places of rows, some at a time."""
    return (range(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK))
