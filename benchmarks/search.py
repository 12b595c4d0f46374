"""Search latency over the number of training examples, several ways, beside what memory delivers in the
same run.

    python -m benchmarks.search [--sizes 10000 100000] [--synthetic 1000000] [--layers 2]
        [--queries 100] [--score ekfac]

Ways: the default path (all lists of the query's tokens, then re-ranking from ``rows/``); a full scan of the
stored rows; the same lists as fp32 numbers in NumPy, one matrix-vector product a list; and FAISS's own
search for the top 100 of every list, re-ranked. "Bound" is the share of examples whose norms alone cannot
rule them out of the top 10: what pruning by norm would still have to read. Sizes are resampled texts
(`benchmarks.resampled`); ``--synthetic`` repeats the rows of the largest of them with random factors, kept
as pca:64. Times are of one warm query without the model's own passes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from faiss.contrib import ivf_tools

from backend.influence.answers.calibration import mean_recall, sample_queries
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.search import Searcher
from backend.influence.gradients.token_rows import TokenRows
from backend.influence.gradients.traced import TracedExample
from backend.influence.index import build as index_build
from backend.influence.index.modes import MODES, ScoreMode, score_mode
from backend.influence.index.row_index import RowIndex, project
from backend.influence.rowstore.compression import RowCodec
from backend.influence.rowstore.layout import RowsInfo, shard_path
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.influence.rowstore.shard import write_shard
from backend.influence.rowstore.store import RowStore
from backend.progress import silent
from backend.workspace import Workspace
from benchmarks.report import HOME, publish
from benchmarks.resampled import resampled

K, PER_LIST = 10, 100
_NUMPY_ROWS = 8_000_000  # more do not fit into memory in fp32
_FULL_SCANS = 10


def gigabytes_per_second() -> float:
    """What the memory delivers to a sum over 800 MB with all threads: the best of 5."""
    numbers = torch.ones(200_000_000)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        numbers.sum()
        times.append(time.perf_counter() - start)
    return 0.8 / min(times)


def prepared(home: Path, size: int, layers: int) -> Workspace:
    """A precomputed workspace of ``size`` resampled texts."""
    workspace = resampled(home, size, layers)
    workspace.precompute(PrecomputeSettings("cpu", precision="fp32"))
    return workspace


def synthetic(home: Path, source: Searcher, size: int) -> Searcher:
    """A searcher over ``size`` examples: the rows of ``source`` again and again, as pca:64."""
    folder, steps = home / f"synthetic-{size}", list(range(len(source.stores)))
    codecs = [RowCodec("pca:64", each.basis[:, :64].copy()) for each in source.moments]
    written = [_write_synthetic(folder, step, source.stores[step], codecs[step], size) for step in steps]
    keys, starts = {str(step): written[step][0] for step in steps}, written[0][1]
    stores = [RowStore(folder, step, size, RowsInfo("synthetic", "pca:64", keys, starts)) for step in steps]
    index = folder / "index"
    index.mkdir(exist_ok=True)
    moments = index_build.gather_moments(index, "synthetic", steps, stores, 384, silent)
    index_build.build_lists(index, stores, moments, 64, silent)
    found = RowIndex.open(index, moments, stores)
    return Searcher(
        stores, codecs, moments, source.weights, source.vocabulary, found, dict.fromkeys(MODES, 400)
    )


def _write_synthetic(
    folder: Path, step: int, store: RowStore, codec: RowCodec, size: int
) -> tuple[list[str], list[int]]:
    """The keys and first examples of the shards."""
    rng, written = np.random.default_rng(step), 0
    keys: list[str] = []
    starts: list[int] = []
    whole = [shard for shard in store.shards if len(shard) == len(store.shards[0])]
    while written < size:
        shard = whole[len(keys) % len(whole)]
        count = min(len(shard), size - written)
        end = int(shard.offsets[count])
        factors = np.repeat(rng.lognormal(sigma=0.3, size=count), np.diff(shard.offsets[: count + 1]))
        rows = TokenRows(
            shard.offsets[: count + 1],
            shard.tokens[:end],
            (shard.rows(slice(0, end)) * factors[:, None]).astype(np.float32),
            np.empty(0, dtype=np.int64),
            np.empty((0, shard.codes.shape[1]), dtype=np.float32),
        )
        keys.append(f"{size}-{len(keys)}")
        starts.append(written)
        path = shard_path(folder, step, written)
        if not path.exists():
            write_shard(path, rows, {}, codec, keys[-1])
        written += count
    return keys, starts


class NumpyScan:
    """Token-major fp32 rows in the index's coordinates: one product a list, added up per example."""

    def __init__(self, searcher: Searcher, dimensions: int = 64) -> None:
        self._searcher, self._dimensions = searcher, dimensions
        self._lists: list[dict[int, tuple[np.ndarray, np.ndarray]]] = []
        for store, moments in zip(searcher.stores, searcher.moments, strict=True):
            rows = np.concatenate([project(each.rows(), moments, dimensions) for each in store.shards])
            tokens = np.concatenate([each.tokens for each in store.shards])
            lengths = np.concatenate([np.diff(each.offsets) for each in store.shards])
            owners = np.repeat(np.arange(store.count), lengths)
            order = np.argsort(tokens, kind="stable")
            known, starts = np.unique(tokens[order], return_index=True)
            rows, owners = rows[order], owners[order]
            ends = [*starts[1:], len(tokens)]
            spans = {int(t): slice(a, b) for t, a, b in zip(known, starts, ends, strict=True)}
            self._lists.append({token: (rows[span], owners[span]) for token, span in spans.items()})

    def __call__(self, query: TracedExample) -> np.ndarray:
        """Approximate influence of every example: float32 (n)."""
        scores = np.zeros(self._searcher.count, dtype=np.float32)
        for checkpoint, lists in enumerate(self._lists):
            asked = project(query.rows[checkpoint], self._searcher.moments[checkpoint], self._dimensions)
            for token, row in zip(query.tokens.tolist(), asked, strict=True):
                if token in lists:
                    rows, owners = lists[token]
                    scores[owners] += rows @ row
        return scores


class FaissTop:
    """FAISS's own search: the top of every list by cosine-free product, both signs, then re-ranking."""

    def __init__(self, searcher: Searcher, mode: ScoreMode, home: Path) -> None:
        self._searcher, self._mode = searcher, mode
        coarse_lists = sum(len(each.tokens) for each in searcher.moments)
        coarse = faiss.IndexLSH(64, 1, False, False)
        coarse.add(np.zeros((coarse_lists, 64), dtype=np.float32))
        kind, metric = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexIVFScalarQuantizer(coarse, 64, coarse_lists, kind, metric, False)
        parts = list(self._parts())
        index.train(np.concatenate([rows[:: max(len(rows) // 500, 1)] for rows, _, _ in parts]))
        for rows, lists, examples in parts:
            ivf_tools.add_preassigned(index, rows, lists, examples)
        self._index = index

    def _parts(self) -> Any:
        first_list = 0
        for store, moments in zip(self._searcher.stores, self._searcher.moments, strict=True):
            start = 0
            for shard in store.shards:
                owners = np.repeat(np.arange(len(shard)), np.diff(shard.offsets)) + start
                lists = first_list + np.searchsorted(moments.tokens, shard.tokens).astype(np.int64)
                yield project(shard.rows(), moments, 64), lists, owners
                start += len(shard)
            first_list += len(moments.tokens)

    def __call__(self, query: TracedExample) -> Any:
        """The ranking of the candidates that FAISS finds."""
        queries, lists, first_list = [], [], 0
        for checkpoint, moments in enumerate(self._searcher.moments):
            occurs, place = moments.places(query.tokens)
            rows = project(query.rows[checkpoint][occurs], moments, 64)
            queries += [rows, -rows]
            lists += [first_list + place, first_list + place]
            first_list += len(moments.tokens)
        asked, named = np.concatenate(queries), np.concatenate(lists)[:, None].astype(np.int64)
        _, found = ivf_tools.search_preassigned(self._index, asked, PER_LIST, named)
        examples = np.unique(found)
        scored = self._searcher.scored(query, self._mode, examples[examples >= 0])
        return type(self._searcher.top(query, self._mode, K)).of(scored, K, len(scored.positions))


def milliseconds(work: Callable[[TracedExample], Any], queries: Sequence[TracedExample]) -> dict[str, float]:
    """Median and 95th percentile of one query, after five to warm up."""
    times = []
    for query in [*queries[:5], *queries]:
        start = time.perf_counter()
        work(query)
        times.append(1000 * (time.perf_counter() - start))
    return {"p50": float(np.median(times[5:])), "p95": float(np.percentile(times[5:], 95))}


def undecided_by_norm(searcher: Searcher, queries: Sequence[TracedExample], mode: ScoreMode) -> float:
    """Mean share of examples whose Cauchy-Schwarz bound reaches the tenth best score of either end."""
    norms = np.stack([store.norms() for store in searcher.stores]).astype(np.float64)
    shares = []
    for query in queries:
        bound = norms.T @ np.linalg.norm(query.rows.reshape(len(norms), -1), axis=1)
        ranking = searcher.top(query, mode, K)
        weakest = min(abs(ranking.proponents.scores[-1]), abs(ranking.opponents.scores[-1]))
        shares.append(float(np.mean(bound >= weakest)))
    return float(np.mean(shares))


def measure(
    searcher: Searcher, queries: Sequence[TracedExample], mode: ScoreMode, home: Path, everything: bool
) -> dict[str, Any]:
    """All figures of one size; "default" is with the mode's change of the query, the rest without."""
    asked = [searcher.ask(query, mode) for query in queries]
    rows = sum(len(shard.tokens) for store in searcher.stores for shard in store.shards)
    touched = [
        sum(
            int(known.shares[known.places(query.tokens)[1]].sum() * searcher.count)
            for known in searcher.moments
        )
        for query in asked
    ]
    truths = [searcher.top(query, mode, K, scan=True) for query in asked[:_FULL_SCANS]]
    found = [searcher.top(query, mode, K) for query in asked[:_FULL_SCANS]]
    index = searcher.index
    assert index is not None
    result = {
        "size": searcher.count,
        "rows": rows,
        "row_store": searcher.codecs[0].name,
        "dimensions": index.dimensions,
        "rows_read": float(np.median(touched)),
        "recall": mean_recall(found, truths, K),
        "default": milliseconds(lambda query: searcher.top(searcher.ask(query, mode), mode, K), queries),
        "lists only": milliseconds(lambda query: index.scores([query]), asked),
        "full scan": milliseconds(lambda query: searcher.top(query, mode, K, scan=True), asked[:_FULL_SCANS]),
        "bound": undecided_by_norm(searcher, asked[:_FULL_SCANS], mode),
    }
    if everything and rows <= _NUMPY_ROWS:
        result["numpy"] = milliseconds(NumpyScan(searcher), asked[:30])
        by_list = FaissTop(searcher, mode, home)
        result["faiss"] = milliseconds(by_list, asked[:30])
        result["faiss_recall"] = mean_recall([by_list(query) for query in asked[:_FULL_SCANS]], truths, K)
    return result


def _cell(result: dict[str, Any], name: str) -> str:
    return f"{result[name]['p50']:.0f} / {result[name]['p95']:.0f}" if name in result else "does not fit"


def main() -> None:
    """Measure all sizes and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--synthetic", type=int, default=1_000_000, help="0: none")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--score", default=DEFAULT_SCORE)
    options = parser.parse_args()
    mode = score_mode(options.score)
    bandwidth, results, searcher, queries = gigabytes_per_second(), [], None, []
    for size in options.sizes:
        workspace = prepared(options.home, size, options.layers)
        explainer = workspace.explainer("cpu")
        searcher = explainer.searcher
        queries = sample_queries(explainer.checkpoints, workspace.folder, options.queries, seed=2)
        results.append(measure(searcher, queries, mode, options.home, everything=True))
    if options.synthetic and searcher is not None:
        large = synthetic(options.home, searcher, options.synthetic)
        results.append(measure(large, queries, mode, options.home, everything=False))
    table = [
        (
            f"{each['size']:,}",
            each["row_store"],
            f"{each['rows_read'] / 1e6:.2f}",
            _cell(each, "default"),
            f"{each['recall']['proponents']:.3f} / {each['recall']['opponents']:.3f}",
            _cell(each, "lists only"),
            f"{1000 * each['rows_read'] * (each['dimensions'] + 8) / bandwidth / 1e9:.1f}",
            _cell(each, "numpy"),
            _cell(each, "faiss"),
            _cell(each, "full scan"),
            f"{each['bound']:.0%}",
        )
        for each in results
    ]
    header = (
        *("training examples", "rows kept as", "index rows read, million", "default, ms p50 / p95"),
        *("recall@10 helpful / harmful", "of it the lists", "what memory needs for them, ms"),
        *("NumPy scan of the lists, fp32", f"FAISS top {PER_LIST} a list, re-ranked"),
        *("full scan of all rows", "share that norms cannot rule out"),
    )
    title = (
        f"Search: score {mode.name}, 3 checkpoints, {options.queries} queries, memory {bandwidth:.1f} GB/s"
    )
    publish("search", title, header, table, results, options.home)


if __name__ == "__main__":
    main()
