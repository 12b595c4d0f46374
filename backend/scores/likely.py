"""Which classes a training row probably has: what model, cross-validation and neighbours say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

PREDICTED = "predicted"
VOICES = {"cv_label": "cross-validation", "neighbours_label": "neighbours"}
"""Columns of the table of scores that name a class, and who speaks there."""


def most_probable(probabilities: np.ndarray, most: int) -> np.ndarray:
    """Numbers of the most probable classes of each row, the first first: int64 (n, min(most, K)).

    From probabilities (n, K); ties in class order.
    """
    most = min(most, probabilities.shape[1])
    if not most:
        return np.empty((len(probabilities), 0), dtype=np.int64)
    found = np.argpartition(-probabilities, most - 1, axis=1)[:, :most]
    found.sort(axis=1)
    order = np.argsort(-np.take_along_axis(probabilities, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def likely_labels(
    classes: Sequence[str], ranked: Sequence[int], said: Mapping[str, object], most: int
) -> dict[str, str]:
    """At most ``most`` classes with what speaks for each, the likeliest first.

    ``ranked``: numbers of the classes by the model's probability, empty if there is no prediction; ``said``:
    values of the row's columns in the table of scores. What names no class is passed over.
    """
    found: dict[str, list[str]] = {}
    if len(ranked):
        found[classes[ranked[0]]] = [PREDICTED]
    known = set(classes)
    for column, voice in VOICES.items():
        label = said.get(column)
        if label in known:
            found.setdefault(str(label), []).append(voice)
    for place, number in enumerate(ranked[1:], 2):
        found.setdefault(classes[number], []).append(f"model's no. {place}")
    return {name: ", ".join(voices) for name, voices in list(found.items())[:most]}
