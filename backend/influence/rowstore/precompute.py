"""The precompute pass: gradient rows of every training example at every checkpoint, and predictions.

The way of the data: texts are tokenised once (`token_table`); for each checkpoint, a shard's examples go
through the model in batches (`capture`), while a worker thread merges, encodes and writes what is finished.
A shard is kept as long as its key holds: weights, tokens, labels, precision and row store. So a stopped run
continues where it was, added rows or checkpoints compute what is new, and a lost shard is made again alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from backend.data.shards import locate
from backend.errors import InputError
from backend.files import digest, file_digest
from backend.folder import Folder
from backend.influence.gradients.capture import (
    MergedBatch,
    TracedBatch,
    assemble,
    load_for_tracing,
    sided_rows,
    traced_batches,
)
from backend.influence.gradients.settings import AUTO
from backend.influence.gradients.sides import channels_at, channels_of
from backend.influence.rowstore.basis import basis_path
from backend.influence.rowstore.fidelity import compare, summed_scores
from backend.influence.rowstore.layout import RowsInfo, shard_path
from backend.influence.rowstore.opening import open_rows
from backend.influence.rowstore.outputs import LOGITS
from backend.influence.rowstore.preparation import FORMAT, READ_FORMATS, Run, prepare, written_bytes
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.influence.rowstore.shard import Shard, usable_shard, write_shard
from backend.manifest import CheckpointInfo, Manifest
from backend.model.fingerprint import recorded_digest, require_unchanged
from backend.model.prediction import predict
from backend.model.prediction_table import (
    drop_damaged,
    has_predictions,
    predictions_are_whole,
    predictions_path,
    write_predictions,
)
from backend.progress import Progress, silent
from backend.tasks.registry import task_named

_BATCHES_AHEAD = 4  # finished batches that may wait for the worker thread


def rows_are_current(folder: Folder, settings: PrecomputeSettings) -> bool:
    """Whether rows and predictions that fit these settings are recorded, and every shard is there."""
    folder.require("checkpoints", "train")
    if any(folder.state(name) != "current" for name in ("rows", "predictions")):
        return False
    manifest = folder.manifest()
    artifact = manifest.artifacts["rows"]
    if artifact.details.get("format") not in READ_FORMATS:
        return False
    for name in ("precision", "attention", "row_store"):
        if getattr(settings, name) not in (None, AUTO, artifact.details.get(name)):
            return False
    try:
        open_rows(folder)
    except InputError:
        return False
    return predictions_are_whole(folder)


def missing_shards(
    folder: Folder, manifest: Manifest, info: RowsInfo, checkpoint: CheckpointInfo
) -> list[int]:
    """Numbers of the shards of a checkpoint that are not there whole, on every side."""
    spans = info.spans(manifest.data.n_train)
    missing: set[int] = set()
    for channel in channels_at(manifest, checkpoint):
        keys = info.shard_keys(channel.name, len(spans))
        for number, (span, key) in enumerate(zip(spans, keys, strict=True)):
            path = shard_path(folder.rows, channel.name, span.start)
            if usable_shard(path, key, len(span)) is None:
                missing.add(number)
    return sorted(missing)


def compute_rows(folder: Folder, settings: PrecomputeSettings, progress: Progress = silent) -> None:
    """Fill ``rows/`` and ``predictions/`` for every checkpoint and record both artifacts.

    Until it ends, neither is recorded: what is half of one pass and half of another is never used.
    Raises `InputError` where the disk has no room for it.
    """
    folder.require("checkpoints", "train")
    require_unchanged(folder)
    started = time.perf_counter()
    run = prepare(folder, settings, progress)
    drop_damaged(folder)
    folder.forget("rows", "predictions", "index")
    _remove_what_is_not_of(run)
    prediction_keys: dict[str, str] = {}
    for number in range(len(run.manifest.checkpoints)):
        compute_shards(run, number, progress)
        prediction_keys |= _compute_predictions(run, number, progress)
    fidelity = _measure_fidelity(run)
    run.info.write(folder.rows)
    inputs = ("data", "checkpoints")
    folder.record(
        "rows",
        inputs,
        id=run.info.artifact,
        format=FORMAT,
        shards=len(run.spans),
        row_store=run.info.row_store,
        precision=run.plan.precision,
        attention=run.plan.attention,
        plan=run.plan.reason,
        measured=run.plan.measured,
        fidelity=fidelity,
        device=run.trace.torch_device.type,
        seconds=round(time.perf_counter() - started, 1),
        bytes=written_bytes(folder),
        predicted_bytes=run.predicted_bytes,
        **_without_tokens(run),
    )
    digests = {path.name: file_digest(path) for path in sorted(folder.predictions.glob("*.parquet"))}
    folder.record("predictions", inputs, id=digest(prediction_keys), keys=prediction_keys, files=digests)


def _without_tokens(run: Run) -> dict[str, Any]:
    """Rows of whose texts the model sees special tokens only, the unknown one among them; said where any."""
    special = run.tokenizer.all_special_ids
    found = run.train.without_own(special) + run.evaluation.without_own(special)
    return {"texts_without_tokens": found} if found else {}


def _remove_what_is_not_of(run: Run) -> None:
    """Delete rows and predictions of checkpoints and shards that the workspace no longer has."""
    steps = [each.step for each in run.manifest.checkpoints]
    names = [each.name for each in channels_of(run.manifest)]
    wanted = {shard_path(run.folder.rows, name, span.start) for name in names for span in run.spans}
    wanted |= {basis_path(run.folder.rows, name, run.info.row_store) for name in names}
    for file in run.folder.rows.glob("*/*.safetensors"):
        if file not in wanted:
            file.unlink()
    for place in run.folder.rows.glob("*/"):
        if not any(place.iterdir()):
            place.rmdir()
    for table in run.folder.predictions.glob("*.parquet"):
        if table.stem.rpartition("-")[2] not in map(str, steps):
            table.unlink()


# -- rows -----------------------------------------------------------------------------------------


def compute_shards(run: Run, number: int, progress: Progress, model: PreTrainedModel | None = None) -> None:
    """Write the shards of checkpoint ``number`` that are not there; ``model``: it, if it is loaded
    already."""
    checkpoint, total = run.manifest.checkpoints[number], run.train.count
    sides = len(channels_at(run.manifest, checkpoint))
    for side in range(sides):
        run.division.divide_written(number * sides + side)
    missing = missing_shards(run.folder, run.manifest, run.info, checkpoint)
    done = total - sum(len(run.spans[each]) for each in missing)
    stage = f"{_stage(run, number)}: gradients"
    progress(stage, done, total)
    if not missing:
        return
    model = model or load_for_tracing(run.folder.checkpoint_path(checkpoint), run.trace)
    written: Future[None] | None = None
    with ThreadPoolExecutor(1) as worker:
        for shard in missing:
            found: list[Future[MergedBatch]] = []
            for batch in _shard_batches(run, model, shard):
                found.append(worker.submit(batch.merged))
                if len(found) > _BATCHES_AHEAD:
                    found[-1 - _BATCHES_AHEAD].result()
                done += len(batch.positions)
                progress(stage, done, total)
            if written is not None:
                written.result()
            written = worker.submit(_write, run, number, shard, model, found)
        if written is not None:
            written.result()
    progress(stage, total, total)


def _shard_batches(run: Run, model: PreTrainedModel, shard: int) -> Iterator[TracedBatch]:
    span = run.spans[shard]
    labels = run.labels[span.start : span.stop]
    return traced_batches(model, run.tokenizer, run.train.span(span), labels, run.trace)


def _write(
    run: Run, number: int, shard: int, model: PreTrainedModel, found: list[Future[MergedBatch]]
) -> None:
    """Write one shard; runs on the worker thread, after the merges that it needs."""
    checkpoint, span = run.manifest.checkpoints[number], run.spans[shard]
    rows, outputs = assemble(model, [each.result() for each in found], len(span))
    channels = channels_at(run.manifest, checkpoint)
    for side, (channel, part) in enumerate(zip(channels, rows, strict=True)):
        path = shard_path(run.folder.rows, channel.name, span.start)
        codec, kept = run.codecs[number * len(channels) + side], {} if side else {LOGITS: outputs}
        write_shard(path, part, kept, codec, run.shard_keys(channel)[shard])


def _stage(run: Run, number: int) -> str:
    return f"checkpoint {number + 1} of {len(run.manifest.checkpoints)}"


def _measure_fidelity(run: Run) -> dict[str, float]:
    """What precision and row store cost at the last checkpoint, on a sample, against fp32 rows kept in
    full."""
    path = run.folder.checkpoint_path(run.manifest.checkpoints[-1])
    sample, exact = run.sample, replace(run.trace, precision="fp32")
    model = load_for_tracing(path, exact)
    truth, _ = sided_rows(model, run.tokenizer, sample.examples, sample.labels, exact)
    queries, _ = sided_rows(model, run.tokenizer, sample.queries, sample.query_labels, exact)
    stored = truth
    if run.trace != exact:
        model = load_for_tracing(path, run.trace)
        stored, _ = sided_rows(model, run.tokenizer, sample.examples, sample.labels, run.trace)
    found = summed_scores(stored, queries, run.codecs[-len(truth) :])
    return compare(summed_scores(truth, queries), found).to_json()


# -- predictions ----------------------------------------------------------------------------------


def _compute_predictions(run: Run, number: int, progress: Progress) -> dict[str, str]:
    """Write the predictions at checkpoint ``number``; returns the key of each table by file name."""
    checkpoint, folder = run.manifest.checkpoints[number], run.folder
    weights, first = recorded_digest(run.manifest, checkpoint), channels_at(run.manifest, checkpoint)[0]
    common = [run.manifest.data.fingerprint, run.manifest.classes]
    keys = {
        "train": digest(common, run.shard_keys(first)),
        "eval": digest(common, weights, run.plan.precision, run.plan.attention, list(run.evaluation.keys())),
    }
    stage = f"{_stage(run, number)}: eval"
    if not has_predictions(folder, "train", checkpoint.step, keys["train"]):
        write_predictions(
            folder, "train", checkpoint.step, run.manifest.task, _trained(run, checkpoint), keys["train"]
        )
    if not has_predictions(folder, "eval", checkpoint.step, keys["eval"]):
        model = load_for_tracing(folder.checkpoint_path(checkpoint), run.trace)
        held_out = _held_out(run, model, stage, progress)
        write_predictions(folder, "eval", checkpoint.step, run.manifest.task, held_out, keys["eval"])
    progress(stage, run.evaluation.count, run.evaluation.count)
    return {predictions_path(folder, split, checkpoint.step).name: key for split, key in keys.items()}


def _trained(run: Run, checkpoint: CheckpointInfo) -> Iterator[np.ndarray]:
    """Outputs for the training examples, block by block: from what the gradient pass found on its way."""
    task = task_named(run.manifest.task.name)
    for _, spans in groupby(run.spans, lambda span: locate(span.start)[0]):
        paths = [shard_path(run.folder.rows, checkpoint.step, span.start) for span in spans]
        yield task.outputs(np.concatenate([Shard(path).outputs[LOGITS] for path in paths]))


def _held_out(run: Run, model: PreTrainedModel, stage: str, progress: Progress) -> Iterator[np.ndarray]:
    """Outputs for the eval rows, shard by shard."""
    done = 0
    for tokens in run.evaluation.shards():
        yield predict(model, tokens.examples(), run.tokenizer)
        done += len(tokens)
        progress(stage, done, run.evaluation.count)
