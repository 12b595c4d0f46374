"""A split in batches ready for a model: tokens from disk, one shard in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from backend.data.dataset import SplitName
from backend.data.shards import shard_ranges, target_numbers
from backend.data.targets.space import Numbers
from backend.influence.answers.engine import Engine
from backend.influence.gradients.capture import Batch, labelled_batches
from backend.influence.gradients.settings import TraceSettings
from backend.model.loading import input_length, load_tokenizer
from backend.model.token_table import TokenTable, tokenise
from backend.model.tokenization import TokenIds
from backend.progress import Progress, silent


def split_batches(
    engine: Engine,
    split: SplitName,
    stage: str,
    settings: TraceSettings | None = None,
    progress: Progress = silent,
) -> Iterator[Batch]:
    """The rows of a split that have tokens, each once, in batches of one shard within ``settings``' bounds.

    ``positions`` of a batch are those in the split; ``stage`` is the name of this work in ``progress``.
    """
    table, done = token_table(engine, split, progress), 0
    labels = target_numbers(engine.folder, split)
    progress(stage, done, table.count)
    for number, rows in enumerate(shard_ranges(table.count)):
        own = labels[rows.start : rows.stop]
        examples = table.shard(number).examples()
        for batch in example_batches(engine, examples, own, settings):
            yield replace(batch, positions=[rows.start + each for each in batch.positions])
            done += len(batch)
            progress(stage, done, table.count)
    progress(stage, table.count, table.count)


def example_batches(
    engine: Engine,
    examples: Sequence[TokenIds],
    labels: Numbers,
    settings: TraceSettings | None = None,
) -> Iterator[Batch]:
    """Examples that have tokens, in batches; ``positions`` are places among ``examples``."""
    checkpoints, chosen = engine.checkpoints, settings or engine.settings
    return labelled_batches(checkpoints.models[-1], checkpoints.tokenizer, examples, labels, chosen)


def token_table(engine: Engine, split: SplitName, progress: Progress = silent) -> TokenTable:
    """The tokens of a split as precompute left them; made anew where they are missing."""
    checkpoints = engine.checkpoints
    tokenizer = load_tokenizer(engine.folder.tokenizer_path(checkpoints.manifest))
    length = input_length(checkpoints.manifest.max_length, tokenizer, checkpoints.models[-1])
    return tokenise(engine.folder, split, tokenizer, length, progress)
