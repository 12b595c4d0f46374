"""How well a score finds wrong labels, where it is known which labels are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

FIRST = 0.1  # share of the rows that a reviewer looks at


@dataclass(frozen=True)
class Detection:
    """``auroc``: chance that a wrong label is ranked above a right one; ``recall``: share of the wrong labels
    among the first tenth of the rows."""

    name: str
    auroc: float
    average_precision: float
    recall: float


def detect(suspicions: Mapping[str, np.ndarray], wrong: np.ndarray) -> list[Detection]:
    """Measure every score; best first.

    Args:
        suspicions: by name, float64 (n): high asks for a look, NaN is the least suspicious.
        wrong: bool (n), of which some are true and some are not.

    Raises `ValueError` where all labels are right, or all wrong.
    """
    if wrong.all() or not wrong.any():
        raise ValueError("to measure detection, some labels must be wrong and some right")
    found = [_detect(name, _filled(values), wrong) for name, values in suspicions.items()]
    return sorted(found, key=lambda each: (-each.auroc, each.name))


def _detect(name: str, values: np.ndarray, wrong: np.ndarray) -> Detection:
    return Detection(
        name,
        float(roc_auc_score(wrong, values)),
        float(average_precision_score(wrong, values)),
        _recall(values, wrong),
    )


def _recall(values: np.ndarray, wrong: np.ndarray) -> float:
    """Share of the wrong labels in the first tenth; rows that tie at its end count in part."""
    wanted = max(round(FIRST * len(values)), 1)
    last = np.sort(values)[-wanted]
    above, ties = values > last, values == last
    share = (wanted - np.count_nonzero(above)) / np.count_nonzero(ties)
    hits = np.count_nonzero(wrong & above) + share * np.count_nonzero(wrong & ties)
    return float(hits / np.count_nonzero(wrong))


def _filled(values: np.ndarray) -> np.ndarray:
    """NaN and infinities as finite numbers that keep their place."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    return np.nan_to_num(values, nan=low - 2, posinf=high + 1, neginf=low - 1)
