"""Whether the outputs of a model stand for the classes in another order than is assumed.

The order that fits best is found on the confusion matrix (Kuhn 1955) and tested on rows that had no part in
finding it: by a sign test, and by their agreement beyond chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.model.figures import SLIGHT, figures_of

_CERTAIN = 1e-4


@dataclass(frozen=True)
class ClassOrder:
    """The class of each output, as a place in the order that was assumed; int64 (K).

    ``accuracy``: of the eval rows; ``guessed``: for how many outputs too few rows speak.
    """

    places: np.ndarray
    accuracy: float
    guessed: int


def other_order(
    train: tuple[np.ndarray, np.ndarray],
    evaluation: tuple[np.ndarray, np.ndarray],
    count: int,
    logged: float | None = None,
) -> ClassOrder | None:
    """Another order of ``count`` classes that is certainly better, and nearer to the ``logged`` accuracy.

    ``train``, ``evaluation``: labels and outputs of n rows, int64 (n) each. None if there is no such order.
    Found on half of each class's training rows, tested on all other rows; then found again on all of them.
    """
    (labels, said), (here, answers) = train, evaluation
    turns = np.argsort(labels, kind="stable")  # so that each half has rows of all classes
    half, rest = turns[::2], turns[1::2]
    confusion = _confusion(labels[half], said[half], count)
    places = _assigned(confusion)
    seen = confusion[places, np.arange(count)] > 0
    places = np.where(seen, places, np.arange(count))
    if not _is_certain(places, np.concatenate([labels[rest], here]), np.concatenate([said[rest], answers])):
        return None
    truth, outputs = np.concatenate([labels, here]), np.concatenate([said, answers])
    confusion = _confusion(truth, outputs, count)
    places = _assigned(confusion)
    before, after = (float((each == here).mean()) for each in (answers, places[answers]))
    if logged is not None and abs(before - logged) <= abs(after - logged):  # as the run itself saw it
        return None
    return ClassOrder(places, after, _guessed(confusion, places))


def is_better(after: np.ndarray, before: np.ndarray, level: float) -> bool:
    """Sign test over rows that are right in one way and wrong in the other; bool (n) each."""
    from scipy.stats import binomtest

    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    return gained > lost and binomtest(gained, gained + lost, 0.5, "greater").pvalue < level


def _confusion(truth: np.ndarray, said: np.ndarray, count: int) -> np.ndarray:
    """Rows by class and output, (K, K)."""
    return np.bincount(truth * count + said, minlength=count * count).reshape(count, count)


def _assigned(confusion: np.ndarray) -> np.ndarray:
    """The class of each output (K) with which most rows are right; of equals, the order as it is."""
    from scipy.optimize import linear_sum_assignment

    count = len(confusion)
    labels, outputs = linear_sum_assignment(-(confusion + np.eye(count) * 0.5 / count))
    places = np.empty(count, dtype=np.int64)
    places[outputs] = labels
    return places


def _is_certain(places: np.ndarray, truth: np.ndarray, outputs: np.ndarray) -> bool:
    """Whether these places are better than none, and tell classes from each other.

    A model that says one class for most rows is better wherever that stands for the largest class: so the
    rows of those outputs that change their place have to agree with their labels beyond chance.
    """
    if not is_better(places[outputs] == truth, outputs == truth, _CERTAIN):
        return False
    from scipy.stats import norm

    moved = places[outputs] != outputs
    names = [str(each) for each in range(len(places))]
    figures = figures_of(truth[moved].tolist(), places[outputs[moved]].tolist(), names)
    return figures.kappa >= max(SLIGHT, float(norm.isf(_CERTAIN)) * figures.kappa_error)


def _guessed(confusion: np.ndarray, places: np.ndarray) -> int:
    """For how many outputs less than two rows, or no more than by chance, speak for their place.

    A single one has the place that is left.
    """
    found = confusion[places, np.arange(len(places))]
    chance = confusion.sum(axis=1)[places] * confusion.sum(axis=0) / max(confusion.sum(), 1)
    guessed = int(((found < 2) | (found <= chance)).sum())
    return 0 if guessed == 1 else guessed
