"""A split in batches ready for a model: tokens from disk, one shard in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from backend.data.dataset import SplitName
from backend.data.shards import label_indices, shard_ranges
from backend.influence.capture import Batch, labelled_batches
from backend.influence.engine import Engine
from backend.model.loading import input_length, load_tokenizer
from backend.model.token_table import TokenTable, tokenise
from backend.model.tokenization import TokenIds


def split_batches(engine: Engine, split: SplitName, chosen: Sequence[int] | None = None) -> Iterator[Batch]:
    """The rows of a split that have tokens, or the ``chosen`` ones, each once, in batches of one shard.

    ``positions`` of a batch are those in the split.
    """
    table = token_table(engine, split)
    labels = label_indices(engine.folder, split, engine.classes)
    wanted = None if chosen is None else np.asarray(chosen, dtype=np.int64)
    for number, positions in enumerate(shard_ranges(table.count)):
        here = np.arange(positions.start, positions.stop)
        if wanted is not None:
            here = np.intersect1d(here, wanted)
        if len(here):
            every = table.shard(number).examples()
            examples = [every[each - positions.start] for each in here.tolist()]
            for batch in example_batches(engine, examples, labels[here].tolist()):
                yield replace(batch, positions=here[batch.positions].tolist())


def example_batches(engine: Engine, examples: Sequence[TokenIds], labels: Sequence[int]) -> Iterator[Batch]:
    """Examples that have tokens, in batches; ``positions`` are places among ``examples``."""
    return labelled_batches(engine.checkpoints.tokenizer, examples, labels, engine.settings)


def token_table(engine: Engine, split: SplitName) -> TokenTable:
    """The tokens of a split as precompute left them; made anew where they are missing."""
    checkpoints = engine.checkpoints
    tokenizer = load_tokenizer(engine.folder.tokenizer_path(checkpoints.manifest))
    length = input_length(checkpoints.manifest.max_length, tokenizer, checkpoints.models[-1])
    return tokenise(engine.folder, split, tokenizer, length)
