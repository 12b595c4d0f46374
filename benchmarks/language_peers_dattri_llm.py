"""dattri-llm as a contender of `benchmarks.language_peers`: `collect_gradients` into its store on disk.

``dattri-llm``: the word table alone, its token ids and the gradients at what was looked up, which is what
Firstword's side *read* comes from. ``dattri-llm-both``: the output table too, as the factors that it keeps of
a linear layer: the states, and the gradient at every logit of every position.

It pads every row of a data set to one length unless its streamer is given a collate function, so it is given
one. What its loss does not need is not computed: all weights but the word table are frozen, and the head
takes ``invasive_linear_io``, which leaves out the gradient of its weight.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import dattri_llm as library
import torch
from dattri_llm.attribution.utils import collect_gradients
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import AutoModelForCausalLM, PreTrainedModel

from benchmarks.language_peers_job import IGNORED, Contender, Job, Matrix, folder_bytes

BATCH = 8
Inputs = dict[str, Tensor]
Row = tuple[list[int], list[int]]


def contender(name: str, job: Job, scratch: Path) -> Contender:
    """One table or both, with the model loaded."""
    return DattriLlm(job, scratch / name, both=name == "dattri-llm-both")


class Rows(Dataset[Row]):
    """Token ids and labels, the shortest row first."""

    def __init__(self, job: Job) -> None:
        self._rows = list(zip(job.ids, job.labels, strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Row:
        return self._rows[index]


class DattriLlm:
    """Factors of the tables' gradients, in a store on disk."""

    def __init__(self, job: Job, home: Path, *, both: bool) -> None:
        self._model, self._home, self._both = _loaded(job), home, both
        self._padding = job.padding
        self._rows: Rows | None = None

    def open(self, job: Job) -> None:
        """Rows as a data set."""
        self._rows = Rows(job)

    def run(self) -> None:
        """Collect and write."""
        if self._rows is None:
            raise RuntimeError("`open` comes first")
        streamer = _streamer(self._model, self._rows, self._padding, self._home, both=self._both)
        collect_gradients(streamer, library.GradientStorageManager(str(self._home / "store")))

    def clear(self) -> None:
        """Delete the store."""
        shutil.rmtree(self._home, ignore_errors=True)

    def kept(self) -> int:
        """Bytes of the store."""
        return folder_bytes(self._home)


def _loaded(job: Job) -> PreTrainedModel:
    model = AutoModelForCausalLM.from_pretrained(
        job.model, dtype=torch.float32, attn_implementation=job.attention
    )
    model.eval().requires_grad_(False)
    model.get_input_embeddings().requires_grad_(True)
    return model


def _arguments(home: Path) -> Any:
    return library.AttributionArguments(
        str(home), per_device_train_batch_size=BATCH, per_device_eval_batch_size=BATCH, use_cpu=True
    )


def _hooks(model: PreTrainedModel, *, both: bool) -> Any:
    words = _name(model, model.get_input_embeddings())
    if not both:
        return library.HookManagerConfig(linear_io=[f"{words}$"])
    head = _name(model, model.get_output_embeddings())
    return library.HookManagerConfig(
        linear_io=[f"{words}$"], invasive_linear_io=[f"{head}$"], include_frozen=True
    )


def _name(model: PreTrainedModel, module: nn.Module) -> str:
    return next(name for name, each in model.named_modules() if each is module)


def _padder(padding: int) -> Any:
    def padded(rows: list[Row]) -> Inputs:
        width = max(len(ids) for ids, _ in rows)
        lengths = [len(ids) for ids, _ in rows]
        return {
            "input_ids": torch.tensor([ids + [padding] * (width - len(ids)) for ids, _ in rows]),
            "attention_mask": torch.tensor([[1] * each + [0] * (width - each) for each in lengths]),
            "labels": torch.tensor([labels + [IGNORED] * (width - len(labels)) for _, labels in rows]),
        }

    return padded


def _summed_loss(model: nn.Module, batch: Inputs) -> Tensor:
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
    )


def scores(job: Job, scratch: Path) -> dict[str, Matrix]:
    """``read``: its TracIn at the word table (n, n). ``written``: products of what it keeps of the output
    table, cut to the tokens that each row writes."""
    model = _loaded(job)
    rows = Rows(job)
    return {
        "read": _tracin(model, rows, job, scratch / "read"),
        "written": _written(model, rows, job, scratch / "written"),
    }


def _tracin(model: PreTrainedModel, rows: Rows, job: Job, home: Path) -> Matrix:
    stores = [library.GradientStorageManager(str(home / side)) for side in ("train", "test")]
    for store in stores:
        collect_gradients(_streamer(model, rows, job.padding, home, both=False), store)
    attributor = library.TracInAttributor(_arguments(home / "scores"))
    return attributor.attribute_from_cache(*stores).step_matrix(0)[1].tolist()


def _written(model: PreTrainedModel, rows: Rows, job: Job, home: Path) -> Matrix:
    head = _name(model, model.get_output_embeddings())
    found = []
    with _streamer(model, rows, job.padding, home, both=True) as streamer:
        for _, block, _ in streamer:
            factors = block.data[head]
            found += list(
                torch.einsum("btv,btd->bvd", factors.pre_activation_grad.float(), factors.activation.float())
            )
    for row, labels in enumerate(job.labels):
        own = torch.zeros(len(found[row]), 1)
        own[sorted({each for each in labels[1:] if each != IGNORED})] = 1
        found[row] = (found[row] * own).flatten()
    flat = torch.stack(found)
    return (flat @ flat.T).tolist()


def _streamer(model: PreTrainedModel, rows: Rows, padding: int, home: Path, *, both: bool) -> Any:
    return library.GradientStreamer(
        model,
        rows,
        _arguments(home),
        batch_size=BATCH,
        loss_fn=_summed_loss,
        config=_hooks(model, both=both),
        collate_fn=_padder(padding),
    )
