"""Influence at the word embeddings: on the eval rows that the model gets wrong, on all, and on itself."""

from __future__ import annotations

import numpy as np

from backend.model.prediction_table import read_predictions
from backend.scores.context import Context
from backend.scores.score import Columns, Producer, Score


def _compute(context: Context) -> Columns:
    from backend.influence.answers.whole_set import read_whole_set

    whole = read_whole_set(context.folder)
    table = whole.train
    errors = np.count_nonzero(_errors(context))
    listed = context.manifest.artifacts["influence"].details["k"]
    return {
        "influence_on_errors": table["errors"].to_numpy(),
        "influence_on_eval": table["all"].to_numpy(),
        "self_influence": table["self_influence"].to_numpy(),
        "harms_errors": table["harms_errors"].to_numpy(),
        "errors": np.full(len(table), errors),
        "listed": np.full(len(table), listed),
    }


def _errors(context: Context) -> np.ndarray:
    return read_predictions(context.folder, "eval", context.manifest.checkpoints[-1].step).wrong


PRODUCER = Producer(
    name="influence",
    cost="none beside `influence`",
    inputs=("influence", "predictions"),
    reads_eval=True,
    compute=_compute,
    tasks=None,
    scores=(
        Score(
            "influence_on_errors",
            "influence on errors",
            "training on it lowered the loss of eval rows that the model gets wrong",
            "suspect label",
            "low",
            "sum over eval rows q that the model gets wrong (of numbers: the tenth of the largest errors) of "
            "I(x, q)",
            "Yeh et al. 2022; Pruthi et al. 2020",
            "raised the loss of eval rows that the model gets wrong (sum {influence_on_errors:+.2g}); "
            "among the {listed} most harmful rows of {harms_errors} of these {errors}",
            beyond=0.0,
        ),
        Score(
            "influence_on_eval",
            "influence on eval rows",
            "training on it lowered the loss of eval rows",
            "suspect label",
            "low",
            "sum over eval rows q of I(x, q)",
            "Yeh et al. 2022; Pruthi et al. 2020",
            "raised the loss of eval rows (sum {influence_on_eval:+.2g})",
            beyond=0.0,
        ),
        Score(
            "self_influence",
            "self-influence",
            "its gradient is large: the model had to learn it by heart",
            "suspect label",
            "high",
            "I(x, x) = sum_c eta_c |G_c(x)|^2 at the word embeddings; of language models on the side "
            "that counts by default, written",
            "Pruthi et al. 2020; Yeh et al. 2022",
            "has a large gradient: learnt by heart rather than by rule",
            within_class=True,
        ),
    ),
)
