"""How much a training example and a query pull the model's outputs in the same direction.

d loss / d logits is the residual: of a classifier with probabilities p, p - onehot(label).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.errors import InputError
from backend.influence.answers.method import Asked
from backend.manifest import TaskName

if TYPE_CHECKING:
    from backend.influence.answers.engine import Engine

AGREEMENTS = ("residual", "label", "plain")
OF_CLASSES = ("label",)
"""Those that only classes have."""


def needs_classes(kind: str, task: TaskName) -> InputError:
    """What to say of one of `OF_CLASSES` where there are none."""
    others = " or ".join(each for each in AGREEMENTS if each not in OF_CLASSES)
    return InputError(f"--score {kind}: needs classes, not {task}; use {others}")


def agreement(asked: Asked, kind: str) -> np.ndarray:
    """What similarities are multiplied with, for every training example: float64 (n).

    ``residual``: sum_c eta_c (p_c(x) - y_x) . (p_c(q) - y_q), as in TR-TFIDF (Yeh et al. 2022, appendix A).
    ``label``: 1 where the example has the explained class, else -1. ``plain``: 1.
    """
    from backend.model.prediction import predict  # torch, which a list of methods must not wait for

    engine = asked.engine
    labels = engine.numbers("train")
    if kind == "plain":
        return np.ones(len(labels))
    if kind == "label":
        if engine.task.name != "classification":
            raise needs_classes(kind, engine.task.name)
        return np.where(labels == asked.target, 1.0, -1.0)
    total = np.zeros(len(labels))
    stored = engine.keep("train residuals", lambda: _residuals(engine, labels))
    target = np.asarray([asked.target])
    checkpoints = engine.checkpoints
    for residuals, weight, model in zip(
        stored, checkpoints.weights.tolist(), checkpoints.models, strict=True
    ):
        with checkpoints.using():
            found = predict(model, [asked.encoded], checkpoints.tokenizer)
        own = engine.task.residuals(found.astype(np.float64), target)[0]
        total += weight * (residuals @ own)
    return total


def _residuals(engine: Engine, labels: np.ndarray) -> list[np.ndarray]:
    """float32 (n, K) at every checkpoint, from the logits beside the rows."""
    found = []
    for store in engine.searcher.stores:
        found.append(engine.task.residuals(engine.task.outputs(store.logits()), labels))
    return found
