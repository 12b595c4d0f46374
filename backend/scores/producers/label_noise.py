"""How likely each label is wrong, and how many are: a noisy channel over cross-fitted classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.data.equal_texts import equal_text_groups
from backend.data.shards import label_indices
from backend.scores.context import Context
from backend.scores.crossfit import USES, cross_fit, crossfit_content
from backend.scores.label_noise import LEAST_ROWS, NoiseEstimate, estimate, write_estimate
from backend.scores.score import Columns, Producer, Score
from backend.scores.table import score_id

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for scipy
    from scipy import sparse

_LEAST_PROBABILITY = 1e-7
_MOST_WRONG = 0.5


def _compute(context: Context) -> Columns:
    """Rows whose class the other folds lack have no value: nothing is known of their label.

    Nor has any row where more than half of the labels would be wrong: then it is the models that are.
    """
    from backend.scores.noise_channel import fit_channel
    from backend.scores.word_classifier import word_log_probabilities

    key = score_id(context.folder, PRODUCER, context.settings)
    found = cross_fit(context)
    words = word_log_probabilities(context.train, context.labels, len(context.classes), found.folds)
    rows = np.flatnonzero(found.known)
    members = [np.log(np.maximum(found.probabilities[rows], _LEAST_PROBABILITY)), words[rows]]
    labels = context.labels[rows]
    wrong = np.full(len(context.labels), np.nan)
    right, sure = [""] * len(wrong), np.full(len(wrong), np.nan)
    estimated: NoiseEstimate | None = None
    if len(rows):
        channel = fit_channel(members, labels, context.settings.seed)
        posterior = channel.posterior(members, labels, _votes(context)[rows])
        if posterior[np.arange(len(rows)), labels].mean() < 1 - _MOST_WRONG:
            write_estimate(context.folder, None, key)
            return {"wrong_label": wrong, "right_label": right, "right_probability": sure}
        wrong[rows] = 1 - posterior[np.arange(len(rows)), labels].astype(np.float64)
        sure[rows] = posterior.max(axis=1)
        for row, best in zip(rows.tolist(), posterior.argmax(axis=1).tolist(), strict=True):
            right[row] = context.classes[best]
        if len(rows) >= LEAST_ROWS:
            estimated = estimate(channel, members, labels, posterior, context.classes, context.settings.seed)
    write_estimate(context.folder, estimated, key)
    return {"wrong_label": wrong, "right_label": right, "right_probability": sure}


def _votes(context: Context) -> sparse.csr_matrix:
    """How many other rows of both splits with the text of each training row have each label: (n, K)."""
    from scipy import sparse

    from backend.scores.word_presence import label_matrix

    train, evaluation, classes = context.train, context.evaluation, len(context.classes)
    texts_b = [*train.texts_b, *(evaluation.texts_b or [])] if train.texts_b is not None else None
    groups = equal_text_groups([*train.texts, *evaluation.texts], texts_b)
    own = label_matrix(context.labels, classes)
    given = sparse.vstack(
        [own, label_matrix(label_indices(context.folder, "eval", context.classes), classes)], format="csr"
    )
    return (label_matrix(groups).T @ given).tocsr()[groups[: len(train)]] - own


PRODUCER = Producer(
    name="label_noise",
    cost="as `pvi`, which shares its probabilities, and seconds",
    uses=USES,
    reads_eval=True,
    compute=_compute,
    content=crossfit_content,
    scores=(
        Score(
            "wrong_label",
            "probability of a wrong label",
            "the label is probably wrong, given text, label and how often classes are confused",
            "suspect label",
            "high",
            "1 - P(right = y | text, given = y), from P(given | text) = sum_j P(right = j | text) T_jy",
            "Goldberger & Ben-Reuven 2017; Patrini et al. 2017",
            "its label is wrong with probability {wrong_label:.2f}; {right_label} is likelier",
            beyond=0.5,
            absolute=True,
        ),
    ),
)
