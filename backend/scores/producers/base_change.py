"""What fine-tuning did to the loss of each row: that of the trained model minus that of the model before."""

from __future__ import annotations

import numpy as np

from backend.errors import InputError
from backend.folder import Folder
from backend.scores.context import Context
from backend.scores.score import LANGUAGE, Columns, Producer, Score
from backend.scores.settings import ScoreSettings


def _compute(context: Context) -> Columns:
    from backend.model.adapter_files import is_adapter
    from backend.model.base_share import base_name
    from backend.model.loading import embedding_layer
    from backend.model.prediction_table import read_predictions
    from backend.model.tokenization import encode_ids
    from backend.scores.row_model import blocks, row_model

    folder, manifest = context.folder, context.manifest
    last = manifest.checkpoints[-1]
    layers = None if is_adapter(folder.checkpoint_path(last)) else manifest.model.layers
    model = row_model(context, base_name(folder), layers)
    known = embedding_layer(model.model).num_embeddings
    examples, base = context.train.examples, np.full((len(context.train), 2), np.nan)
    for block in blocks(len(examples)):
        encoded = encode_ids(model.tokenizer, examples.part(block.start, block.stop), model.length)
        read = [place for place, each in enumerate(encoded) if max(each.input_ids, default=0) < known]
        losses = model.losses([encoded[place] for place in read])
        base[[block.start + place for place in read]] = [
            (each.sum(dtype=float), len(each)) for each in losses
        ]
        context.progress("losses under the model before", block.stop, len(examples))
    tuned = read_predictions(folder, "train", last.step).outputs.astype(np.float64)
    alike = (tuned[:, 1] == base[:, 1]) & (tuned[:, 1] > 0)
    return {"base_change": np.where(alike, (tuned[:, 0] - base[:, 0]) / np.maximum(tuned[:, 1], 1), np.nan)}


def _hindrance(folder: Folder, settings: ScoreSettings) -> str | None:
    from backend.model.base_share import base_name

    try:
        base_name(folder)
    except InputError as error:
        return str(error)
    return None


PRODUCER = Producer(
    name="base_change",
    cost="a forward pass over the training rows with the model before fine-tuning",
    inputs=("data", "checkpoints", "predictions"),
    compute=_compute,
    hindrance=_hindrance,
    tasks=LANGUAGE,
    default=False,
    scores=(
        Score(
            "base_change",
            "fine-tuned minus base",
            "fine-tuning made its answer less likely: it goes against the other rows (low: it was taught)",
            "suspect label",
            "high",
            "loss per token of the trained model - that of the model that training began with",
            "Moore & Lewis 2010 (cross-entropy difference)",
            "fine-tuning changed its loss by {base_change:+.2f} nats per token (others' fell)",
            beyond=0.0,
        ),
    ),
)
