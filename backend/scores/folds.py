"""Parts for cross-fitting."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

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
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of classes with fewer rows than folds
            for fold, (_, held) in enumerate(splitter.split(folds, labels, groups)):
                folds[held] = fold
    if len(np.unique(folds)) < 2:
        raise InputError(f"{len(labels)} rows with {texts} different texts are too few for cross-fitting")
    return folds
