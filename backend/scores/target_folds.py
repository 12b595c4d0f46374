"""Cross-fitting where targets are label sets or numbers: folds, and features of texts and pairs.

Of a pair, sentence embeddings of the pair say little about how its texts stand to each other: beside them
stand the product and the distance of the embeddings of both texts, and their cosine.
"""

from __future__ import annotations

import numpy as np

from backend.data.dataset import load_split
from backend.data.equal_texts import equal_text_groups
from backend.data.examples import Examples
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.folder import Folder
from backend.scores.context import Context
from backend.scores.settings import ScoreSettings

USES = ("crossfit", "folds", "seed", "encoder")
"""The fields of `ScoreSettings` on which out-of-fold predictions of probes depend."""


def target_folds(context: Context) -> np.ndarray:
    """The fold in which each training row is held out, strata spread evenly: int32 (n)."""
    from backend.scores.folds import stratified_folds

    settings, groups = context.settings, equal_text_groups(context.train.examples)
    return stratified_folds(context.strata, groups, settings.folds, settings.seed)


def probe_features(context: Context) -> np.ndarray:
    """What probes see of the training rows: float32 (n, d)."""
    return context.once("probe features", lambda: _features(context))


def _features(context: Context) -> np.ndarray:
    fields = context.train.examples.fields
    if len(fields) == 1:
        return context.embeddings
    one, other = (
        context.encoder.encode(Examples((each,)), context.progress, f"sentence embeddings, text {number}")
        for number, each in enumerate(fields, 1)
    )
    both = one * other
    return np.hstack([context.embeddings, both, np.abs(one - other), both.sum(axis=1, keepdims=True)])


def fold_hindrance(folder: Folder, settings: ScoreSettings) -> str | None:
    """Why no row can be held out of probes; None if they can."""
    from backend.scores.folds import no_folds

    train = load_split(folder, "train")
    return no_folds(train, space_of(folder.manifest().task).strata(train.labels).tolist())


def require_probe(settings: ScoreSettings) -> None:
    """`InputError` where cross-fitting is to train the model anew: that is for classes only."""
    if settings.crossfit != "probe":
        raise InputError(
            f"--crossfit {settings.crossfit}: made for classification; other tasks have --crossfit probe"
        )
