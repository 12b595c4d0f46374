"""GraNd: the norm of a row's gradient over all weights, early in training."""

from __future__ import annotations

import numpy as np

from backend.scores.context import Context
from backend.scores.dynamics import early
from backend.scores.score import LANGUAGE, Columns, Producer, Score


def _compute(context: Context) -> Columns:
    from backend.influence.gradients.norms import coverage, squared_norms
    from backend.influence.gradients.parameters import trained_parameters
    from backend.scores.passes import training_batches

    checkpoints = context.explainer.checkpoints
    chosen = early([each.epoch for each in context.manifest.checkpoints])
    models = [checkpoints.models[each] for each in chosen]
    with checkpoints.using():
        known = coverage(models[0], trained_parameters(checkpoints.models))
    norms = np.full(len(context.train), np.nan)
    for batch in training_batches(context, "gradient norms"):
        with checkpoints.using():
            squares = [squared_norms(model, batch, known.names).cpu().numpy() for model in models]
        norms[batch.positions] = np.mean(np.sqrt(squares), axis=0)
    return {
        "grand": norms,
        "grand_checkpoints": np.full(len(norms), len(models)),
        "grand_left_out": [" ".join(known.left_out)] * len(norms),
    }


PRODUCER = Producer(
    name="grand",
    cost="0.9 epochs per checkpoint of the first two epochs",
    inputs=("data", "checkpoints"),
    compute=_compute,
    tasks=None,
    but=LANGUAGE,
    default=False,
    scores=(
        Score(
            "grand",
            "gradient norm (GraNd)",
            "early in training it pulled hard on the model: not yet learnt, or wrong",
            "suspect label",
            "high",
            "mean over checkpoints of the first two epochs of |grad_theta l|, all weights that trained",
            "Paul et al. 2021",
            "early in training it pulled hard on the model (gradient norm {grand:.3g})",
        ),
    ),
)
