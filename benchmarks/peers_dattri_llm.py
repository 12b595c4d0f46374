"""dattri-llm as a contender of `benchmarks.peers`, live and from its own store.

Its attributors pad every example to one length (they take no collate function), so they are given one
here: its batches are then as short as everybody's. As it comes, it scores an embedding layer densely: it
lays out V x d numbers for each query and, batch by batch, for each training example. In the variants
called ``sparse`` a private method is replaced, so that its own sparse product is used instead; its
interface has no such option.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmarks.peers_data import Job, folder_bytes
from benchmarks.peers_libraries import (
    Example,
    Examples,
    in_training_order,
    load_model,
    padder,
    query_examples,
    train_embedding_only,
    train_examples,
)

Inputs = dict[str, Tensor]


class DattriLlm:
    """dattri-llm's `TracInAttributor`, live: one streaming pass over the training set per call."""

    keeps = False
    one_by_one = False
    sparse = False

    def __init__(self, job: Job, scratch: Path, batch_size: int) -> None:
        import dattri_llm

        self._library, self._job, self._batch, self._home = (
            dattri_llm,
            job,
            batch_size,
            scratch / "dattri-llm",
        )
        self.aside: dict[str, float] = {}

    def reset(self) -> None:
        """Delete what an earlier call wrote."""
        shutil.rmtree(self._home, ignore_errors=True)

    def first(self, count: int) -> np.ndarray:
        """All training gradients and the scores of the first queries."""
        attributor, config = self._attributor(self._job.checkpoints)
        score = attributor.attribute(
            train_examples(self._job), query_examples(self._job, range(count)), hook_config=config
        )
        return self._summed([score.step_matrix(number)[1] for number in range(len(self._job.weights))])

    def disk(self) -> dict[str, int]:
        """It stores no gradients."""
        return {}

    def _attributor(self, checkpoints: Sequence[Any]) -> tuple[Any, Any]:
        """Attributor and hook configuration; ``checkpoints`` are paths, or state dicts in memory."""
        model, layer = load_model(self._job)
        train_embedding_only(model)
        task = self._library.AttributionTask(
            _summed_loss, model, checkpoints=list(checkpoints), checkpoints_load_func=_load_weights
        )
        arguments = self._library.AttributionArguments(
            str(self._home),
            per_device_train_batch_size=self._batch,
            per_device_eval_batch_size=self._batch,
            use_cpu=True,
        )
        attributor = _attributor_class(self._library, _named(padder(self._job.padding)), self.sparse)(
            arguments, task=task
        )
        return attributor, self._library.HookManagerConfig(linear_io=[layer + "$"])

    def _summed(self, matrices: Sequence[Tensor]) -> np.ndarray:
        weighted = zip(self._job.weights, matrices, strict=True)
        return in_training_order(sum(weight * each for weight, each in weighted).T, self._job)  # type: ignore[union-attr]


class DattriLlmStore(DattriLlm):
    """dattri-llm from its store: training gradients are collected on disk once, a query reads them all."""

    keeps = True

    def __init__(self, job: Job, scratch: Path, batch_size: int) -> None:
        super().__init__(job, scratch, batch_size)
        self._stores: list[str] = []
        self._opened: tuple[Any, Any] | None = None

    def first(self, count: int) -> np.ndarray:
        """Collect both sides on disk, then score the first queries from there."""
        self._opened = self._attributor([load_file(path) for path in self._job.checkpoints])
        attributor, config = self._opened
        pairs = attributor.cache(
            train_examples(self._job), query_examples(self._job, range(count)), hook_config=config
        )
        self._stores = [train for train, _ in pairs]
        scored = [attributor.attribute_from_cache(*pair) for pair in pairs]
        return self._summed([score.step_matrix(number)[1] for number, score in enumerate(scored)])

    def further(self, positions: range) -> None:
        """Gradients of other queries, in memory, against the stores on disk."""
        if self._opened is None:
            raise RuntimeError("`first` comes before `further`")
        attributor, config = self._opened
        queries, matrices = query_examples(self._job, positions), []
        for number, train in enumerate(self._stores):
            attributor.load_checkpoint(number)
            source = attributor.generate_test_rep(
                queries, checkpoint_step=number, hook_config=config, shard=False
            )
            memory = self._library.GradientStorageManager(str(self._home / "queries"), residency="memory")
            store = attributor.collect_gradients(source, memory)
            matrices.append(attributor.attribute_from_cache(train, store).step_matrix(number)[1])
        self._summed(matrices)

    def disk(self) -> dict[str, int]:
        """Bytes of the training gradients."""
        return {"rows": sum(folder_bytes(Path(each)) for each in self._stores)}


class DattriLlmSparse(DattriLlm):
    """Live, with its sparse product."""

    sparse = True


class DattriLlmStoreSparse(DattriLlmStore):
    """From its store, with its sparse product."""

    sparse = True


def _summed_loss(model: nn.Module, batch: Inputs) -> Tensor:
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return nn.functional.cross_entropy(logits, batch["labels"], reduction="sum")


def _load_weights(model: nn.Module, checkpoint: str | Inputs) -> nn.Module:
    model.load_state_dict(load_file(checkpoint) if isinstance(checkpoint, str) else checkpoint)
    return model


def _named(collate: Callable[[list[Example]], tuple[Tensor, ...]]) -> Callable[[list[Example]], Inputs]:
    names = ("input_ids", "attention_mask", "labels")
    return lambda examples: dict(zip(names, collate(examples), strict=True))


def _attributor_class(library: Any, collate: Callable[[list[Example]], Inputs], sparse: bool) -> Any:
    """`TracInAttributor` whose streams pad each batch to its own longest example."""

    class Attributor(library.TracInAttributor):
        def generate_train_rep(
            self, dataset: Examples, *, checkpoint_step: int = 0, hook_config: Any = None, **_: Any
        ) -> Any:
            """Train gradients."""
            size = self.args.per_device_train_batch_size
            return self._stream(dataset, size, checkpoint_step, config=hook_config)

        def generate_test_rep(
            self,
            dataset: Examples,
            *,
            checkpoint_step: int = 0,
            hook_config: Any = None,
            hook_manager: Any = None,
            **_: Any,
        ) -> Any:
            """Query gradients; live, they share the hooks of the train stream."""
            size = self.args.per_device_eval_batch_size
            return self._stream(dataset, size, checkpoint_step, config=hook_config, hook_manager=hook_manager)

        def _stream(self, dataset: Examples, size: int, step: int, **hooks: Any) -> Any:
            return library.GradientStreamer(
                self.task.model,
                dataset,
                self.args,
                batch_size=size,
                loss_fn=self.task.loss_func,
                checkpoint_step=step,
                collate_fn=collate,
                **hooks,
            )

    class SparseAttributor(Attributor):
        def _route_test_rep(self, rep: Any) -> Any:
            """Leave the queries as token ids with their gradients."""
            return rep

    return SparseAttributor if sparse else Attributor
