"""Norms of a language model's stored rows: how hard each row pulls on the tables of words, per token."""

from __future__ import annotations

import numpy as np

from backend.scores.context import Context
from backend.scores.dynamics import early
from backend.scores.score import LANGUAGE, Columns, Producer, Score


def _compute(context: Context) -> Columns:
    from backend.influence.gradients.sides import OF_TEMPLATE, channels_of
    from backend.influence.rowstore.opening import open_rows
    from backend.model.prediction_table import read_predictions

    manifest, count = context.manifest, len(context.train)
    squares = np.zeros((len(manifest.checkpoints), count))
    for channel, store in zip(channels_of(manifest), open_rows(context.folder).stores, strict=True):
        if channel.side not in OF_TEMPLATE:
            squares[channel.checkpoint] += store.norms().astype(np.float64) ** 2
    last = manifest.checkpoints[-1].step
    tokens = read_predictions(context.folder, "train", last).outputs[:, 1].astype(np.float64)
    tokens[tokens == 0] = np.nan
    first = early([each.epoch for each in manifest.checkpoints])
    return {
        "token_self_influence": np.array([each.weight for each in manifest.checkpoints]) @ squares / tokens,
        "token_gradient": np.sqrt(squares[first]).mean(axis=0) / tokens,
    }


PRODUCER = Producer(
    name="row_norms",
    cost="none beside `precompute`",
    inputs=("rows", "predictions"),
    compute=_compute,
    tasks=LANGUAGE,
    scores=(
        Score(
            "token_self_influence",
            "self-influence per token",
            "its gradient is large: learnt by heart rather than by rule (or rare and right)",
            "suspect label",
            "high",
            "I(x, x) / T = sum_c eta_c (|G_c read|^2 + |G_c written|^2) / T, without the template's tokens",
            "Pruthi et al. 2020; Yeh et al. 2022",
            "has a large gradient for its length: learnt by heart rather than by rule",
        ),
        Score(
            "token_gradient",
            "early gradient norm per token",
            "early in training it pulled hard on the model: not yet learnt, or wrong",
            "suspect label",
            "high",
            "mean over checkpoints of the first two epochs of |gradient of the loss per token at the tables "
            "of words|, without the template's tokens",
            "Paul et al. 2021 (as GraNd, at the tables)",
            "early in training it pulled hard on the model (gradient norm {token_gradient:.3g} per token)",
        ),
    ),
)
