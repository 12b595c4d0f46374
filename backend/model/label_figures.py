"""How good predictions of label sets are, label by label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.model.figures import ClassFigures
from backend.tasks.multilabel import THRESHOLD


@dataclass(frozen=True)
class LabelFigures(ClassFigures):
    """One label, as a class is told; ``average_precision`` is None for a label without rows."""

    average_precision: float | None = None


def label_figures(names: Sequence[str], given: np.ndarray, outputs: np.ndarray) -> list[LabelFigures]:
    """Of every label, in model order, from given float (n, K) of 0 and 1, and probabilities float (n, K)."""
    from sklearn.metrics import average_precision_score

    there, said = given > 0.5, outputs > THRESHOLD
    found = []
    for place, name in enumerate(names):
        own, predicted = there[:, place], said[:, place]
        counts = (int(each.sum()) for each in (own & predicted, own, predicted))
        average = float(average_precision_score(own, outputs[:, place])) if own.any() else None
        found.append(LabelFigures(**vars(ClassFigures.counted(name, *counts)), average_precision=average))
    return found
