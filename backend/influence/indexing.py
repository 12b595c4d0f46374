"""Building the index so that its recall is known: candidates per list are doubled until it is good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backend.data.dataset import load_split
from backend.folder import Folder, digest
from backend.influence.index import IndexInfo, RowIndex
from backend.influence.precompute import PrecomputeSettings
from backend.influence.search import Ranked, Searcher
from backend.influence.store import RowStore
from backend.influence.tracing import Checkpoints, TracedExample
from backend.progress import Progress, silent

TARGET_RECALL = 0.99
_FIRST_CANDIDATES = 100


def open_stores(folder: Folder) -> list[RowStore]:
    """The row stores of all checkpoints, in order; `InputError` if rows are missing or stale."""
    artifact = folder.require("rows", "precompute")
    manifest = folder.manifest()
    return [
        RowStore(folder.rows, each.step, manifest.data.n_train, artifact.id) for each in manifest.checkpoints
    ]


def sample_queries(
    checkpoints: Checkpoints, folder: Folder, count: int, seed: int = 0
) -> list[TracedExample]:
    """``count`` rows of the eval split, drawn without replacement, traced for their predicted class."""
    split = load_split(folder, "eval")
    drawn = np.random.default_rng(seed).permutation(len(split))[:count]
    texts_b = split.texts_b and [split.texts_b[each] for each in drawn]
    encoded = checkpoints.encode([split.texts[each] for each in drawn], texts_b)
    labels = checkpoints.probabilities(encoded).argmax(axis=1).tolist()
    return checkpoints.trace(encoded, labels, weighted=True)


def recall_of(found: Ranked, truth: Ranked) -> float:
    """Share of the true top that was found; an example that ties with the last true one counts."""
    if not len(truth.positions):
        return 1.0
    weakest = np.abs(truth.scores[-1])
    hits = np.count_nonzero(np.abs(found.scores) >= weakest * (1 - 1e-6))
    return min(hits / len(truth.positions), 1.0)


def measure_recall(
    searcher: Searcher,
    queries: list[TracedExample],
    k: int = 10,
    progress: Progress = silent,
    stage: str = "recall",
) -> dict[str, float]:
    """Mean recall@k of the default search against the full scan, for both ends."""
    proponents, opponents = [], []
    for number, query in enumerate(queries):
        progress(stage, number, len(queries))
        found, truth = searcher.top(query, k, exact=False), searcher.top(query, k, exact=True)
        proponents.append(recall_of(found.proponents, truth.proponents))
        opponents.append(recall_of(found.opponents, truth.opponents))
    progress(stage, len(queries), len(queries))
    return {
        "proponents": float(np.mean(proponents)) if proponents else 1.0,
        "opponents": float(np.mean(opponents)) if opponents else 1.0,
        "k": k,
        "queries": len(queries),
    }


def index_is_current(folder: Folder) -> bool:
    """Whether the index belongs to the current rows and can be read."""
    if folder.state("index") != "current":
        return False
    try:
        RowIndex.load(folder.index, folder.manifest().artifacts["index"].id)
    except ValueError:
        return False
    return True


def build_index(folder: Folder, settings: PrecomputeSettings, progress: Progress = silent) -> IndexInfo:
    """Build, calibrate and write the index, and record it as an artifact."""
    rows = folder.require("rows", "precompute")
    stores = open_stores(folder)
    checkpoints = Checkpoints(folder, replace(settings, precision="fp32"))
    index = RowIndex.build(stores, progress)
    queries = sample_queries(checkpoints, folder, count=40)
    per_list = _FIRST_CANDIDATES
    while True:
        searcher = Searcher(stores, index, per_list, checkpoints.vocabulary)
        recall = measure_recall(searcher, queries, progress=progress, stage=f"recall with {per_list} a list")
        if min(recall["proponents"], recall["opponents"]) >= TARGET_RECALL or per_list >= stores[0].count:
            break
        per_list *= 2
    info = IndexInfo(
        artifact=digest("index", rows.id),
        steps=[each.step for each in checkpoints.manifest.checkpoints],
        tokens=[each.tolist() for each in index.tokens],
        n_train=stores[0].count,
        width=stores[0].width,
        quantizer="SQ8",
        candidates_per_list=per_list,
        recall=recall,
    )
    index.save(folder.index, info)
    folder.record("index", ("rows",), id=info.artifact, recall=recall, candidates_per_list=per_list)
    return info
