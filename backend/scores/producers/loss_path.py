"""The loss per token of a language model's rows while it trained: at the end, and how it came there.

From what training logged, or the predictions of the checkpoints (see `backend.scores.dynamics`). A *check* is
one look at all rows. Values are means over the runs that were logged.
"""

from __future__ import annotations

import numpy as np

from backend.scores.context import Context
from backend.scores.dynamics import dynamics_inputs, load_dynamics
from backend.scores.score import LANGUAGE, Columns, Producer, Score

KNOWN = 0.1
"""Nats per token below which there was nothing left to learn: a probability above .9."""


def path_scores(loss: np.ndarray) -> dict[str, np.ndarray]:
    """Scores float64 (n) of one run from losses per token (E, n); NaN where a row has no token in the loss.

    ``loss_kept`` and ``loss_slope`` are NaN with one check, the former also for rows known from the start.
    """
    checks = len(loss)
    least, nothing = loss.min(axis=0), np.full(loss.shape[1], np.nan)
    found = {"final_loss": loss[-1], "loss_regained": loss[-1] - least}
    if checks < 2:
        return {**found, "loss_kept": nothing, "loss_slope": nothing}
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = np.where(loss[0] > KNOWN, loss[1:].min(axis=0) / loss[0], np.nan)
    at = np.arange(checks) - (checks - 1) / 2
    return {**found, "loss_kept": kept, "loss_slope": at @ loss / (at @ at)}


def _compute(context: Context) -> Columns:
    runs = []
    for run in load_dynamics(context.folder):
        loss = run.values["loss"].astype(np.float64)
        runs.append(path_scores(np.where(run.values["tokens"] > 0, loss, np.nan)))
    return {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}


_CARTOGRAPHY = "Swayamdipta et al. 2020 (as confidence)"

PRODUCER = Producer(
    name="loss_path",
    cost="none beside `train` (attached runs: none beside `precompute`)",
    inputs=dynamics_inputs,
    compute=_compute,
    tasks=LANGUAGE,
    scores=(
        Score(
            "final_loss",
            "loss per token",
            "the trained model would not write this answer (hard ones are high too; what was learnt by heart "
            "is low, right or wrong)",
            "suspect label",
            "high",
            "-1/T sum_t log p_C(y_t | x, y_<t), at the last check",
            _CARTOGRAPHY,
            "the model still finds the answer unlikely: {final_loss:.2f} nats per token",
        ),
        Score(
            "loss_kept",
            "loss never fell",
            "no later check found the answer more likely than the first",
            "suspect label",
            "high",
            "least loss per token of a later check / that of the first; none where that was below .1",
            "this project",
            "loss never fell: at best {loss_kept:.0%} of what it was at the first check was left",
            beyond=0.9,
        ),
        Score(
            "loss_slope",
            "slope of the loss",
            "its loss rose while others' fell",
            "hard",
            "high",
            "least-squares slope of the loss per token over the checks, nats per check",
            "this project",
            "its loss changed by {loss_slope:+.2f} nats per token from check to check",
            beyond=0.0,
        ),
        Score(
            "loss_regained",
            "learnt and forgotten",
            "its loss had fallen and rose again",
            "hard",
            "high",
            "loss per token at the last check - least of any check",
            "Toneva et al. 2019 (as forgetting events)",
            "learnt and forgotten: its loss rose again by {loss_regained:.2f} nats per token",
            beyond=0.1,
        ),
    ),
)
