"""GraNd: the norm of a row's gradient over all weights, early in training."""

from __future__ import annotations

import numpy as np
from transformers import PreTrainedModel

from backend.folder import CheckpointInfo
from backend.influence.gradient_norms import coverage, squared_norms
from backend.influence.parameters import trained_parameters
from backend.scores.context import Context
from backend.scores.passes import training_batches
from backend.scores.score import Columns, Producer, Score

EARLY_EPOCHS = 2


def early(models: list[PreTrainedModel], checkpoints: tuple[CheckpointInfo, ...]) -> list[PreTrainedModel]:
    """The models of the first two epochs; the first one where none was kept."""
    chosen = [
        model
        for model, each in zip(models, checkpoints, strict=True)
        if each.epoch is not None and each.epoch <= EARLY_EPOCHS
    ]
    return chosen or models[:1]


def _compute(context: Context) -> Columns:
    checkpoints = context.explainer.checkpoints
    models = early(checkpoints.models, context.manifest.checkpoints)
    with checkpoints.using():
        known = coverage(models[0], trained_parameters(checkpoints.models))
    norms = np.full(len(context.labels), np.nan)
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
