"""Rate of the gradient pass against what the arithmetic alone takes, and against a training step.

    python -m benchmarks.precompute [--layers 2 6] [--lengths 16 32 64 128] [--precisions fp32 bf16]
    [--repeats 5]

Bare: forward, and backward to the embedding outputs, over the same batches, collated beforehand, results
thrown away. Firstword: the same function that `precompute` runs, from tokens on disk to int8 shards on
disk. Training step: the same batches with all gradients and AdamW. Bare and Firstword take turns; the ratio
is the median of those of each turn. bf16 is skipped where the processor has no instructions for it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from backend.influence.gradients.capture import batches, load_for_tracing
from backend.influence.gradients.token_rows import position_gradients
from backend.influence.rowstore.precompute import compute_shards
from backend.influence.rowstore.preparation import Run, prepare
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.devices import fast_bf16
from backend.model.model_inputs import accepted_inputs
from backend.model.tokenization import collate
from backend.progress import silent
from backend.workspace import Workspace
from benchmarks.report import HOME, publish, spread
from benchmarks.resampled import COLUMNS, spliced, trained

_TOKENS = 16_384  # of a measured pass


def workspace_of(home: Path, scratch: Path, layers: int, length: int) -> Workspace:
    """A workspace whose texts have up to ``length`` tokens, with the last checkpoint of a real training."""
    model = trained(home, layers)
    texts = [json.loads(line) for line in spliced(model, 8 * _TOKENS // length)]
    rows = [
        {"id": f"x{number}", "label": label, "text": " ".join(each["text"] for each in part)[: 6 * length]}
        for label in model.manifest.classes
        for number, part in enumerate(
            _parts([each for each in texts if each["label"] == label], length // 12 + 1)
        )
    ]
    kept = [{**row, "id": f"{row['label']}-{row['id']}"} for row in rows][
        :: max(len(rows) * length // _TOKENS, 1)
    ]
    source = scratch / "train.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    path = scratch / "ws"
    Workspace.create(path, train=str(source), eval="0.05", columns=COLUMNS, model="minilm")
    workspace = Workspace.open(path)
    workspace.attach(model.folder.checkpoints, max_length=length, count=1)
    return workspace


def _parts(rows: list[dict[str, str]], size: int) -> list[list[dict[str, str]]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


class Contest:
    """The three ways over the training examples of one workspace."""

    def __init__(self, run: Run) -> None:
        self._run, self._checkpoint = run, run.manifest.checkpoints[0]
        path = run.folder.checkpoint_path(self._checkpoint)
        self._model = load_for_tracing(path, run.trace)
        self._batches: list[tuple[dict[str, torch.Tensor], torch.Tensor]] = []
        start = 0
        for shard in run.train.shards():
            examples = shard.examples()
            for batch in batches(examples, self._model, run.tokenizer, run.trace):
                inputs = collate([examples[each] for each in batch], run.tokenizer)
                targets = torch.tensor([int(run.labels[start + each]) for each in batch])
                self._batches.append((inputs, targets))
            start += len(shard)

    def bare(self) -> float:
        """Seconds of forward and backward to the embedding outputs."""
        start = time.perf_counter()
        for inputs, targets in self._batches:
            position_gradients(self._model, inputs, targets)
        return time.perf_counter() - start

    def firstword(self) -> float:
        """Seconds of the pass that `precompute` makes; the model is loaded before the clock starts."""
        shutil.rmtree(self._run.folder.rows / str(self._checkpoint.step), ignore_errors=True)
        start = time.perf_counter()
        compute_shards(self._run, 0, silent, self._model)
        return time.perf_counter() - start

    def training(self) -> float:
        """Seconds of training steps over the same batches, in the same precision."""
        path = self._run.folder.checkpoint_path(self._checkpoint)
        model = load_for_tracing(path, self._run.trace).requires_grad_(True).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
        start = time.perf_counter()
        for inputs, targets in self._batches:
            logits = model(**accepted_inputs(model, inputs)).logits.float()
            torch.nn.functional.cross_entropy(logits, targets).backward()
            optimizer.step()
            optimizer.zero_grad()
        return time.perf_counter() - start


def measure(home: Path, layers: int, length: int, precision: str, repeats: int) -> dict[str, Any]:
    """All figures of one setting."""
    with tempfile.TemporaryDirectory() as scratch:
        workspace = workspace_of(home, Path(scratch), layers, length)
        run = prepare(workspace.folder, PrecomputeSettings("cpu", precision, "eager"), silent)
        contest = Contest(run)
        contest.bare(), contest.firstword()
        turns = [(contest.bare(), contest.firstword()) for _ in range(repeats)]
        training = contest.training()
        count = run.train.count
        tokens = sum(len(each) for shard in run.train.shards() for each in shard.examples())
    return {
        "layers": layers,
        "length": length,
        "precision": precision,
        "examples": count,
        "mean_tokens": tokens / count,
        "bare": [count / bare for bare, _ in turns],
        "firstword": [count / ours for _, ours in turns],
        "ratio": [bare / ours for bare, ours in turns],
        "training": count / training,
    }


def main() -> None:
    """Measure all settings and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layers", type=int, nargs="+", default=[2, 6])
    parser.add_argument("--lengths", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--home", type=Path, default=HOME)
    options = parser.parse_args()
    precisions = [each for each in options.precisions if each == "fp32" or fast_bf16(torch.device("cpu"))]
    if precisions != options.precisions:
        print("bf16: skipped, this processor has no instructions for it")
    found = [
        measure(options.home, layers, length, precision, options.repeats)
        for layers in options.layers
        for precision in precisions
        for length in options.lengths
    ]
    table = [
        (
            each["layers"],
            each["length"],
            f"{each['mean_tokens']:.0f}",
            each["precision"],
            spread(each["bare"]),
            spread(each["firstword"]),
            f"{statistics.median(each['ratio']):.0%} ({min(each['ratio']):.0%}-{max(each['ratio']):.0%})",
            f"{statistics.median(each['firstword']) / each['training']:.1f}",
        )
        for each in found
    ]
    header = (
        *("layers", "longest, tokens", "mean", "precision", "bare, examples/s", "Firstword, examples/s"),
        *("Firstword / bare", "times as fast as training steps"),
    )
    publish("precompute", "Precompute: MiniLM, one checkpoint", header, table, found, options.home)


if __name__ == "__main__":
    main()
