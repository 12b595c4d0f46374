"""Which parts of a batch a model takes."""

from __future__ import annotations

import inspect

import torch
from transformers import PreTrainedModel


def accepted_inputs(model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inputs that ``model.forward`` names.

    A DistilBERT saved with a BERT tokenizer gets token types that it does not know; Trainer drops
    such columns by the same rule.
    """
    known = inspect.signature(model.forward).parameters
    return {name: tensor for name, tensor in batch.items() if name in known}
