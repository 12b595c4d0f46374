"""Label sets held against probes, one for each label, that never saw the row."""

from __future__ import annotations

import numpy as np

from backend.data.equal_texts import equal_text_groups
from backend.data.messages import shown_label
from backend.scores.context import Context
from backend.scores.label_sets import SURE, SetFit
from backend.scores.score import Columns, Producer, Score
from backend.scores.target_folds import USES, fold_hindrance, probe_features, require_probe, target_folds


def _compute(context: Context) -> Columns:
    from backend.scores.set_probe import out_of_fold_sets

    require_probe(context.settings)
    sets, groups = context.targets, equal_text_groups(context.train.examples)
    features, folds = probe_features(context), target_folds(context)
    found = SetFit(sets, out_of_fold_sets(features, sets, groups, folds, context.settings.seed))
    names, (place, probability) = context.classes, found.missing
    suggested, sure = found.suggested()
    return {
        "wrong_set": found.surprise,
        "wrong_set_said": _said(found, names),
        "missing_label": probability,
        "missing_said": [shown_label(names[each]) if each >= 0 else "" for each in place.tolist()],
        "set_quality": set_quality(found),
        "right_label": [
            label if known else ""
            for label, known in zip(context.space.targets(suggested), np.isfinite(sure), strict=True)
        ],
        "right_probability": sure,
    }


def set_quality(found: SetFit) -> np.ndarray:
    """cleanlab's quality of label sets (Thyagarajan et al. 2022): float64 (n)."""
    from cleanlab.multilabel_classification import get_label_quality_scores  # it loads slowly

    given = [np.flatnonzero(each).tolist() for each in found.sets > 0]
    return get_label_quality_scores(given, found.probabilities, method="self_confidence")


def _said(found: SetFit, names: tuple[str, ...]) -> list[str]:
    """Which label fits least."""
    place, lift = found.least
    return [
        f"its text makes {_named(names, label)} {2 ** abs(bits):.1f} times "
        f"{'less' if bits < 0 else 'more'} likely than in all rows"
        for label, bits in zip(place.tolist(), lift.tolist(), strict=True)
    ]


def _named(names: tuple[str, ...], label: int) -> str:
    return f"its label {shown_label(names[label])}" if label >= 0 else "a row without any label"


_CLEANLAB = "Thyagarajan et al. 2022; library cleanlab"

PRODUCER = Producer(
    name="label_sets",
    cost="sentence embeddings once and seconds (many labels: minutes)",
    uses=USES,
    compute=_compute,
    hindrance=fold_hindrance,
    tasks=("multilabel",),
    scores=(
        Score(
            "wrong_set",
            "label set that does not fit",
            "the text speaks against one of its labels, or against none",
            "suspect label",
            "high",
            "max over its labels l of log2 p(l) / p(l | text), out of fold; of a row without labels that of "
            "none, prod of 1 - p(l | text)",
            "this project, docs/decisions.md, D-137",
            "{wrong_set_said}",
            beyond=1.0,
        ),
        Score(
            "missing_label",
            "label that is missing",
            "a label that it lacks is likely there",
            "suspect label",
            "high",
            "max over the labels l that it lacks of p(l | text), out of fold",
            "logistic regression on sentence embeddings, one for each label",
            "cross-validation finds {missing_said} in it, too, at {missing_label:.2f}",
            beyond=SURE,
            absolute=True,
        ),
        Score(
            "set_quality",
            "label quality",
            "cross-validation believes each label that it has, and none that it lacks",
            "suspect label",
            "low",
            "p(l | text) of labels that it has, 1 - p(l | text) of the others, out of fold; exponential "
            "moving average from the highest to the lowest",
            _CLEANLAB,
            "cross-validation believes its label set less than that of others ({set_quality:.2f})",
        ),
    ),
)
