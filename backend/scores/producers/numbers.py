"""Numbers held against a probe that never saw the row."""

from __future__ import annotations

import numpy as np

from backend.scores.context import Context
from backend.scores.number_fit import FAR, LEAST_R2, NumberFit
from backend.scores.score import Columns, Producer, Score
from backend.scores.target_folds import USES, fold_hindrance, probe_features, require_probe, target_folds


def _compute(context: Context) -> Columns:
    """All values are missing where the predictions explain nothing."""
    from backend.scores.number_probe import out_of_fold_numbers

    require_probe(context.settings)
    numbers = context.targets.astype(np.float64)
    found = NumberFit(numbers, out_of_fold_numbers(probe_features(context), numbers, target_folds(context)))
    low, _, high = context.manifest.task.range or (numbers.min(), 0.0, numbers.max())
    far, suggested = found.far, found.suggested(low, high)
    apart = [found.tells and each > FAR for each in far.tolist()]
    return {
        "wrong_number": far if found.tells else np.full(len(far), np.nan),
        "number_quality": number_quality(found) if found.tells else np.full(len(far), np.nan),
        "cv_number": suggested if found.tells else [""] * len(far),
        "right_label": [
            label if known and label != given else ""
            for label, known, given in zip(suggested, apart, context.train.labels, strict=True)
        ],
        "right_probability": np.where(apart, found.sure, np.nan),
    }


def number_quality(found: NumberFit) -> np.ndarray:
    """cleanlab's quality of numbers, `residual`, in standard deviations of the numbers: float64 (n)."""
    from cleanlab.regression.rank import get_label_quality_scores  # it loads slowly

    scale = float(found.numbers.std()) or 1.0
    return get_label_quality_scores(found.numbers / scale, found.predictions / scale, method="residual")


PRODUCER = Producer(
    name="numbers",
    cost="sentence embeddings once (of pairs: of each text, too) and seconds",
    uses=USES,
    compute=_compute,
    hindrance=fold_hindrance,
    tasks=("regression",),
    scores=(
        Score(
            "wrong_number",
            "number that does not fit",
            "its number is far from what its text tells",
            "suspect label",
            "high",
            "|y - f(text)| / usual deviation (from the median), f a ridge regression on sentence embeddings, "
            f"out of fold; none where R2 is below {LEAST_R2}",
            "this project, docs/decisions.md, D-130",
            "cross-validation expects {cv_number}, {wrong_number:.1f} usual errors away",
            beyond=FAR,
        ),
        Score(
            "number_quality",
            "label quality",
            "cross-validation is near the number",
            "suspect label",
            "low",
            "exp(-|y - f(text)| / standard deviation of y), out of fold",
            "Zhou et al. 2023; library cleanlab",
            "cross-validation expects {cv_number}",
            is_reason=False,  # it orders rows as wrong_number does
        ),
    ),
)
