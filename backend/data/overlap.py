"""Which rows have a text that stands elsewhere too, in the same split or in another, and with which label."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from backend.data.equal_texts import TextKey, text_keys
from backend.data.examples import Examples


def stands_also_in(rows: Examples, other: Examples) -> np.ndarray:
    """Whether the text of each row, or its pair of texts, is that of a row of ``other``: bool (n).

    Texts are equal as `backend.data.equal_texts` has it.
    """
    known = set(text_keys(other))
    return np.array([key in known for key in text_keys(rows)], dtype=bool)


def contradicted_in(rows: Examples, other: Examples) -> np.ndarray:
    """Whether some row of ``other`` has the text of each row and another label: bool (n).

    ``contradicted_in(train, eval)``: the training rows that say something else of a text that is tested.
    """
    known, labelled = _labels_of(other), zip(text_keys(rows), rows.targets, strict=True)
    return np.array([bool(known.get(key, frozenset()) - {label}) for key, label in labelled], dtype=bool)


def repeated_within(rows: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Two masks, bool (n): the rows whose text an earlier row has; those where one such has another label."""
    seen: dict[TextKey, set[str]] = {}
    repeated, contradicting = [], []
    for key, label in zip(text_keys(rows), rows.targets, strict=True):
        before = seen.setdefault(key, set())
        repeated.append(bool(before))
        contradicting.append(bool(before - {label}))
        before.add(label)
    return np.array(repeated, dtype=bool), np.array(contradicting, dtype=bool)


def _labels_of(rows: Examples) -> dict[TextKey, set[str]]:
    found: dict[TextKey, set[str]] = defaultdict(set)
    for key, label in zip(text_keys(rows), rows.targets, strict=True):
        found[key].add(label)
    return found
