"""Norms of a language model's stored rows: how hard each row pulls on the tables of words, per token."""

from __future__ import annotations

import numpy as np

from backend.scores.context import Context
from backend.scores.dynamics import early
from backend.scores.score import LANGUAGE, Columns, Producer, Score


def _compute(context: Context) -> Columns:
    from backend.influence.gradients.sides import OF_TEMPLATE, channels_of, default_channels
    from backend.influence.rowstore.opening import open_rows
    from backend.model.prediction_table import read_predictions

    manifest, count = context.manifest, len(context.train)
    squares, own = np.zeros((len(manifest.checkpoints), count)), np.zeros(count)
    channels = channels_of(manifest)
    stores, counts = open_rows(context.folder).stores, default_channels(channels)
    for channel, store, default in zip(channels, stores, counts.tolist(), strict=True):
        if channel.side in OF_TEMPLATE:
            continue
        found = store.norms().astype(np.float64) ** 2
        squares[channel.checkpoint] += found
        own += manifest.checkpoints[channel.checkpoint].weight * found * default
    last = manifest.checkpoints[-1].step
    tokens = read_predictions(context.folder, "train", last).outputs[:, 1].astype(np.float64)
    tokens[tokens == 0] = np.nan
    first = early([each.epoch for each in manifest.checkpoints])
    return {
        "token_self_influence": own / tokens,
        "token_gradient": np.sqrt(squares[first]).mean(axis=0) / tokens,
    }


PRODUCER = Producer(
    name="row_norms",
    version=2,
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
            "I(x, x) / T = sum_c eta_c |G_c written|^2 / T, over T tokens: `self_influence` per token, on "
            "the side that counts by default (D-170), without the template's tokens",
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
