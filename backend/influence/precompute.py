"""The precompute pass: gradient rows of every training example at every checkpoint, predictions, index.

Finished shards are kept: a run that was stopped continues where it was. Memory is bounded by one shard.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.dataset import Split, load_split
from backend.errors import InputError
from backend.files import digest, file_digest
from backend.folder import Folder, Manifest
from backend.influence.gradients import (
    TokenRows,
    concatenate,
    merge_positions,
    position_gradients,
    traced_positions,
)
from backend.influence.store import RowStore, shard_path, shard_ranges, usable_shard, write_shard
from backend.model.batching import length_sorted_batches, padding_free
from backend.model.devices import resolve_device
from backend.model.fingerprint import require_unchanged
from backend.model.loading import embedding_layer, load_classifier, load_tokenizer, max_input_length
from backend.model.prediction import predict
from backend.model.prediction_table import read_predictions, write_predictions
from backend.model.tokenization import Encoded, collate, encode
from backend.progress import Progress, silent

_FORMAT = 2  # of the shards; another number makes old ones stale
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class PrecomputeSettings:
    """How rows are computed: device (cpu, cuda, auto), precision of the weights, bounds of a batch."""

    device: str = "auto"
    precision: str = "fp32"
    max_examples: int = 64
    max_tokens: int = 8192

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(f"--precision {self.precision}: must be one of {', '.join(PRECISIONS)}")
        resolve_device(self.device)

    @property
    def torch_device(self) -> torch.device:
        """The device that ``device`` names here."""
        return resolve_device(self.device)


def load_for_tracing(path: Path, settings: PrecomputeSettings) -> PreTrainedModel:
    """A checkpoint ready for `position_gradients`: eval mode, weights frozen, on the settings' device."""
    model = load_classifier(path, attention="eager")
    model.eval().requires_grad_(False)
    nn.Module.to(model, settings.torch_device, PRECISIONS[settings.precision])
    return model


def input_length(manifest: Manifest, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> int:
    """How many tokens of a text the model sees."""
    limit = max_input_length(tokenizer, model)
    return min(manifest.max_length or limit, limit)


def batches(
    lengths: Sequence[int], tokenizer: PreTrainedTokenizerBase, settings: PrecomputeSettings
) -> Iterator[list[int]]:
    """Batches of positions, sorted by length, within the settings' bounds."""
    return length_sorted_batches(lengths, settings.max_examples, settings.max_tokens, padding_free(tokenizer))


def gradient_rows(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Sequence[Encoded],
    labels: Sequence[int],
    settings: PrecomputeSettings,
) -> tuple[TokenRows, np.ndarray]:
    """Rows of many examples and their logits.

    Args:
        model: from `load_for_tracing`. encoded: n examples. labels: n class indices.

    Returns:
        CSR rows (float32) in the order of ``encoded`` and logits float32 (n, K). An example
        without tokens has no rows and zero logits.
    """
    device = settings.torch_device
    present = [position for position, each in enumerate(encoded) if each.input_ids]
    lengths = [len(encoded[position].input_ids) for position in present]
    logits = np.zeros((len(encoded), int(model.config.num_labels or 0)), dtype=np.float32)
    parts = []
    for batch in batches(lengths, tokenizer, settings):
        positions = [present[each] for each in batch]
        inputs = collate([encoded[each] for each in positions], tokenizer, device)
        targets = torch.tensor([labels[each] for each in positions], device=device)
        batch_logits, gradients = position_gradients(model, inputs, targets)
        logits[positions] = batch_logits.cpu().numpy()
        keep = traced_positions(model, inputs)
        parts.append((positions, merge_positions(inputs["input_ids"], gradients, keep)))
    return concatenate(parts, len(encoded), embedding_layer(model).embedding_dim), logits


def rows_id(manifest: Manifest, settings: PrecomputeSettings) -> str:
    """The artifact id of the rows: changes whenever anything that determines them changes."""
    inputs = [manifest.artifacts[name].id for name in ("data", "checkpoints")]
    return digest("rows", _FORMAT, inputs, manifest.classes, manifest.max_length, settings.precision)


def rows_are_current(folder: Folder, settings: PrecomputeSettings) -> bool:
    """Whether rows and predictions of these settings are recorded, and every shard is there."""
    folder.require("checkpoints", "train")
    manifest = folder.manifest()
    if any(folder.state(name) != "current" for name in ("rows", "predictions")):
        return False
    artifact, count = rows_id(manifest, settings), manifest.data.n_train
    if manifest.artifacts["rows"].id != artifact:
        return False
    try:
        for checkpoint in manifest.checkpoints:
            for split in ("train", "eval"):
                read_predictions(folder, split, checkpoint.step)
    except InputError:
        return False
    return all(
        usable_shard(shard_path(folder.rows, each.step, number), artifact, len(positions)) is not None
        for each in manifest.checkpoints
        for number, positions in enumerate(shard_ranges(count))
    )


def compute_rows(folder: Folder, settings: PrecomputeSettings, progress: Progress = silent) -> None:
    """Fill ``rows/`` and ``predictions/`` for every checkpoint and record both artifacts.

    Until it ends, neither is recorded: what is half of one pass and half of another is never used.
    """
    folder.require("checkpoints", "train")
    require_unchanged(folder)
    manifest = folder.manifest()
    artifact = rows_id(manifest, settings)
    folder.forget("rows", "predictions", "index")
    _remove_other_rows(folder, manifest)
    tokenizer = load_tokenizer(folder.tokenizer_path(manifest))
    train, evaluation = load_split(folder, "train"), load_split(folder, "eval")
    one_pass = _Pass(folder, manifest, settings, artifact, tokenizer, train, evaluation)
    started = time.perf_counter()
    for number in range(len(manifest.checkpoints)):
        one_pass.run(number, progress)
    inputs = ("data", "checkpoints")
    folder.record(
        "rows",
        inputs,
        id=artifact,
        precision=settings.precision,
        row_store="full",
        device=settings.torch_device.type,
        seconds=round(time.perf_counter() - started, 1),
        bytes=sum(file.stat().st_size for file in folder.rows.rglob("*.safetensors")),
    )
    digests = {path.name: file_digest(path) for path in sorted(folder.predictions.glob("*.parquet"))}
    folder.record("predictions", inputs, id=_predictions_id(artifact), files=digests)


def _predictions_id(rows: str) -> str:
    return digest("predictions", rows)


@dataclass(frozen=True)
class _Pass:
    """One precompute pass over a workspace."""

    folder: Folder
    manifest: Manifest
    settings: PrecomputeSettings
    artifact: str
    tokenizer: PreTrainedTokenizerBase
    train: Split
    evaluation: Split

    def run(self, number: int, progress: Progress) -> None:
        """Rows and predictions at checkpoint ``number``."""
        checkpoint = self.manifest.checkpoints[number]
        model = load_for_tracing(self.folder.checkpoint_path(checkpoint), self.settings)
        max_length = input_length(self.manifest, self.tokenizer, model)
        stage = f"checkpoint {number + 1} of {len(self.manifest.checkpoints)}"
        progress(f"{stage}: gradients", 0, len(self.train))
        for shard, positions in enumerate(shard_ranges(len(self.train))):
            target = shard_path(self.folder.rows, checkpoint.step, shard)
            if usable_shard(target, self.artifact, len(positions)) is None:
                self._write_shard(target, positions, model, max_length)
            progress(f"{stage}: gradients", positions.stop, len(self.train))
        store = RowStore(self.folder.rows, checkpoint.step, len(self.train), self.artifact)
        trained = torch.softmax(torch.from_numpy(store.logits()), dim=-1).numpy()
        encoded = encode(self.tokenizer, self.evaluation.texts, self.evaluation.texts_b, max_length)
        held_out = predict(
            model,
            encoded,
            self.tokenizer,
            progress=lambda _, done, total: progress(f"{stage}: eval", done, total),
        )
        for split, probabilities in ((self.train, trained), (self.evaluation, held_out)):
            write_predictions(
                self.folder,
                checkpoint.step,
                split,
                self.manifest.classes,
                probabilities,
                _predictions_id(self.artifact),
            )

    def _write_shard(self, target: Path, positions: range, model: PreTrainedModel, max_length: int) -> None:
        texts = [self.train.texts[each] for each in positions]
        texts_b = self.train.texts_b and [self.train.texts_b[each] for each in positions]
        labels = [self.manifest.classes.index(self.train.labels[each]) for each in positions]
        encoded = encode(self.tokenizer, texts, texts_b, max_length)
        rows, logits = gradient_rows(model, self.tokenizer, encoded, labels, self.settings)
        write_shard(target, rows, logits, self.artifact)


def _remove_other_rows(folder: Folder, manifest: Manifest) -> None:
    """Delete rows and predictions of checkpoints that the workspace no longer has."""
    steps = {str(each.step) for each in manifest.checkpoints}
    for shard in folder.rows.glob("*/shard-*.safetensors"):
        if shard.parent.name not in steps:
            shard.unlink()
    for table in folder.predictions.glob("*.parquet"):
        if table.stem.rpartition("-")[2] not in steps:
            table.unlink()
