"""Rate of a language model's gradient pass against what the arithmetic alone takes, and its memory.

    python -m benchmarks.language_capture [--model smollm2] [--data ../shared/data/identity.jsonl.gz]
    [--tokens 4000] [--repeats 3]

Bare: forward with logits of every position, cross-entropy, backward to the embedding outputs, over the same
batches, collated beforehand, results thrown away: it knows nothing of what is written. Firstword: the
function that `precompute` runs, from tokens on disk to int8 shards of all four sides on disk. Both take
turns; the ratio is the median of those of each turn. Peak memory is the process's own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import torch
from transformers import PreTrainedModel

from backend.data.columns import Columns
from backend.influence.gradients.capture import Batch, labelled_batches, load_for_tracing
from backend.influence.gradients.lookups import watched_lookups
from backend.influence.gradients.sides import channels_at
from backend.influence.rowstore.precompute import compute_shards
from backend.influence.rowstore.preparation import Run, prepare
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.checkpoints import FoundCheckpoint
from backend.model.model_inputs import accepted_inputs
from backend.model.recorded_checkpoints import record_checkpoints
from backend.model.source import resolve
from backend.progress import silent
from backend.tasks.causal_lm import TASK
from backend.workspace import Workspace


def workspace_of(scratch: Path, model: str, data: Path, tokens: int) -> Workspace:
    """Chats of about so many tokens, and the model itself as the only checkpoint."""
    with gzip.open(data, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    kept, length = [], 0
    for row in rows:
        kept.append({"messages": row["messages"]})
        length += sum(len(str(each)) for each in row["messages"]) // 4
        if length >= tokens:
            break
    source = scratch / "train.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    workspace, _ = Workspace.create(
        scratch / "ws",
        train=str(source),
        eval="0.05",
        columns=Columns("messages", "messages", task="causal-lm", form="messages"),
        model=model,
    )
    found = [FoundCheckpoint(Path(resolve(model)), 1, 1.0, 1e-4, None)]
    record_checkpoints(workspace.folder, found, inside=False, task=workspace.manifest.task, max_length=None)
    return Workspace.open(workspace.folder.path)


def bare(model: PreTrainedModel, batches: list[Batch]) -> float:
    """Seconds of forward and backward to the embedding outputs."""
    start = time.perf_counter()
    for batch in batches:
        with watched_lookups(model) as found, torch.enable_grad():
            logits = model(**accepted_inputs(model, batch.inputs), use_cache=False).logits.float()
            loss = TASK.losses(logits, batch.labels).sum()
            torch.autograd.grad(loss, [each.rows for each in found])
    return time.perf_counter() - start


def firstword(run: Run, model: PreTrainedModel) -> float:
    """Seconds of the pass that `precompute` makes; the model is loaded before the clock starts."""
    for channel in channels_at(run.manifest, run.manifest.checkpoints[0]):
        shutil.rmtree(run.folder.rows / channel.name, ignore_errors=True)
    start = time.perf_counter()
    compute_shards(run, 0, silent, model)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/identity.jsonl.gz"))
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workspace = workspace_of(Path(scratch), options.model, options.data, options.tokens)
        run = prepare(workspace.folder, PrecomputeSettings("cpu", "fp32", "eager"), silent)
        model = load_for_tracing(Path(resolve(options.model)), run.trace)
        examples = [each for shard in run.train.shards() for each in shard.examples()]
        batches = list(labelled_batches(model, run.tokenizer, examples, run.labels, run.trace))
        bare(model, batches[:1])
        turns = [(bare(model, batches), firstword(run, model)) for _ in range(options.repeats)]
    tokens = sum(len(each) for each in examples)
    ratio = statistics.median(first / second for first, second in turns)
    rates = [statistics.median(tokens / each for each in column) for column in zip(*turns, strict=True)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{options.model}, {len(examples)} chats, {tokens:,} tokens, {options.repeats} turns")
    print(f"bare {rates[0]:,.0f} tokens/s, Firstword {rates[1]:,.0f} tokens/s: {ratio:.2f} of bare")
    print(f"peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
