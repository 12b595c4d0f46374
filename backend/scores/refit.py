"""The workspace's model trained anew, on a part of the training rows, to judge the others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.data.shards import shard_ranges
from backend.errors import InputError
from backend.folder import Folder
from backend.model.devices import resolve_device
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.origin import was_attached
from backend.model.prediction import predict
from backend.model.runs import recorded_settings
from backend.model.tokenization import encode
from backend.model.training import train
from backend.model.training_settings import TrainingSettings
from backend.scores.context import Context
from backend.scores.settings import ScoreSettings


def refit(context: Context) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """From the rows to train on and those held out (positions) to the latter's probabilities (m, K).

    Each training goes to a folder inside the workspace that is deleted afterwards.
    """
    settings = refit_settings(context.folder, context.settings)

    def fit(rows: np.ndarray, held: np.ndarray) -> np.ndarray:
        context.folder.scores.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(".tmp", ".fold.", context.folder.scores) as scratch:
            return _trained(context, rows, held, settings, Path(scratch) / "run")

    return fit


def refit_settings(folder: Folder, scores: ScoreSettings) -> TrainingSettings:
    """Those of the workspace's training, else the defaults; with the seed and device of the scores.

    The last model counts, also where the workspace's was the best on eval: that must not judge rows.

    `InputError` for an attached run, whose model before training is not known.
    """
    if was_attached(folder):
        raise InputError(
            "--crossfit finetune: the run was attached, so the model that it started from is not known; "
            "use --crossfit probe"
        )
    length = folder.manifest().max_length
    default = TrainingSettings() if length is None else TrainingSettings(max_length=length)
    chosen = recorded_settings(folder) or default
    return replace(
        chosen.without_selection(), seed=scores.seed, device=scores.device, checkpoints=1, dynamics=False
    )


def _trained(
    context: Context, rows: np.ndarray, held: np.ndarray, settings: TrainingSettings, run: Path
) -> np.ndarray:
    model = context.manifest.model
    result = train(
        run,
        model=model.name,
        layers=model.layers,
        task=context.manifest.task,
        training=context.train.take(rows),
        settings=settings,
        progress=context.progress,
    )
    return _predicted(context, result.checkpoints[-1].path, result.max_length, held)


def _predicted(context: Context, checkpoint: Path, max_length: int, rows: np.ndarray) -> np.ndarray:
    tokenizer = load_tokenizer(checkpoint)
    model = load_classifier(checkpoint)
    model.to(resolve_device(context.settings.device))  # type: ignore[arg-type]
    found = []
    for part in (rows[each.start : each.stop] for each in shard_ranges(len(rows))):
        encoded = encode(tokenizer, context.train.take(part), max_length)
        found.append(predict(model, encoded, tokenizer))
    return np.concatenate(found)
