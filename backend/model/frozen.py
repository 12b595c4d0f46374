"""Whether a run trained its word embeddings: its checkpoints are the only witness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel

from backend.model.adapters import trained_by_adapter
from backend.model.loading import embedding_layer, load_classifier


def embeddings_frozen(checkpoints: Sequence[Path], last: PreTrainedModel) -> bool | None:
    """Whether the table was left as it was: by what the adapters trained, or else where it is the same at the
    first checkpoint as at the ``last``; None for one whole checkpoint."""
    table = embedding_layer(last).weight
    trained = trained_by_adapter(last)
    if trained is not None:
        return not any(each is table for name, each in last.named_parameters() if name in trained)
    if len(checkpoints) < 2:
        return None
    first = load_classifier(checkpoints[0], pad_token_id=last.config.pad_token_id)
    return torch.equal(embedding_layer(first).weight, table)
