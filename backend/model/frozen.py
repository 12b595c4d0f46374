"""Whether a run trained its word embeddings: its checkpoints are the only witness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel

from backend.model.loading import embedding_layer, load_classifier


def embeddings_frozen(checkpoints: Sequence[Path], last: PreTrainedModel) -> bool | None:
    """Whether the table is the same at the first checkpoint as at the ``last``; None for one checkpoint."""
    if len(checkpoints) < 2:
        return None
    first = load_classifier(checkpoints[0], pad_token_id=last.config.pad_token_id)
    return torch.equal(embedding_layer(first).weight, embedding_layer(last).weight)
