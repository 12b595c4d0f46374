"""Parts for cross-fitting."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from backend.data.dataset import Split
from backend.data.equal_texts import different_texts
from backend.errors import InputError


def stratified_folds(labels: np.ndarray, groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The fold in which each row is held out: int32 (n), from labels and groups, int64 (n).

    Classes are spread evenly over ``count`` folds, or as many as there are groups or rows of one class.
    Rows of a group are never divided. `InputError` if two folds can't be made.
    """
    folds = np.zeros(len(labels), dtype=np.int32)
    texts = len(np.unique(groups))
    count = min(count, texts, int(np.bincount(labels).max()))
    if count >= 2:
        from sklearn.model_selection import StratifiedGroupKFold  # it loads slowly

        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of classes with fewer rows than folds
            for fold, (_, held) in enumerate(splitter.split(folds, labels, groups)):
                folds[held] = fold
    if len(np.unique(folds)) < 2:
        raise InputError(_too_few(len(labels), texts))
    return folds


def no_folds(split: Split, strata: Sequence[Any] | None = None) -> str | None:
    """Why rows can't be divided into two folds; None if they can. ``strata``: instead of labels."""
    texts = different_texts(split.examples, 2)
    divisible = texts >= 2 and max(Counter(split.labels if strata is None else strata).values()) >= 2
    return None if divisible else _too_few(len(split), texts)


def _too_few(rows: int, texts: int) -> str:
    return f"{rows} rows with {texts} different texts are too few for cross-fitting"
