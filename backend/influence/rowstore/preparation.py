"""What a precompute run needs to know before its first batch: tokens, plan, codecs, keys, room on the
disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from backend.data.shards import target_numbers
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.files import allow_many_files
from backend.folder import Folder
from backend.influence.gradients.settings import TraceSettings, attentions_for
from backend.influence.gradients.sides import READ, Channel, channels_of, sides_of
from backend.influence.rowstore.basis import row_codec
from backend.influence.rowstore.compression import RowCodec, kept_dimensions
from backend.influence.rowstore.division import Division
from backend.influence.rowstore.fidelity import SAMPLE_EXAMPLES, SAMPLE_QUERIES
from backend.influence.rowstore.layout import RowsInfo
from backend.influence.rowstore.plan import Plan, Sample, chosen_row_store, make_plan
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.influence.rowstore.space import predict, require_space
from backend.manifest import Manifest
from backend.model.batching import rope_borders, sees_padding
from backend.model.fingerprint import recorded_digest
from backend.model.loading import embedding_layer, input_length, load_classifier, load_tokenizer
from backend.model.token_table import TokenTable, tokenise
from backend.progress import Progress

FORMAT = 5
"""Of the files: outputs by name, shards by bytes. Of those before, format 4 is still read."""
READ_FORMATS = (4, FORMAT)
_NUMBERS = 4  # which rows there are and what they mean; another number makes old ones stale
_STAGE = "measuring precision and storage"
_LEAST_SAMPLE = 64
_OTHER_FILES = 256  # that a process has open beside shards, about


@dataclass(frozen=True)
class Run:
    """One precompute run over a workspace. ``codecs`` has one entry per channel."""

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
    division: Division
    info: RowsInfo
    predicted_bytes: int

    @cached_property
    def spans(self) -> list[range]:
        """The examples of each shard."""
        return self.info.spans(self.train.count)

    def shard_keys(self, channel: Channel) -> list[str]:
        """The keys of a channel's shards."""
        return self.info.keys[channel.name]


def _numbers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """`_NUMBERS`; the next one for models of which earlier versions stored other rows: times the scale that
    an embedding module of its own kind applies, or as padding on the right, a longer text beside or (BigBird)
    a short one before left them.
    """
    scaled = type(embedding_layer(model)) is not nn.Embedding
    beside = (sees_padding(model) or bool(rope_borders(model.config))) and tokenizer.padding_side != "left"
    before = model.config.model_type == "big_bird"
    return _NUMBERS + (scaled or beside or before)


def prepare(folder: Folder, settings: PrecomputeSettings, progress: Progress) -> Run:
    """Tokenise, measure, and make sure of the disk; `InputError` where it has no room."""
    manifest = folder.manifest()
    row_store = chosen_row_store(folder.rows, settings)
    tokenizer = load_tokenizer(folder.tokenizer_path(manifest))
    last = folder.checkpoint_path(manifest.checkpoints[-1])
    model = load_classifier(last)
    layer, length = embedding_layer(model), input_length(manifest.max_length, tokenizer, model)
    _check_width(row_store, layer.embedding_dim)
    train = tokenise(folder, "train", tokenizer, length, progress)
    evaluation = tokenise(folder, "eval", tokenizer, length, progress)
    labels = target_numbers(folder, "train")
    count = len(manifest.checkpoints)
    sides, channels = len(sides_of(manifest.task.name)), channels_of(manifest)
    use = predict(
        train, layer.embedding_dim, layer.num_embeddings, len(space_of(manifest.task).names), row_store
    ).times(min(sides, 2))
    require_space(folder.path, (use.rows + use.index) * count - written_bytes(folder), row_store)
    sample = _sample(folder, manifest, train, labels, evaluation)
    progress(_STAGE, 0, 1)
    kernels = attentions_for(manifest.task.name)
    plan = make_plan(folder.rows, settings, train.count * count, last, tokenizer, sample, kernels)
    trace = plan.settings(settings.device)
    codecs = [row_codec(folder, each, row_store, tokenizer, sample, trace) for each in channels]
    progress(_STAGE, 1, 1)
    numbers = _numbers(model, tokenizer)
    makers = [
        (numbers, recorded_digest(manifest, manifest.checkpoints[each.checkpoint]), plan.precision)
        + (plan.attention, codec.id)
        + (() if each.side == READ else (each.side,))
        for each, codec in zip(channels, codecs, strict=True)
    ]
    division = Division(folder, manifest, train, labels, makers, sides * layer.embedding_dim)
    _check_files(len(division.spans) * len(channels))
    info = division.info(row_store, manifest.classes)
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
        division,
        info,
        use.rows * count,
    )


def _check_width(row_store: str, width: int) -> None:
    """`InputError` where a row store would keep more dimensions than the embeddings have."""
    kept = kept_dimensions(row_store)
    if kept is not None and kept > width:
        raise InputError(f"--row-store {row_store}: the embeddings have {width} dimensions; keep fewer")


def _check_files(shards: int) -> None:
    """`InputError` where more shards would be mapped at once than files can be open."""
    most = allow_many_files()
    if most is not None and shards + _OTHER_FILES > most:
        raise InputError(
            f"the gradient rows would be {shards:,} files, all open when a question is asked; "
            f"this system allows {most:,} (ulimit -Hn): raise the limit, or keep fewer checkpoints"
        )


def written_bytes(folder: Folder) -> int:
    """What the shards of all checkpoints take on disk."""
    return sum(file.stat().st_size for file in folder.rows.glob("*/shard-*.safetensors"))


def _sample(
    folder: Folder, manifest: Manifest, train: TokenTable, labels: np.ndarray, evaluation: TokenTable
) -> Sample:
    # Of small data an eighth: else measuring would cost as much as the passes themselves.
    positions, examples = train.sample(min(SAMPLE_EXAMPLES, max(train.count // 8, _LEAST_SAMPLE)))
    asked, queries = evaluation.sample(SAMPLE_QUERIES)
    return Sample(examples, labels[positions], queries, target_numbers(folder, "eval")[asked])
