"""How likely each label is wrong, and how many are: a noisy channel over cross-fitted classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.data.equal_texts import equal_text_groups
from backend.data.shards import target_numbers
from backend.scores.context import Context
from backend.scores.crossfit import USES, cross_fit, crossfit_content, crossfit_hindrance
from backend.scores.label_noise import ESTIMATE, estimate_column, find_wrong_labels
from backend.scores.score import Columns, Producer, Score

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for scipy
    from scipy import sparse


def _compute(context: Context) -> Columns:
    """Rows whose class the other folds lack have no value: nothing is known of their label."""
    from backend.scores.word_classifier import word_log_probabilities

    out_of_fold, classes = cross_fit(context), context.classes
    words = word_log_probabilities(context.train.examples, context.labels, len(classes), out_of_fold.folds)
    rows = np.flatnonzero(out_of_fold.known)
    wrong, sure = np.full((2, len(context.labels)), np.nan)
    right, found = [""] * len(wrong), None
    if len(rows):
        members = [out_of_fold.log_probabilities[rows], words[rows]]
        seed, votes = context.settings.seed, _votes(context)[rows]
        said = find_wrong_labels(members, context.labels[rows], classes, votes, seed)
        wrong[rows], sure[rows], found = said.wrong, said.sure, said.estimate
        for row, best in zip(rows.tolist(), said.right.tolist(), strict=True):
            right[row] = classes[best] if best >= 0 else ""
    return {
        "wrong_label": wrong,
        "right_label": right,
        "right_probability": sure,
        ESTIMATE: estimate_column(found, len(wrong)),
    }


def _votes(context: Context) -> sparse.csr_matrix:
    """How many other rows of both splits with the text of each training row have each label: (n, K)."""
    from scipy import sparse

    from backend.scores.word_presence import label_matrix

    train, evaluation, classes = context.train, context.evaluation, len(context.classes)
    groups = equal_text_groups(train.examples + evaluation.examples)
    own = label_matrix(context.labels, classes)
    given = sparse.vstack([own, label_matrix(target_numbers(context.folder, "eval"), classes)], format="csr")
    return (label_matrix(groups).T @ given).tocsr()[groups[: len(train)]] - own


PRODUCER = Producer(
    name="label_noise",
    cost="as `pvi`, which shares its probabilities, and seconds",
    uses=USES,
    reads_eval=True,
    compute=_compute,
    content=crossfit_content,
    hindrance=crossfit_hindrance,
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
