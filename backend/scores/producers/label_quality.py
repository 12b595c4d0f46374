"""Confident learning: how well a label agrees with what cross-validation makes of the text."""

from __future__ import annotations

import warnings

import numpy as np

from backend.data.messages import shown_label
from backend.scores.context import Context
from backend.scores.crossfit import USES, CrossFit, cross_fit, crossfit_content, crossfit_hindrance
from backend.scores.score import Columns, Producer, Score
from backend.tasks.classification import TASK as CLASSES


def label_quality(found: CrossFit) -> dict[str, np.ndarray]:
    """The three scores of cleanlab: float64, float64 and bool (n).

    Rows whose class the other folds lack have no quality (NaN) and are no issues.
    """
    from cleanlab.filter import find_label_issues  # it loads slowly
    from cleanlab.rank import get_label_quality_scores

    known = found.known
    labels, probabilities = found.labels[known], found.probabilities[known]
    columns = {
        "self_confidence": np.full(len(known), np.nan),
        "label_margin": np.full(len(known), np.nan),
        "label_issue": np.zeros(len(known), dtype=bool),
    }
    if known.any():
        for name, method in (("self_confidence", "self_confidence"), ("label_margin", "normalized_margin")):
            columns[name][known] = get_label_quality_scores(labels, probabilities, method=method)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of classes with few rows
            columns["label_issue"][known] = find_label_issues(labels, probabilities, n_jobs=1)
    return columns


def _compute(context: Context) -> Columns:
    found = cross_fit(context)
    best, probability = CLASSES.predicted(found.probabilities), found.probabilities.max(axis=1)
    said = zip(best.tolist(), context.labels.tolist(), found.known.tolist(), strict=True)
    return {
        **label_quality(found),
        # Where the other folds lack the row's class, they know nothing of its label.
        "cv_label": [
            context.classes[each] if known else ""
            for each, known in zip(best.tolist(), found.known.tolist(), strict=True)
        ],
        "cv_probability": np.where(found.known, probability.astype(np.float64), np.nan),
        "cv_says": [
            _said(context.classes[each], each == own, known, float(value), float(mine))
            for (each, own, known), value, mine in zip(said, probability, found.own, strict=True)
        ],
    }


def _said(label: str, is_own: bool, known: bool, probability: float, own: float) -> str:
    if not known:
        return "cross-validation knows no other row of its class"
    if is_own:
        return f"cross-validation is less sure of its label than of others', at {own:.2f}"
    return f"cross-validation prefers {shown_label(label)} at {probability:.2f}"


_SOURCE = "Northcutt et al. 2021; library cleanlab"
_SENTENCE = "{cv_says}"

PRODUCER = Producer(
    name="label_quality",
    cost="as `pvi`, which shares its probabilities",
    uses=USES,
    compute=_compute,
    content=crossfit_content,
    hindrance=crossfit_hindrance,
    version=2,
    scores=(
        Score(
            "self_confidence",
            "label quality",
            "cross-validation believes the label",
            "suspect label",
            "low",
            "out-of-fold p(y)",
            _SOURCE,
            _SENTENCE,
            within_class=True,
        ),
        Score(
            "label_margin",
            "label quality, margin",
            "cross-validation prefers the label clearly",
            "suspect label",
            "low",
            "(p(y) - max over k != y of p(k) + 1) / 2, out of fold",
            _SOURCE,
            _SENTENCE,
            within_class=True,
        ),
        Score(
            "label_issue",
            "label issue",
            "cleanlab counts it among the label errors",
            "suspect label",
            "high",
            "confident learning, pruned by noise rate",
            _SOURCE,
            "counted among the label errors: " + _SENTENCE,
            beyond=0.0,
            absolute=True,
        ),
    ),
)
