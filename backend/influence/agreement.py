"""How much a training example and a query pull the model's outputs in the same direction.

With p the probabilities at a checkpoint, d loss / d logits = p - onehot(label): the residual.
"""

from __future__ import annotations

import numpy as np
import torch

from backend.data.shards import label_indices
from backend.influence.engine import Engine
from backend.influence.method import Asked
from backend.model.prediction import predict

AGREEMENTS = ("residual", "label", "plain")


def agreement(asked: Asked, kind: str) -> np.ndarray:
    """What similarities are multiplied with, for every training example: float64 (n).

    ``residual``: sum_c eta_c (p_c(x) - y_x) . (p_c(q) - y_q), as in TR-TFIDF (Yeh et al. 2022, appendix A).
    ``label``: 1 where the example has the explained class, else -1. ``plain``: 1.
    """
    engine = asked.engine
    labels = engine.keep("train labels", lambda: label_indices(engine.folder, "train", engine.classes))
    if kind == "plain":
        return np.ones(len(labels))
    if kind == "label":
        return np.where(labels == asked.label, 1.0, -1.0)
    total = np.zeros(len(labels))
    stored = engine.keep("train residuals", lambda: _residuals(engine, labels))
    checkpoints = engine.checkpoints
    for residuals, weight, model in zip(
        stored, engine.searcher.weights.tolist(), checkpoints.models, strict=True
    ):
        with checkpoints.using():
            own = predict(model, [asked.encoded], checkpoints.tokenizer)[0].astype(np.float64)
        own[asked.label] -= 1.0
        total += weight * (residuals @ own)
    return total


def _residuals(engine: Engine, labels: np.ndarray) -> list[np.ndarray]:
    """float32 (n, K) at every checkpoint, from the logits beside the rows."""
    found = []
    for store in engine.searcher.stores:
        logits = np.concatenate([shard.logits for shard in store.passing()])
        residuals = torch.softmax(torch.from_numpy(logits), dim=-1).numpy()
        residuals[np.arange(len(labels)), labels] -= 1.0
        found.append(residuals)
    return found
