"""What a training is fed with: rows that something can be learnt from, their targets, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from backend.data.targets.registry import holds
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.model.model_inputs import accepted_inputs
from backend.model.token_labels import is_learnt, token_labels
from backend.model.token_losses import whole_model
from backend.model.tokenization import TokenIds, collate
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_of


class TrainingRows(Dataset[tuple[int, TokenIds, Any]]):
    """Places, encoded texts and targets as losses take them, without texts that have no token to learn from.

    ``rows``: which of all texts they are.
    """

    def __init__(self, encoded: Sequence[TokenIds], labels: np.ndarray) -> None:
        self.rows = [row for row, each in enumerate(encoded) if len(each) and is_learnt(each)]
        self.encoded = [encoded[row] for row in self.rows]
        self.labels = labels[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[int, TokenIds, Any]:
        return index, self.encoded[index], self.labels[index]


def training_rows(encoded: Sequence[TokenIds], labels: np.ndarray) -> TrainingRows:
    """Those that something can be learnt from; `InputError` where there is none."""
    examples = TrainingRows(encoded, labels)
    if len(examples) == 0:
        what = "has a token" if not encoded or encoded[0].flags is None else "has a token in the loss"
        raise InputError(f"there is nothing to train on: no training text {what}")
    return examples


def target_numbers(space: Space, targets: Sequence[str]) -> np.ndarray:
    """Targets as losses take them. `InputError` for one that is none."""
    if space.task == "classification" and len(set(space.names)) < 2:
        raise InputError(f"a classifier needs at least two different classes, not {list(space.names)}")
    try:
        return space.numbers(targets)
    except (KeyError, ValueError):
        unknown = next(each for each in targets if not holds(space, each))
        raise InputError(f"label {unknown!r} is not one of the classes {', '.join(space.names)}") from None


def collator(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> Callable[[Sequence[tuple[int, TokenIds, Any]]], dict[str, torch.Tensor]]:
    """Makes batches of `TrainingRows`: the model's inputs, ``places`` int64 (B) and ``labels``, (B, ...)."""

    def batch_of(items: Sequence[tuple[int, TokenIds, Any]]) -> dict[str, torch.Tensor]:
        places, encoded, labels = zip(*items, strict=True)
        batch = accepted_inputs(whole_model(model), collate(encoded, tokenizer))
        writes = task_of(model).name == CAUSAL_LM
        wanted = token_labels(encoded) if writes else torch.from_numpy(np.stack(labels))
        return {**batch, "places": torch.tensor(places), "labels": wanted}

    return batch_of
