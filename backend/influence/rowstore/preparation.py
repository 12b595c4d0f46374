"""What a precompute run needs to know before its first batch: tokens, plan, codecs, keys, room on the
disk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

from backend.data.shards import shard_ranges, target_numbers
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.files import digest
from backend.folder import CheckpointInfo, Folder, Manifest
from backend.influence.gradients.settings import TraceSettings
from backend.influence.rowstore.basis import row_codec
from backend.influence.rowstore.compression import RowCodec, kept_dimensions
from backend.influence.rowstore.fidelity import SAMPLE_EXAMPLES, SAMPLE_QUERIES
from backend.influence.rowstore.plan import Plan, Sample, chosen_row_store, make_plan
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.influence.rowstore.space import predict, require_space
from backend.influence.rowstore.store import RowsInfo
from backend.model.fingerprint import recorded_digest
from backend.model.loading import embedding_layer, input_length, load_classifier, load_tokenizer
from backend.model.token_table import TokenTable, tokenise
from backend.progress import Progress

FORMAT = 4  # of the shards; another number makes old ones stale
_STAGE = "measuring precision and storage"
_LEAST_SAMPLE = 64


@dataclass(frozen=True)
class Run:
    """One precompute run over a workspace. ``codecs`` and ``keys`` have one entry per checkpoint."""

    folder: Folder
    manifest: Manifest
    trace: TraceSettings
    plan: Plan
    tokenizer: PreTrainedTokenizerFast
    train: TokenTable
    evaluation: TokenTable
    labels: np.ndarray
    sample: Sample
    codecs: list[RowCodec]
    info: RowsInfo
    predicted_bytes: int

    def shard_keys(self, checkpoint: CheckpointInfo) -> list[str]:
        """The keys of a checkpoint's shards."""
        return self.info.keys[str(checkpoint.step)]


def prepare(folder: Folder, settings: PrecomputeSettings, progress: Progress) -> Run:
    """Tokenise, measure, and make sure of the disk; `InputError` where it has no room."""
    manifest = folder.manifest()
    row_store = chosen_row_store(folder.rows, settings)
    tokenizer = load_tokenizer(folder.tokenizer_path(manifest))
    last = folder.checkpoint_path(manifest.checkpoints[-1])
    model = load_classifier(last)
    layer, length = embedding_layer(model), input_length(manifest.max_length, tokenizer, model)
    kept = kept_dimensions(row_store)
    if kept is not None and kept > layer.embedding_dim:
        raise InputError(
            f"--row-store {row_store}: the embeddings have {layer.embedding_dim} dimensions; keep fewer"
        )
    train = tokenise(folder, "train", tokenizer, length, progress)
    evaluation = tokenise(folder, "eval", tokenizer, length, progress)
    labels = target_numbers(folder, "train")
    count = len(manifest.checkpoints)
    use = predict(
        train, layer.embedding_dim, layer.num_embeddings, len(space_of(manifest.task).names), row_store
    )
    require_space(folder.path, (use.rows + use.index) * count - written_bytes(folder), row_store)
    sample = _sample(folder, manifest, train, labels, evaluation)
    progress(_STAGE, 0, 1)
    plan = make_plan(folder.rows, settings, train.count * count, last, tokenizer, sample)
    trace = plan.settings(settings.device)
    codecs = [row_codec(folder, each, row_store, tokenizer, sample, trace) for each in manifest.checkpoints]
    progress(_STAGE, 1, 1)
    keys = {
        str(each.step): _shard_keys(manifest, each, codec, plan, train, labels)
        for each, codec in zip(manifest.checkpoints, codecs, strict=True)
    }
    info = RowsInfo(digest("rows", keys, manifest.classes), row_store, keys)
    return Run(
        folder,
        manifest,
        trace,
        plan,
        tokenizer,
        train,
        evaluation,
        labels,
        sample,
        codecs,
        info,
        use.rows * count,
    )


def written_bytes(folder: Folder) -> int:
    """What the shards of all checkpoints take on disk."""
    return sum(file.stat().st_size for file in folder.rows.glob("*/shard-*.safetensors"))


def _shard_keys(
    manifest: Manifest,
    checkpoint: CheckpointInfo,
    codec: RowCodec,
    plan: Plan,
    train: TokenTable,
    labels: np.ndarray,
) -> list[str]:
    fixed = (FORMAT, recorded_digest(manifest, checkpoint), plan.precision, plan.attention, codec.id)
    return [
        digest(fixed, key, labels[positions.start : positions.stop].tolist())
        for key, positions in zip(train.keys(), shard_ranges(train.count), strict=True)
    ]


def _sample(
    folder: Folder, manifest: Manifest, train: TokenTable, labels: np.ndarray, evaluation: TokenTable
) -> Sample:
    # Of small data an eighth: else measuring would cost as much as the passes themselves.
    positions, examples = train.sample(min(SAMPLE_EXAMPLES, max(train.count // 8, _LEAST_SAMPLE)))
    asked, queries = evaluation.sample(SAMPLE_QUERIES)
    return Sample(examples, labels[positions], queries, target_numbers(folder, "eval")[asked])
