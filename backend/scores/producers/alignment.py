"""Alignment of each row's gradient with that of a clean set (see `backend.scores.alignment`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.scores.clean_set import clean_content, too_few_clean
from backend.scores.context import Context
from backend.scores.score import LANGUAGE, Columns, Producer, Score

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for torch
    from backend.scores.alignment import Alignment

PER_CHECKPOINT = "alignments"  # a column of lists: a_i at every checkpoint


def _compute(context: Context) -> Columns:
    from backend.scores.alignment import measure_alignment

    found = measure_alignment(context)
    weights = np.array([each.weight for each in context.manifest.checkpoints])
    return columns(found, weights)


def columns(found: Alignment, weights: np.ndarray) -> Columns:
    """The table of an alignment, with the checkpoints' ``weights`` (C)."""
    total, count = found.total(weights), len(weights)
    against = found.against()
    return {
        "alignment": total,
        "alignment_cosine": found.cosine(weights),
        "alignment_negative": np.where(np.isnan(total), np.nan, against / count),
        "alignment_against": against,
        "alignment_checkpoints": np.full(len(total), count),
        "alignment_left_out": [" ".join(found.left_out)] * len(total),
        PER_CHECKPOINT: list(found.products.T),
    }


_SENTENCE = "pulls against the trusted rows at {alignment_against} of {alignment_checkpoints} checkpoints"
_SOURCE = "arXiv 2102.13549 (gradient-guided loss masking); Ren et al. 2018"

PRODUCER = Producer(
    name="alignment",
    cost="1.9 epochs per checkpoint",
    inputs=("data", "checkpoints"),
    uses=("clean", "seed"),
    content=clean_content,
    hindrance=too_few_clean,
    reads_eval=True,
    compute=_compute,
    tasks=None,
    but=LANGUAGE,
    default=False,
    scores=(
        Score(
            "alignment",
            "alignment with trusted rows",
            "training on it lowered the loss of the clean set",
            "suspect label",
            "low",
            "sum_c eta_c <grad_theta l_i, v_c>, v_c = gradient of the clean set's mean loss",
            _SOURCE,
            _SENTENCE,
        ),
        Score(
            "alignment_cosine",
            "alignment with trusted rows, cosine",
            "its gradient points the way of the clean set's, whatever its size",
            "suspect label",
            "low",
            "sum_c eta_c <grad l_i, v_c> / sqrt(sum_c eta_c |grad l_i|^2 sum_c eta_c |v_c|^2)",
            _SOURCE,
            _SENTENCE + " (cosine {alignment_cosine:+.2f})",
        ),
        Score(
            "alignment_negative",
            "checkpoints against trusted rows",
            "it pulled against the clean set at most checkpoints",
            "suspect label",
            "high",
            "share of checkpoints with <grad l_i, v_c> < 0",
            _SOURCE,
            _SENTENCE,
            is_reason=False,  # it is 1 for nearly all rows of a class that is given too readily
        ),
    ),
)
