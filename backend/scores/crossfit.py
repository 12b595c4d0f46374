"""Out-of-fold class probabilities of the training rows: each row is judged by a model that never saw it.

Kept in ``scores/crossfit-MODE.safetensors`` after every fold, so that a stopped run goes on and all scores
that need them share one pass: ``probabilities`` float32 (n, K), zero where a fold is not done; ``folds``
int32 (n); in the metadata a key, which changes with data and settings, and how many folds are done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from backend.data.dataset import load_split
from backend.data.equal_texts import equal_text_groups
from backend.files import array_digest, digest, replacing
from backend.folder import Folder
from backend.scores.context import Context
from backend.scores.settings import ScoreSettings

USES = ("crossfit", "folds", "seed", "encoder")
"""The fields of `ScoreSettings` on which the probabilities depend."""
_STAGE = "cross-fitting"
_LEAST = 1e-7  # a probability that was rounded to zero


@dataclass(frozen=True)
class CrossFit:
    """``probabilities`` float32 (n, K) of rows held out in ``folds`` int32 (n), and their ``labels`` (n)."""

    probabilities: np.ndarray
    folds: np.ndarray
    labels: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """Probability of each row's own label: float64 (n)."""
        return self.probabilities[np.arange(len(self.labels)), self.labels].astype(np.float64)

    @property
    def log_probabilities(self) -> np.ndarray:
        """Their logarithms, finite: float32 (n, K)."""
        return np.log(np.maximum(self.probabilities, _LEAST))

    @property
    def prior(self) -> np.ndarray:
        """Share of each row's class among the rows of the other folds: float64 (n)."""
        counts = np.zeros((self.folds.max() + 1, self.probabilities.shape[1]))
        np.add.at(counts, (self.folds, self.labels), 1)
        others = counts.sum(axis=0) - counts
        return (others / others.sum(axis=1, keepdims=True))[self.folds, self.labels]

    @property
    def known(self) -> np.ndarray:
        """Whether the other folds have the row's class: bool (n). If not, nothing can be said of its
        label."""
        return self.prior > 0


def crossfit_hindrance(folder: Folder, settings: ScoreSettings) -> str | None:
    """Why no row can be held out of training; None if they can."""
    from backend.scores.folds import no_folds

    return no_folds(load_split(folder, "train"))


def crossfit_content(folder: Folder, settings: ScoreSettings) -> str | None:
    """Identifies the training that ``finetune`` repeats; None for ``probe``."""
    if settings.crossfit != "finetune":
        return None
    from backend.scores.refit import refit_settings

    model, training = folder.manifest().model, {**refit_settings(folder, settings).identity(), "device": None}
    return digest(model.name, model.layers, training)


def cross_fit(context: Context) -> CrossFit:
    """The probabilities under the context's settings: read where they are there, else computed and kept."""
    path, key = context.folder.scores / f"crossfit-{context.settings.crossfit}.safetensors", _key(context)
    found, done = _read(path, key, context.labels) or (_untouched(context), 0)
    count = int(found.folds.max()) + 1
    if done == count:
        return found
    fit = _fit(context)
    context.progress(_STAGE, done, count)
    for fold in range(done, count):
        rows, held = np.flatnonzero(found.folds != fold), np.flatnonzero(found.folds == fold)
        if len(held):
            found.probabilities[held] = fit(rows, held)
        _save(path, key, found, fold + 1)
        context.progress(_STAGE, fold + 1, count)
    return found


def _fit(context: Context) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """What judges held rows after learning from others."""
    if context.settings.crossfit != "finetune":
        return _probe(context)
    from backend.scores.refit import refit

    return refit(context)


def _untouched(context: Context) -> CrossFit:
    from backend.scores.folds import stratified_folds

    groups = equal_text_groups(context.train.examples)
    folds = stratified_folds(context.labels, groups, context.settings.folds, context.settings.seed)
    empty = np.zeros((len(folds), len(context.classes)), dtype=np.float32)
    return CrossFit(empty, folds, context.labels)


def _probe(context: Context) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A logistic regression on sentence embeddings."""
    from backend.scores.probe import fitted_probe

    groups = equal_text_groups(context.train.examples)
    features, labels, classes = context.embeddings, context.labels, len(context.classes)

    def fit(rows: np.ndarray, held: np.ndarray) -> np.ndarray:
        probe = fitted_probe(features[rows], labels[rows], groups[rows], classes, context.settings.seed)
        return probe.probabilities(features[held])

    return fit


# -- the file -----------------------------------------------------------------------------------------


def _key(context: Context) -> str:
    settings, manifest = context.settings, context.manifest
    model = crossfit_content(context.folder, settings) or settings.encoder_content
    chosen = (settings.crossfit, settings.folds, settings.seed, model)
    return digest("crossfit", 1, manifest.data.fingerprint, manifest.classes, chosen)


def _read(path: Path, key: str, labels: np.ndarray) -> tuple[CrossFit, int] | None:
    """What is there, and how many folds are done."""
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            if metadata.get("key") == key:
                probabilities, folds = (np.array(file.get_tensor(n)) for n in ("probabilities", "folds"))
                if metadata.get("digest") in (None, _content(probabilities, folds)):
                    return CrossFit(probabilities, folds, labels), int(metadata["done"])
    except (OSError, SafetensorError, KeyError, ValueError):
        pass
    return None


def _save(path: Path, key: str, found: CrossFit, done: int) -> None:
    tensors = {"probabilities": found.probabilities, "folds": found.folds}
    with replacing(path) as temporary:
        mark = _content(found.probabilities, found.folds)
        save_file(tensors, temporary, {"key": key, "done": str(done), "digest": mark})


def _content(probabilities: np.ndarray, folds: np.ndarray) -> str:
    return array_digest({"probabilities": probabilities, "folds": folds})


def damaged_crossfits(folder: Folder) -> list[Path]:
    """Files of probabilities that can't be read or are not as they were written."""
    return [path for path in sorted(folder.scores.glob("crossfit-*.safetensors")) if not _is_whole(path)]


def _is_whole(path: Path) -> bool:
    try:
        with safe_open(path, "np") as file:
            mark = (file.metadata() or {}).get("digest")
            return mark in (None, _content(file.get_tensor("probabilities"), file.get_tensor("folds")))
    except (OSError, SafetensorError):
        return False
