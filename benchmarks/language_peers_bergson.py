"""bergson as a contender of `benchmarks.language_peers`: `collect_gradients`, as its `build` calls it.

It hooks linear layers of the body: neither the word table nor the output table is among them, so nothing that
it keeps is what Firstword keeps. ``bergson``: one gradient a row, every layer projected to 16 x 16, which its
`trackstar` does by default (unprojected, as `build` does by default, a row of SmolLM2 takes 424 MB).
``bergson-tokens``: the same for every token, which comes nearest.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bergson import collect_gradients
from bergson.collector.collector import CollectorComputer
from bergson.collector.in_memory_collector import InMemoryCollector
from bergson.config.config import DataConfig, IndexConfig
from bergson.data import allocate_batches
from bergson.gradients import GradientProcessor
from bergson.utils.worker_utils import create_processor, setup_model_and_peft
from datasets import Dataset

from benchmarks.language_peers_job import IGNORED, Contender, Job, Matrix, folder_bytes

PROJECTION = 16
TOKENS = 2048  # of a batch; its default


def contender(name: str, job: Job, scratch: Path) -> Contender:
    """A row or a token at a time, with the model loaded."""
    return Bergson(job, scratch / name, tokens=name == "bergson-tokens")


class Bergson:
    """Projected gradients of the body's linear layers, in one memory-mapped file."""

    def __init__(self, job: Job, home: Path, *, tokens: bool) -> None:
        self._config = _config(job, home, projection=PROJECTION, tokens=tokens)
        self._model, self._targets = setup_model_and_peft(self._config)
        self._data: Dataset | None = None

    @property
    def _place(self) -> Path:
        return self._config.partial_run_path

    def open(self, job: Job) -> None:
        """Rows as a data set."""
        self._data = _dataset(job)

    def run(self) -> None:
        """Collect and write."""
        if self._data is None:
            raise RuntimeError("`open` comes first")
        self._place.mkdir(parents=True, exist_ok=True)
        collect_gradients(
            self._model,
            self._data,
            create_processor(self._model, self._config, self._targets),
            self._config,
            batches=allocate_batches(self._data["length"][:], self._config.token_batch_size),
            target_modules=self._targets,
        )

    def clear(self) -> None:
        """Delete the index."""
        shutil.rmtree(self._place, ignore_errors=True)

    def kept(self) -> int:
        """Bytes of the index."""
        return folder_bytes(self._place)


def _config(job: Job, home: Path, *, projection: int, tokens: bool) -> IndexConfig:
    return IndexConfig(
        run_path=str(home),
        model=job.model,
        precision="fp32",
        model_kwargs=f"attn_implementation={job.attention}",
        data=DataConfig(),
        projection_dim=projection,
        token_batch_size=max(TOKENS, *map(len, job.ids)),
        loss_reduction="sum",
        attribute_tokens=tokens,
    )


def _dataset(job: Job) -> Dataset:
    lengths = [len(each) for each in job.ids]
    return Dataset.from_dict({"input_ids": job.ids, "labels": job.labels, "length": lengths})


def scores(job: Job, scratch: Path) -> dict[str, Matrix]:
    """Products of its gradients at the output table, cut to the tokens that each row writes (n, n).

    Its collector takes the head if it is given the whole model.
    """
    config = _config(job, scratch / "scores", projection=0, tokens=False)
    config.partial_run_path.mkdir(parents=True)
    model, _ = setup_model_and_peft(config)
    data = _dataset(job)
    collector: Any = InMemoryCollector(
        model=model, data=data, cfg=config, processor=GradientProcessor(), target_modules={"lm_head"}
    )
    batches = allocate_batches(data["length"][:], config.token_batch_size)
    CollectorComputer(
        model=model, data=data, collector=collector, batches=batches, cfg=config
    ).run_with_collector_hooks()
    head = model.get_output_embeddings().weight
    found = collector.gradients["lm_head"].reshape(len(data), *head.shape).float()
    for row, labels in enumerate(job.labels):
        own = sorted({each for each in labels[1:] if each != IGNORED})
        kept = found[row, own].clone()
        found[row] = 0
        found[row, own] = kept
    flat = found.flatten(1)
    return {"written": (flat @ flat.T).tolist()}
