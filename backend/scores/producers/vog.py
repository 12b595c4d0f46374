"""Variance of gradients: rows from which the model learns nothing new have a low one."""

from __future__ import annotations

import numpy as np

from backend.scores.context import Context
from backend.scores.score import Columns, Producer, Score


def _compute(context: Context) -> Columns:
    from backend.scores.passes import training_batches
    from backend.scores.vog import batch_vog, normalised, require_checkpoints

    checkpoints = context.explainer.checkpoints
    require_checkpoints(checkpoints.models)
    values = np.full(len(context.labels), np.nan)
    for batch in training_batches(context, "variance of gradients"):
        with checkpoints.using():
            values[batch.positions] = batch_vog(checkpoints.models, batch)
    return {
        "vog": values,
        "vog_class_norm": normalised(values, context.labels),
        "vog_dataset_norm": normalised(values, np.zeros(len(values), dtype=np.int64)),
    }


_SOURCE = "Agarwal et al. 2022; Anand et al. 2023"

PRODUCER = Producer(
    name="vog",
    cost="0.7 epochs per checkpoint",
    inputs=("data", "checkpoints"),
    compute=_compute,
    default=False,
    scores=(
        Score(
            "vog",
            "variance of gradients (VoG)",
            "what the model makes of it kept changing (low: settled early; says nothing of noise)",
            "redundant",
            "low",
            "mean over positions and dimensions of sd over checkpoints of d z_y / d e",
            _SOURCE,
            "the model's view of it hardly changed from checkpoint to checkpoint",
        ),
        Score(
            "vog_class_norm",
            "VoG within the class",
            "its VoG is high for its class (for balanced classes)",
            "redundant",
            "low",
            "(VoG - mean of its class) / sd of its class",
            _SOURCE,
            "the model's view of it changed less than for most of its class ({vog_class_norm:+.1f} sd)",
        ),
        Score(
            "vog_dataset_norm",
            "VoG over the data set",
            "its VoG is high in this data set (for uneven classes or sources)",
            "redundant",
            "low",
            "(VoG - mean) / sd over all rows",
            _SOURCE,
            "the model's view of it changed less than for most rows ({vog_dataset_norm:+.1f} sd)",
        ),
    ),
)
