"""captum and dattri as contenders of `benchmarks.peers`, each in the fastest form it offers.

All get their batches from the shortest text to the longest, padded to the longest of the batch, as Firstword
does for itself. Scores come back in the order of the training set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedModel

from backend.model.loading import embedding_layer, load_classifier
from benchmarks.peers_data import Job

Example = tuple[list[int], int]
Batch = tuple[Tensor, Tensor, Tensor]


class Examples(Dataset[Example]):
    """Token ids and class index of some examples."""

    def __init__(self, ids: Sequence[list[int]], labels: Sequence[int]) -> None:
        self._items = list(zip(ids, labels, strict=True))

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Example:
        return self._items[index]


def train_examples(job: Job) -> Examples:
    """The training set, shortest first."""
    return Examples(
        [job.train_ids[each] for each in job.order], [job.train_labels[each] for each in job.order]
    )


def query_examples(job: Job, positions: range) -> Examples:
    """Some of the queries."""
    return Examples(
        [job.query_ids[each] for each in positions], [job.query_labels[each] for each in positions]
    )


def padder(padding: int) -> Callable[[list[Example]], Batch]:
    """A collate function: ids, attention mask and labels, padded to the longest of the batch."""

    def padded(examples: list[Example]) -> Batch:
        width = max(len(ids) for ids, _ in examples)
        ids = torch.tensor([ids + [padding] * (width - len(ids)) for ids, _ in examples])
        mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in examples])
        return ids, mask, torch.tensor([label for _, label in examples])

    return padded


def in_training_order(scores: Tensor, job: Job) -> np.ndarray:
    """Undo the sorting by length: float64 (queries, n) from (queries, n) in ``job.order``."""
    result = np.empty(scores.shape, dtype=np.float64)
    result[:, job.order] = scores.detach().numpy()
    return result


def load_model(job: Job) -> tuple[PreTrainedModel, str]:
    """The classifier, from disk, and the name of its word-embedding layer."""
    model = load_classifier(Path(job.checkpoints[-1]).parent, attention="eager")
    layer = embedding_layer(model)
    return model, next(name for name, module in model.named_modules() if module is layer)


def train_embedding_only(model: PreTrainedModel) -> None:
    """No gradient for any other weight: what is not asked for need not be computed."""
    model.requires_grad_(False)
    embedding_layer(model).requires_grad_(True)


class _Logits(nn.Module):
    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.hf = model

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, K)."""
        return self.hf(input_ids=ids, attention_mask=mask).logits


class Captum:
    """`TracInCP` with ``layers=[word embeddings]``, as its documentation shows it."""

    keeps = False
    one_by_one = False
    cached = False

    def __init__(self, job: Job, scratch: Path, batch_size: int) -> None:
        from captum.influence import TracInCP

        self._make, self._job, self._batch = TracInCP, job, batch_size
        self.aside: dict[str, float] = {}

    def reset(self) -> None:
        """It keeps nothing."""

    def first(self, count: int) -> np.ndarray:
        """All training gradients and the scores of the first queries."""
        job, collate = self._job, padder(self._job.padding)
        model, layer = load_model(job)
        if self.cached:
            train_embedding_only(model)
        influence = self._make(
            _Logits(model),
            DataLoader(train_examples(job), self._batch, collate_fn=collate),
            job.checkpoints,
            self._loading(),
            layers=[f"hf.{layer}"],
            loss_fn=nn.CrossEntropyLoss(reduction="none"),
        )
        scores = influence.influence(
            DataLoader(query_examples(job, range(count)), self._batch, collate_fn=collate)
        )
        return in_training_order(scores, job)

    def _loading(self) -> Callable[[_Logits, str], float]:
        rates = dict(zip(self._job.checkpoints, self._job.weights, strict=True))  # captum may sort the paths
        kept = {path: load_file(path) for path in rates} if self.cached else {}

        def load(model: _Logits, path: str) -> float:
            model.hf.load_state_dict(kept[path] if self.cached else load_file(path))
            return rates[path]

        return load

    def disk(self) -> dict[str, int]:
        """It stores nothing."""
        return {}


class CaptumCached(Captum):
    """The same with the checkpoints' weights in memory and gradients for the embedding only."""

    cached = True


class Dattri:
    """dattri's `TracInAttributor` without projection; everything is done anew for every query."""

    keeps = False
    one_by_one = False

    def __init__(self, job: Job, scratch: Path, batch_size: int) -> None:
        from dattri.algorithm.tracin import TracInAttributor
        from dattri.task import AttributionTask

        self._make, self._task, self._job, self._batch = TracInAttributor, AttributionTask, job, batch_size
        self.aside: dict[str, float] = {}

    def reset(self) -> None:
        """It keeps nothing."""

    def first(self, count: int) -> np.ndarray:
        """All training gradients and the scores of the first queries."""
        job, collate = self._job, padder(self._job.padding)
        model, layer = load_model(job)
        states = [load_file(path) for path in job.checkpoints]
        scores = self._make(
            self._task(_loss_of_one(model), model, states),
            weight_list=torch.tensor(job.weights),
            normalized_grad=False,
            projector_kwargs={"proj_type": "identity"},
            layer_name=[f"{layer}.weight"],
        ).attribute(
            DataLoader(train_examples(job), self._batch, collate_fn=collate),
            DataLoader(query_examples(job, range(count)), self._batch, collate_fn=collate),
        )
        return in_training_order(scores.T, job)

    def disk(self) -> dict[str, int]:
        """It stores nothing."""
        return {}


def _loss_of_one(model: PreTrainedModel) -> Callable[[dict[str, Tensor], Batch], Tensor]:
    """The loss of one example for vmap, which needs a 4-D mask: transformers 5 branches on a 2-D one."""

    def loss(parameters: dict[str, Tensor], example: Batch) -> Tensor:
        ids, mask, label = example
        lowest = torch.finfo(torch.float32).min
        square = torch.zeros(1, 1, len(ids), len(ids)).masked_fill(mask[None, None, None] == 0, lowest)
        inputs = {"input_ids": ids[None], "attention_mask": square}
        logits = torch.func.functional_call(model, parameters, (), inputs).logits
        return nn.functional.cross_entropy(logits, label[None])

    return loss
