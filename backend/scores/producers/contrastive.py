"""Contrastive data selection: does fine-tuning on the target sample make a training row easier?"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from backend.data.examples import Examples
from backend.data.shards import shard_ranges
from backend.model.devices import resolve_device
from backend.scores.context import Context
from backend.scores.score import LANGUAGE, Columns, Producer, Score
from backend.scores.target import USES, labelled_target

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for torch
    from backend.model.token_table import TokenTable

_EPOCHS = 1.0  # over the target sample: a short fine-tuning


def loss_change(context: Context, target: Examples) -> np.ndarray:
    """How a short fine-tuning on a labelled sample changes the loss of every training row: float64 (n)."""
    from backend.model.fingerprint import require_unchanged

    require_unchanged(context.folder)
    before = context.folder.checkpoint_path(context.manifest.checkpoints[-1])
    context.folder.scores.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(".tmp", ".target.", context.folder.scores) as scratch:
        after = _fine_tuned(context, target, before, Path(scratch) / "run")
        return _losses(context, after) - _losses(context, before)


def _compute(context: Context) -> Columns:
    return {"contrastive": loss_change(context, labelled_target(context))}


def _fine_tuned(context: Context, target: Examples, checkpoint: Path, run: Path) -> Path:
    """The last checkpoint of a short training on ``target`` that starts from ``checkpoint``."""
    from backend.model.runs import recorded_settings
    from backend.model.training import train
    from backend.model.training_settings import TrainingSettings

    manifest = context.manifest
    settings = replace(
        (recorded_settings(context.folder) or TrainingSettings()).without_selection(),
        epochs=_EPOCHS,
        max_length=manifest.max_length,
        checkpoints=1,
        dynamics=False,
        seed=context.settings.seed,
        device=context.settings.device,
    )
    result = train(
        run,
        model=str(checkpoint),
        layers=None,
        tokenizer=str(context.folder.tokenizer_path(manifest)),
        task=manifest.task,
        training=target,
        settings=settings,
        progress=context.progress,
    )
    return result.checkpoints[-1].path


def _losses(context: Context, checkpoint: Path) -> np.ndarray:
    """The loss of every training row under a checkpoint: float64 (n)."""
    import torch

    from backend.model.loading import input_length, load_classifier, load_tokenizer
    from backend.model.prediction import logits
    from backend.model.token_table import tokenise
    from backend.tasks.registry import task_of

    manifest = context.manifest
    tokenizer = load_tokenizer(context.folder.tokenizer_path(manifest))
    model = load_classifier(checkpoint, pad_token_id=tokenizer.pad_token_id)
    model.to(resolve_device(context.settings.device))  # type: ignore[arg-type]
    length = input_length(manifest.max_length, tokenizer, model)
    tokens: TokenTable = tokenise(context.folder, "train", tokenizer, length, context.progress)
    found = []
    for rows, shard in zip(shard_ranges(tokens.count), tokens.shards(), strict=True):
        found_logits = torch.from_numpy(logits(model, shard.examples(), tokenizer).astype(np.float64))
        targets = torch.from_numpy(context.targets[rows.start : rows.stop])
        found.append(task_of(model).losses(found_logits, targets).numpy())
        context.progress("losses of training rows", rows.stop, tokens.count)
    return np.concatenate(found)


PRODUCER = Producer(
    name="contrastive",
    cost="a short fine-tuning on the target sample and two forward passes over the training rows",
    inputs=("data", "checkpoints"),
    uses=("seed", *USES),
    reads_eval=True,
    compute=_compute,
    tasks=None,
    but=LANGUAGE,
    default=False,
    scores=(
        Score(
            "contrastive",
            "contrastive selection",
            "fine-tuning on the target sample made it harder: it is far from the target",
            "off-domain",
            "high",
            "loss after fine-tuning the model on the target - loss before",
            "Moore & Lewis 2010; Iter & Grangier 2021 (CDS)",
            "fine-tuning on the target sample changed its loss by {contrastive:+.2f} (above 0: away from it)",
        ),
    ),
)
