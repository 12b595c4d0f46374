"""Many trainings of one small model, fast: tokens in memory, no checkpoints, one thread for each training.

The recipe is that of the workspace's own training (rate, linear schedule, batch size, clipping as Trainer
does), from the same start, always in fp32. The seed draws the order of rows, and the head where the start has
none for these classes. Rows that are left out are skipped in an order that is drawn over all rows, so two
trainings with the same seed differ by those rows and by how the others fall into batches.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from backend.data.shards import target_numbers
from backend.errors import InputError
from backend.files import digest
from backend.folder import Folder
from backend.manifest import TaskInfo
from backend.model.fingerprint import start_digest
from backend.model.loading import input_length, load_classifier, load_tokenizer
from backend.model.model_inputs import accepted_inputs
from backend.model.prediction import predict
from backend.model.runs import recorded_settings
from backend.model.source import resolve
from backend.model.token_table import tokenise
from backend.model.tokenization import Tokens, collate
from backend.model.training_settings import TrainingSettings
from backend.tasks.registry import task_named, task_of

_CLIP = 1.0  # Trainer's
_OPTIMIZERS = ("adamw_torch", "adamw_torch_fused", "sgd")


@dataclass(frozen=True)
class SmallTraining:
    """What is trained and what is asked of it, as plain data that another process can read.

    ``labels`` (n, ...): targets as losses take them; ``queries``: examples whose outputs are wanted.
    ``start``: the model's folder or name before training.
    """

    start: str
    layers: int | None
    tokenizer: str
    task: TaskInfo
    examples: list[Tokens]
    labels: np.ndarray
    queries: list[Tokens]
    settings: TrainingSettings

    @property
    def mark(self) -> str:
        """Identifies everything that determines an outcome beside the rows kept and the seed."""
        texts = [(each.input_ids, each.token_type_ids) for each in (*self.examples, *self.queries)]
        device = self.settings.torch_device().type
        settings = {**self.settings.identity(), "device": device, "dynamics": None, "checkpoints": None}
        model = (self.start, start_digest(Path(self.start)), self.layers, self.task.classes)
        return digest(
            "retrained",
            2 if self.task.name == "classification" else 3,
            model,
            texts,
            self.labels.tolist(),
            settings,
        )


def small_training(folder: Folder, queries: Sequence[int]) -> SmallTraining:
    """The workspace's own training as plain data; ``queries``: places of eval rows. Raises `InputError`."""
    settings = recorded_settings(folder)
    if settings is None:
        raise InputError(
            f"{folder.path}: its training is not known (attached, or made long ago); "
            "`small` makes a workspace that can"
        )
    if settings.optimizer not in _OPTIMIZERS or settings.scheduler != "linear":
        raise InputError(
            f"retraining many times knows the optimizers {', '.join(_OPTIMIZERS)} and the linear schedule, "
            f"not {settings.optimizer} and {settings.scheduler}"
        )
    if settings.class_weights or settings.balanced_batches:
        raise InputError("retraining many times knows no --class-weights and no --balanced-batches")
    manifest = folder.manifest()
    tokenizer = folder.tokenizer_path(manifest)
    fast = load_tokenizer(tokenizer)
    model = load_classifier(folder.checkpoint_path(manifest.checkpoints[-1]))
    length = input_length(manifest.max_length, fast, model)
    tokens = {name: tokenise(folder, name, fast, length) for name in ("train", "eval")}
    evaluation = [each for shard in tokens["eval"].shards() for each in shard.examples()]
    return SmallTraining(
        start=resolve(manifest.model.name),
        layers=manifest.model.layers,
        tokenizer=str(tokenizer),
        task=manifest.task,
        examples=[each for shard in tokens["train"].shards() for each in shard.examples()],
        labels=target_numbers(folder, "train"),
        queries=[evaluation[each] for each in queries],
        settings=settings.without_selection(),
    )


class Retrainer:
    """Trains on parts of the rows, in this process."""

    def __init__(self, small: SmallTraining) -> None:
        self._small = small
        self._tokenizer = load_tokenizer(small.tokenizer)
        self._device = small.settings.torch_device()
        self._inputs = self._padded(small.examples)
        self._lengths = np.array([len(each) for each in small.examples])
        self._labels = torch.tensor(small.labels, device=self._device)

    def probabilities(self, kept: np.ndarray, seed: int) -> np.ndarray:
        """Train on the rows of ``kept`` bool (n); class probabilities of the queries: float32 (q, K)."""
        readable = kept & (self._lengths > 0)
        if not readable.any():
            raise InputError("no row that is kept has a token: there is nothing to train on")
        model = self._trained(readable, seed)
        return predict(model, self._small.queries, self._tokenizer)

    def _padded(self, examples: Sequence[Tokens]) -> dict[str, Tensor]:
        filled = [each if len(each) else Tokens([0], None) for each in examples]
        return collate(filled, self._tokenizer, self._device)

    def _trained(self, kept: np.ndarray, seed: int) -> Any:
        settings = self._small.settings
        torch.manual_seed(seed)  # the head is drawn on loading
        model: Any = load_classifier(
            self._small.start,
            task=self._small.task,
            layers=self._small.layers,
            pad_token_id=self._tokenizer.pad_token_id,
            head_bias=task_named(self._small.task.name).head_bias(self._small.labels[kept]),
        )
        model.to(self._device).train()
        optimizer = _optimizer(model, settings)
        places = np.flatnonzero(kept)
        per_epoch = -(-len(places) // settings.batch_size)
        steps = max(math.ceil(settings.epochs * per_epoch), 1)  # as Trainer counts
        random = np.random.default_rng(seed)
        done = 0
        while done < steps:
            order = random.permutation(len(kept))
            order = order[kept[order]]
            for start in range(0, len(order), settings.batch_size):
                if done == steps:
                    break
                for group in optimizer.param_groups:
                    group["lr"] = settings.lr * _linear(done, steps, settings.warmup)
                self._step(model, optimizer, order[start : start + settings.batch_size])
                done += 1
        return model

    def _step(self, model: Any, optimizer: torch.optim.Optimizer, places: np.ndarray) -> None:
        longest = int(self._lengths[places].max())
        chosen = torch.from_numpy(places).to(self._device)
        left = self._tokenizer.padding_side == "left"
        span = slice(-longest, None) if left else slice(None, longest)
        inputs = {name: each[chosen][:, span] for name, each in self._inputs.items()}
        logits = model(**accepted_inputs(model, inputs)).logits.float()
        optimizer.zero_grad(set_to_none=True)
        task_of(model).losses(logits, self._labels[chosen]).mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()


def _linear(done: int, steps: int, warmup: float) -> float:
    """Share of the peak rate after ``done`` of ``steps``: Trainer's linear schedule with warm-up."""
    rising = math.ceil(steps * warmup)
    return done / rising if done < rising else (steps - done) / max(steps - rising, 1)


def _optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """As Trainer makes it: no decay of biases and norms."""
    decayed = [each for name, each in model.named_parameters() if each.ndim > 1 and "bias" not in name]
    others = [each for name, each in model.named_parameters() if not (each.ndim > 1 and "bias" not in name)]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr)
    return torch.optim.AdamW(groups, lr=settings.lr, fused=True)


_worker: Retrainer | None = None


def _start(small: SmallTraining) -> None:
    global _worker
    torch.set_num_threads(1)
    _worker = Retrainer(small)


def _work(kept: np.ndarray, seed: int) -> np.ndarray:
    assert _worker is not None
    return _worker.probabilities(kept, seed)


@dataclass(frozen=True)
class Training:
    """One training: which rows it keeps, bool (n), and its seed."""

    kept: np.ndarray
    seed: int

    @property
    def key(self) -> str:
        """Identifies it among the trainings of its `SmallTraining`."""
        return digest(np.packbits(self.kept).tobytes().hex(), self.seed)


def retrained(
    small: SmallTraining, trainings: Sequence[Training], workers: int
) -> Iterator[tuple[Training, np.ndarray]]:
    """Outcomes, float32 (q, K) each, in the order in which they are finished.

    With one worker, or on a GPU, in this process; else one thread for each of ``workers`` processes.
    """
    if workers == 1 or small.settings.torch_device().type != "cpu":
        alone = Retrainer(small)
        yield from ((each, alone.probabilities(each.kept, each.seed)) for each in trainings)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _start, (small,)) as pool:
        waiting: dict[Future[np.ndarray], Training] = {
            pool.submit(_work, each.kept, each.seed): each for each in trainings
        }
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        finally:
            for future in waiting:
                future.cancel()


def default_workers() -> int:
    """As many as there are processors."""
    return os.cpu_count() or 1
