"""What each row store takes and what it costs: bytes, recall@10 and rank correlation against fp32 rows.

    python -m benchmarks.storage [--examples 4000] [--queries 100] [--layers 6] [--sets demo trec sick sst2]

Rows of a random sample of training examples and queries from eval are computed in fp32 at every checkpoint
of a workspace of `benchmarks.main_job` (``demo``: cache/demo) and summed with the checkpoints' weights;
each store encodes them, and the same scores are taken from what it kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from backend.influence.gradients.capture import gradient_rows, load_for_tracing
from backend.influence.gradients.token_rows import TokenRows
from backend.influence.rowstore.compression import RowCodec, fit_basis, kept_dimensions
from backend.influence.rowstore.fidelity import compare, score_matrix
from backend.influence.rowstore.preparation import prepare
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.progress import silent
from backend.workspace import Workspace
from benchmarks.report import HOME, publish

STORES = ("full", "int8", "pca:128", "pca:64", "pca:32")


def codec_for(store: str, rows: TokenRows) -> RowCodec:
    """The codec of a store; a basis is fitted on an eighth of the rows, as `precompute` fits on a sample."""
    dimensions = kept_dimensions(store)
    return RowCodec(store, None if dimensions is None else fit_basis(rows.rows[::8], dimensions))


def measure(workspace: Workspace, examples: int, queries: int) -> list[dict[str, Any]]:
    """One record a store, scores summed over the checkpoints."""
    with workspace.folder.lock():
        run = prepare(workspace.folder, PrecomputeSettings("cpu", "fp32", "eager"), silent)
    positions, train = run.train.sample(examples)
    asked, evaluation = run.evaluation.sample(queries)
    labels = run.labels[positions].tolist()
    classes = list(run.manifest.classes)
    eval_labels = [classes.index(workspace.eval_split.labels[each]) for each in asked]
    scores: dict[str, np.ndarray] = {store: np.zeros((len(asked), len(train))) for store in STORES}
    for checkpoint in run.manifest.checkpoints:
        model = load_for_tracing(run.folder.checkpoint_path(checkpoint), run.trace)
        rows, _ = gradient_rows(model, run.tokenizer, train, labels, run.trace)
        wanted, _ = gradient_rows(model, run.tokenizer, evaluation, eval_labels, run.trace)
        for store in STORES:
            scores[store] += checkpoint.weight * score_matrix(rows, wanted, codec_for(store, rows))
    width, per_example = rows.rows.shape[1], len(rows.rows) / len(train)
    found = []
    for store in STORES:
        row = (kept_dimensions(store) or width) * (4 if store == "full" else 1) + 12
        fidelity = compare(scores["full"], scores[store]).to_json()
        found.append({"store": store, "row_bytes": row, "example_bytes": row * per_example, **fidelity})
    return found


def main() -> None:
    """Measure all stores on all sets and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=["demo"], help="names under --home; demo: cache/demo")
    parser.add_argument("--examples", type=int, default=4000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--home", type=Path, default=HOME)
    options = parser.parse_args()
    table, raw = [], {}
    for name in options.sets:
        path = Path("cache/demo") if name == "demo" else options.home / name
        raw[name] = measure(Workspace.open(path), options.examples, options.queries)
        table += [
            (
                name,
                each["store"],
                each["row_bytes"],
                f"{each['example_bytes']:,.0f}",
                f"{each['recall_proponents']:.3f} / {each['recall_opponents']:.3f}",
                f"{each['rank_correlation']:.5f}",
            )
            for each in raw[name]
        ]
    header = (
        "data",
        "row store",
        "bytes a row",
        "bytes an example and checkpoint",
        "recall@10 helpful / harmful",
    )
    title = f"Row stores against fp32: {options.examples:,} examples, {options.queries} queries"
    publish("storage", title, (*header, "rank correlation"), table, raw, options.home)


if __name__ == "__main__":
    main()
