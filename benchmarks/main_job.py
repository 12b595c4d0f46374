"""The main job on real data: time, disk, recall of the index, agreement with the dense definition, latency.

    python -m benchmarks.main_job [demo trec sick sst2] [--home cache/bench]

Builds each workspace with the command line's own functions where it is missing (5 to 8 minutes each on two
cores), then measures. Prints a Markdown table and writes ``HOME/main_job.json``.

Agreement: for a few queries, every score of a random sample of training examples, as `explain --exact` has
it and by the dense definition (full embedding-weight gradient, one example at a time, no hook, fp32). The
relative error of a score is taken where the score is at least a thousandth of the sample's largest.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from backend.data.columns import Columns
from backend.data.dataset import Split
from backend.demos.build import build_demo
from backend.influence.answers.calibration import sample_queries
from backend.influence.answers.exact import exact_rows
from backend.influence.answers.search import summed_terms
from backend.influence.index.modes import MODES
from backend.model.loading import load_classifier
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.influence.oracle import dense_terms

DOT = MODES["dot"]
SHARED = Path("../shared/data")
SETS = {
    "trec": ("trec", Columns(text="text", label="label", split="split")),
    "sick": ("sick", Columns(text="text", text_b="text_b", label="label", split="split")),
    "sst2": ("sst2_sentences", Columns(text="text", label="label", split="split")),
}


def prepared(name: str, home: Path) -> Workspace:
    """The precomputed workspace of a data set, built where it is missing."""
    path = home / name
    if name == "demo":
        return build_demo(path)
    if not path.exists():
        file, columns = SETS[name]
        source = str(SHARED / f"{file}.jsonl.gz")
        Workspace.create(path, train=source, eval=None, columns=columns, model="minilm")
    workspace = Workspace.open(path)
    if not workspace.manifest.checkpoints:
        workspace.train(TrainingSettings())
    workspace.precompute()
    return workspace


def agreement(workspace: Workspace, queries: int = 2, examples: int = 20) -> float:
    """Largest relative error of a score against the dense definition."""
    explainer, train, manifest = workspace.explainer("cpu"), workspace.train_split, workspace.manifest
    checkpoints, classes = explainer.checkpoints, manifest.classes
    models = [load_classifier(workspace.folder.checkpoint_path(each)) for each in manifest.checkpoints]
    rng, worst = np.random.default_rng(0), 0.0
    for position in rng.choice(len(workspace.eval_split), queries, replace=False):
        split = workspace.eval_split
        one = split.take([int(position)])
        label = int(rng.integers(len(classes)))
        encoded = checkpoints.encode(one)
        traced = checkpoints.trace(encoded, [label])[0]
        drawn = np.sort(rng.choice(len(train), examples, replace=False))
        exact = exact_rows(explainer, drawn)
        found = summed_terms(exact, traced, drawn, checkpoints.vocabulary).sum(axis=1)
        rows = [_as_dense(train, each, classes.index(train.labels[each])) for each in drawn.tolist()]
        weights = checkpoints.weights.tolist()
        length = manifest.max_length or 128
        query = _as_dense(split, int(position), label)
        terms = dense_terms(models, weights, checkpoints.tokenizer, rows, query, length)
        truth = terms.sum(dim=1).numpy()
        large = np.abs(truth) >= 1e-3 * np.abs(truth).max()
        worst = max(worst, float((np.abs(found - truth)[large] / np.abs(truth)[large]).max()))
    return worst


def _as_dense(split: Split, place: int, label: int) -> tuple[str, str | None, int]:
    text, *more = split.texts_of(place)
    return text, more[0] if more else None, label


def latency(workspace: Workspace, queries: int = 50) -> dict[str, float]:
    """Milliseconds of the search and of a whole warm `explain` over eval rows: p50 and p95."""
    explainer = workspace.explainer("cpu")
    searcher, search = explainer.searcher, []
    for traced in sample_queries(explainer.checkpoints, workspace.folder, queries + 5, seed=2):
        start = time.perf_counter()
        searcher.top(searcher.ask(traced, DOT), DOT, 10)
        search.append(1000 * (time.perf_counter() - start))
    whole = [
        workspace.explain(row=row, split="eval", device="cpu").elapsed_ms["total"]
        for row in workspace.eval_split.ids[: queries + 5]
    ]
    return {
        "search_p50": float(np.median(search[5:])),
        "search_p95": float(np.percentile(search[5:], 95)),
        "explain_p50": float(np.median(whole[5:])),
        "explain_p95": float(np.percentile(whole[5:], 95)),
    }


def measure(name: str, home: Path, queries: int) -> dict[str, Any]:
    """All figures of one data set."""
    workspace = prepared(name, home)
    rows, recall = workspace.manifest.artifacts["rows"].details, workspace.measure_index(queries)
    return {
        "set": name,
        "n_train": len(workspace.train_split),
        "checkpoints": len(workspace.manifest.checkpoints),
        "accuracy": float(workspace.predictions("eval").correct.mean()),
        "plan": f"{rows['precision']} {rows['attention']}",
        "rows_seconds": rows["seconds"],
        "rows_mb": rows["bytes"] // 1_000_000,
        "recall_proponents": recall["proponents"],
        "recall_opponents": recall["opponents"],
        "recall_queries": recall["queries"],
        "max_relative_error": agreement(workspace),
        **latency(workspace),
    }


COLUMNS = {
    "set": "data",
    "n_train": "training rows",
    "checkpoints": "checkpoints",
    "accuracy": "accuracy on eval",
    "plan": "precision, attention",
    "rows_seconds": "rows, s",
    "rows_mb": "rows, MB",
    "recall_proponents": "recall@10 helpful",
    "recall_opponents": "recall@10 harmful",
    "max_relative_error": "max relative error",
    "search_p50": "search p50, ms",
    "search_p95": "search p95, ms",
    "explain_p50": "explain p50, ms",
    "explain_p95": "explain p95, ms",
}


def _cell(value: Any) -> str:
    return (
        f"{value:.3g}"
        if isinstance(value, float) and value < 1000
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


def main() -> None:
    """Measure the sets named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", default=["demo", *SETS])
    parser.add_argument("--home", type=Path, default=Path("cache/bench"))
    parser.add_argument("--queries", type=int, default=20)
    options = parser.parse_args()
    results = [measure(name, options.home, options.queries) for name in options.sets]
    print(f"{date.today()}, {platform.processor() or platform.machine()}\n")
    print("| " + " | ".join(COLUMNS.values()) + " |")
    print("|" + "---|" * len(COLUMNS))
    for row in results:
        print("| " + " | ".join(_cell(row[column]) for column in COLUMNS) + " |")
    options.home.mkdir(parents=True, exist_ok=True)
    (options.home / "main_job.json").write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
