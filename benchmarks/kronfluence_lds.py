"""EK-FAC over all linear layers, as the kronfluence library has it, beside Firstword: truth (LDS) and cost.

    python -m benchmarks.kronfluence_lds [trec-transformer-adamw ...] [--rows 2500] [--queries 50]
        [--subsets 100]

Uses the workspaces and trainings of `benchmarks.faithfulness` (same defaults; made where they are missing),
so both are judged by the same halves. kronfluence tracks nn.Linear and nn.Conv2d only: of the convolutional
model that would be its last layer, so this is for ``transformer``. Needs kronfluence: see
requirements-kronfluence.txt. Prints a table and writes ``HOME/faithfulness/results/kronfluence-*.json``.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task
from torch.utils.data import Dataset
from transformers import PreTrainedModel

from backend.evaluation.lds import LdsSettings, ground_truth, scored
from backend.evaluation.retrainer import default_workers
from backend.evaluation.variants import parsed, questions, scores_of
from backend.influence.answers.engine import Engine
from backend.model.tokenization import Encoded
from benchmarks.faithfulness import workspace_of
from benchmarks.report import HOME, machine

OURS = ("we:dot", "we:ekfac", "last-layer:dot", "tfidf", "bm25")
DAMPINGS = {"damping 1e-8 (its default)": 1e-8, "damping a tenth of the mean eigenvalue": None}


class Rows(Dataset):
    """Encoded rows and labels, padded to one length."""

    def __init__(self, rows: Sequence[Encoded], labels: Sequence[int], padding: int) -> None:
        """``padding``: the token of padded places."""
        self.labels = torch.tensor(labels)
        length = max(len(each.input_ids) for each in rows)
        self.ids = torch.full((len(rows), length), padding)
        self.mask, self.types = torch.zeros_like(self.ids), torch.zeros_like(self.ids)
        for place, each in enumerate(rows):
            end = len(each.input_ids)
            self.ids[place, :end], self.mask[place, :end] = torch.tensor(each.input_ids), 1
            if each.token_type_ids is not None:
                self.types[place, :end] = torch.tensor(each.token_type_ids)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, ...]:
        return self.ids[place], self.mask[place], self.types[place], self.labels[place]


class Loss(Task):
    """Cross-entropy; as measurement that of the query's own label."""

    def compute_train_loss(
        self, batch: tuple[torch.Tensor, ...], model: torch.nn.Module, sample: bool = False
    ) -> torch.Tensor:
        """Summed over the batch; ``sample``: of labels drawn from the model, for the true Fisher."""
        ids, mask, types, labels = batch
        logits = model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits
        if sample:
            labels = torch.multinomial(logits.detach().softmax(-1), 1).flatten()
        return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")

    def compute_measurement(self, batch: tuple[torch.Tensor, ...], model: torch.nn.Module) -> torch.Tensor:
        """The loss: so that a helpful row has a positive score, as ours."""
        return self.compute_train_loss(batch, model)

    def get_attention_mask(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Padded places do not count."""
        return batch[1]


def kronfluence_scores(
    model: PreTrainedModel, train: Rows, queries: Rows
) -> Iterator[tuple[str, np.ndarray, float, float]]:
    """For each damping: its name, scores float64 (q, n), seconds of the factors and of the scores."""
    with tempfile.TemporaryDirectory() as scratch:
        task = Loss()
        prepared = prepare_model(copy.deepcopy(model).eval(), task)
        analyzer = Analyzer("lds", prepared, task, cpu=True, output_dir=scratch, disable_tqdm=True)
        start = time.perf_counter()
        analyzer.fit_all_factors(
            "ekfac", train, per_device_batch_size=64, factor_args=FactorArguments(strategy="ekfac")
        )
        fitted = time.perf_counter() - start
        for number, (name, damping) in enumerate(DAMPINGS.items()):
            start = time.perf_counter()
            analyzer.compute_pairwise_scores(
                f"scores{number}",
                "ekfac",
                queries,
                train,
                per_device_query_batch_size=len(queries),
                per_device_train_batch_size=64,
                score_args=ScoreArguments(damping_factor=damping),
            )
            found = analyzer.load_pairwise_scores(f"scores{number}")["all_modules"]
            yield name, found.double().numpy(), fitted, time.perf_counter() - start


def all_scores(engine: Engine, places: Sequence[int]) -> dict[str, tuple[np.ndarray, str]]:
    """Scores and cost in words: kronfluence at the last checkpoint and summed over all, and ours."""
    train, split, padding = engine.train, engine.splits["eval"], engine.checkpoints.tokenizer.pad_token_id
    given = [engine.classes.index(each) for each in train.labels]
    rows = Rows(engine.checkpoints.encode(train.examples), given, padding)
    own = [engine.classes.index(split.labels[each]) for each in places]
    queries = Rows(engine.checkpoints.encode(split.take(places)), own, padding)
    found: dict[str, tuple[np.ndarray, str]] = {}
    totals: dict[str, np.ndarray] = {}
    for model, weight in zip(engine.checkpoints.models, engine.checkpoints.weights, strict=True):
        for name, scores, fitted, scoring in kronfluence_scores(model, rows, queries):
            cost = f"{fitted:.0f} + {scoring:.0f}"
            totals[name] = totals.get(name, 0) + float(weight) * scores
            found[f"kronfluence, last checkpoint, {name}"] = (scores, cost)
            many = len(engine.checkpoints.models)
            found[f"kronfluence, all checkpoints, {name}"] = (totals[name], f"{many} times as much")
    asked = questions(engine, places)
    for variant in parsed(OURS):
        start = time.perf_counter()
        for each, values in scores_of([variant], asked):
            if isinstance(values, np.ndarray):
                found[each.name] = (values, f"{time.perf_counter() - start:.1f}")
    return found


def measured(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """LDS and cost of every contender."""
    home = HOME / "faithfulness"
    engine = workspace_of(name, options.rows, 0, home).explainer()
    settings = LdsSettings(options.subsets, 1, options.queries, workers=options.workers)
    truth = ground_truth(engine, settings)
    rows = []
    for contender, (scores, cost) in all_scores(engine, truth.places).items():
        lds = scored(contender, scores, truth)
        rows.append(
            {"contender": contender, "lds": lds.mean, "low": lds.low, "high": lds.high, "seconds": cost}
        )
    return {"name": name, "rows": rows}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("configurations", nargs="*", default=["trec-transformer-adamw"])
    parser.add_argument("--rows", type=int, default=2500)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--subsets", type=int, default=100)
    parser.add_argument("--workers", type=int, default=default_workers())
    options = parser.parse_args()
    for name in options.configurations:
        found = {"machine": machine(), **measured(name, options)}
        place = HOME / "faithfulness" / "results" / f"kronfluence-{name}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(
            f"\n| {name} | LDS | 95 % interval | seconds for {options.queries} queries |\n|---|---|---|---|"
        )
        for row in found["rows"]:
            interval = f"{row['low']:.3f} to {row['high']:.3f}"
            print(f"| {row['contender']} | {row['lds']:.3f} | {interval} | {row['seconds']} |")


if __name__ == "__main__":
    main()
