"""Building the index so that its recall is known: candidates per list are doubled until it is good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backend.data.dataset import load_split
from backend.files import digest
from backend.folder import Folder
from backend.influence.index import IndexInfo, RowIndex
from backend.influence.precompute import PrecomputeSettings
from backend.influence.search import Ranked, Ranking, Searcher
from backend.influence.store import RowStore
from backend.influence.tracing import Checkpoints, TracedExample
from backend.progress import Progress, silent, track

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
    return checkpoints.trace(encoded, labels)


def recall_of(found: Ranked, truth: Ranked) -> float:
    """Share of the true top that was found; an example that ties with the last true one counts."""
    if not len(truth.positions):
        return 1.0
    weakest = np.abs(truth.scores[-1])
    hits = np.count_nonzero(np.abs(found.scores) >= weakest * (1 - 1e-6))
    return min(hits / len(truth.positions), 1.0)


def true_rankings(
    searcher: Searcher, queries: list[TracedExample], k: int, progress: Progress = silent
) -> list[Ranking]:
    """What the full scan finds for each query."""
    tracked = track(queries, "full scans", len(queries), progress)
    return [searcher.top(query, k, exact=True) for query in tracked]


def measure_recall(
    searcher: Searcher, queries: list[TracedExample], truths: list[Ranking], k: int = 10
) -> dict[str, float]:
    """Mean recall@k of the default search against the full scan, for both ends."""
    found = [searcher.top(query, k, exact=False) for query in queries]
    pairs = list(zip(found, truths, strict=True))
    return {
        "proponents": _mean([recall_of(each.proponents, truth.proponents) for each, truth in pairs]),
        "opponents": _mean([recall_of(each.opponents, truth.opponents) for each, truth in pairs]),
        "k": k,
        "queries": len(queries),
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


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
    truths = true_rankings(Searcher(stores, None, 0, checkpoints.vocabulary), queries, 10, progress)
    while True:
        searcher = Searcher(stores, index, per_list, checkpoints.vocabulary)
        recall = measure_recall(searcher, queries, truths)
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
