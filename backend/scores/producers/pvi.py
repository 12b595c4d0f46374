"""Pointwise V-information: how much the text tells about the label, in bits."""

from __future__ import annotations

import numpy as np

from backend.scores.context import Context
from backend.scores.crossfit import USES, CrossFit, cross_fit, crossfit_content, crossfit_hindrance
from backend.scores.ranks import rankdata
from backend.scores.score import Columns, Producer, Score

_LEAST = float(np.finfo(np.float32).tiny)  # a probability that was rounded to zero


def pvi(found: CrossFit) -> np.ndarray:
    """Bits by which the text makes the label more likely than its class alone: float64 (n).

    NaN where the other folds lack the row's class. The model without the text needs no training: the best
    one is the share of each class.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.log2(np.maximum(found.own, _LEAST)) - np.log2(found.prior)
    return np.where(found.known, bits, np.nan)


def percentile_within(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Percentage of the other rows of its class that a row is above, ties half: float64 (n).

    NaN where ``values`` are; 50 for a row that is alone.
    """
    found = np.full(len(values), np.nan)
    for each in np.unique(classes):
        rows = np.flatnonzero((classes == each) & ~np.isnan(values))
        others = len(rows) - 1
        found[rows] = 100 * (rankdata(values[rows]) - 1) / others if others > 0 else 50.0
    return found


def _compute(context: Context) -> Columns:
    found = cross_fit(context)
    bits = pvi(found)
    return {"pvi": bits, "pvi_in_class": percentile_within(bits, found.labels)}


_SOURCE = "Ethayarajh et al. 2022, cross-fitted"

PRODUCER = Producer(
    name="pvi",
    cost="sentence embeddings once and seconds; `--crossfit finetune`: a training for every fold",
    uses=USES,
    compute=_compute,
    content=crossfit_content,
    hindrance=crossfit_hindrance,
    scores=(
        Score(
            "pvi",
            "pointwise V-information",
            "the text tells much about the label (rare classes can have more)",
            "suspect label",
            "low",
            "log2 p(y | text) - log2 p(y), in bits, both from the other folds",
            _SOURCE,
            "its text tells {pvi:+.1f} bits about its label: it speaks against it",
            beyond=-0.05,  # what is shown as 0.0 speaks against nothing
            within_class=True,
        ),
        Score(
            "pvi_in_class",
            "V-information within the class",
            "the text tells more about the label than other texts of its class do",
            "suspect label",
            "low",
            "percentile of pvi among the rows of the same label",
            _SOURCE,
            "only {pvi_in_class:.0f} % of its class's other texts say less for the label",
            is_reason=False,  # some row is the last of its class, however well its text speaks for it
        ),
    ),
)
