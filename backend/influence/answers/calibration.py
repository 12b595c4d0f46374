"""Building the index so that its recall is known, in every score mode: tried and measured until it is
good."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.data.dataset import load_split
from backend.errors import InputError
from backend.files import replacing
from backend.folder import Folder
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.exact import rescore, shortlist_size
from backend.influence.answers.opening import optimizer_reader
from backend.influence.answers.ranking import Ranked, Ranking
from backend.influence.answers.search import Searcher
from backend.influence.gradients.settings import TraceSettings
from backend.influence.gradients.sides import channel_weights, channels_of, default_channels
from backend.influence.gradients.traced import TracedExample
from backend.influence.gradients.tracing import Checkpoints
from backend.influence.index import build as index_build
from backend.influence.index.identity import index_id
from backend.influence.index.modes import MODES, ScoreMode, score_mode
from backend.influence.index.moments import Moments
from backend.influence.index.row_index import TARGET_RECALL, IndexInfo, RowIndex, padded, write_info
from backend.influence.rowstore.opening import StoredRows, open_rows
from backend.influence.rowstore.space import INDEX_DIMENSIONS
from backend.progress import Progress, silent, track
from backend.tasks.registry import task_named

if TYPE_CHECKING:
    from backend.influence.answers.explain import Explainer

FIRST_CANDIDATES = 100
MOST_CANDIDATES = 1600  # more of them cost more than a wider index
SAMPLED_QUERIES = 40
_SCORES_AT_ONCE = 1 << 23  # in memory: 64 MB


def sample_queries(
    checkpoints: Checkpoints, folder: Folder, count: int, seed: int = 0
) -> list[TracedExample]:
    """``count`` rows of the eval split, drawn without replacement, traced for what one asks of them first."""
    split = load_split(folder, "eval")
    drawn = np.random.default_rng(seed).permutation(len(split))[:count]
    encoded = checkpoints.encode(split.take(drawn))
    task = task_named(checkpoints.manifest.task.name)
    first = [task.choice(checkpoints.space, each, None).number for each in checkpoints.outputs(encoded)]
    return checkpoints.trace(encoded, first)


def recall_of(found: Ranked, truth: Ranked) -> float:
    """Share of the true top that was found; an example that ties with the last true one counts."""
    if not len(truth.positions):
        return 1.0
    weakest = np.abs(truth.scores[-1])
    hits = np.count_nonzero(np.abs(found.scores) >= weakest * (1 - 1e-6))
    return min(hits / len(truth.positions), 1.0)


def mean_recall(found: Sequence[Ranking], truths: Sequence[Ranking], k: int) -> dict[str, float]:
    """Mean recall@k of rankings against the true ones, for both ends."""
    pairs = list(zip(found, truths, strict=True))
    proponents = [recall_of(each.proponents, truth.proponents) for each, truth in pairs]
    opponents = [recall_of(each.opponents, truth.opponents) for each, truth in pairs]
    return {
        "proponents": float(np.mean(proponents or [1.0])),
        "opponents": float(np.mean(opponents or [1.0])),
        "k": k,
        "queries": len(pairs),
    }


def index_is_current(folder: Folder) -> bool:
    """Whether the index belongs to the current rows and its files are there."""
    if folder.state("index") != "current":
        return False
    manifest = folder.manifest()
    artifacts = manifest.artifacts
    if artifacts["index"].id != index_id(artifacts["rows"].id, channel_weights(manifest)):
        return False
    try:
        RowIndex.load(folder.index, folder.manifest().artifacts["index"].id, open_rows(folder).stores)
    except ValueError:
        return False
    return True


def build_index(folder: Folder, trace: TraceSettings, progress: Progress = silent) -> IndexInfo:
    """Build, calibrate and write the index, and record it as an artifact."""
    rows = folder.require("rows", "precompute")
    stored, checkpoints = open_rows(folder), Checkpoints(folder, trace)
    artifact = index_id(rows.id, channel_weights(checkpoints.manifest))
    channels = [each.name for each in channels_of(checkpoints.manifest)]
    started = time.perf_counter()
    queries = sample_queries(checkpoints, folder, SAMPLED_QUERIES)
    with replacing(folder.index) as scratch:
        scratch.mkdir()
        moments = index_build.gather_moments(
            scratch, artifact, channels, stored.stores, checkpoints.width, progress
        )
        shape = (checkpoints.vocabulary, checkpoints.width)
        plain = Searcher(
            stored.stores,
            stored.codecs,
            moments,
            np.array(channel_weights(checkpoints.manifest)),
            checkpoints.vocabulary,
            optimizer=optimizer_reader(folder, shape, moments),
        )
        plain = plain.on(default_channels(checkpoints.channels))
        calibration = _Calibration(plain, queries, _measurable(plain), progress)
        info = _build(scratch, artifact, channels, stored, moments, calibration, progress)
        write_info(scratch, info)
        size = sum(path.stat().st_size for path in scratch.iterdir())
    folder.record(
        "index",
        ("rows",),
        id=artifact,
        recall=info.recall[DEFAULT_SCORE],
        dimensions=info.dimensions,
        candidates=info.candidates[DEFAULT_SCORE],
        seconds=round(time.perf_counter() - started, 1),
        bytes=size,
    )
    return info


def measure_against_exact(
    explainer: Explainer, score: str, queries: int, k: int, progress: Progress = silent
) -> dict[str, float]:
    """Mean recall@k of the default path against exact scores, for both ends.

    Exact: all stored rows are ranked, and the gradients of a shortlist made anew in fp32. A found example
    counts if its exact score reaches that of the true last one.
    """
    mode, searcher = score_mode(score), explainer.searcher
    drawn = sample_queries(explainer.checkpoints, explainer.folder, queries, seed=1)
    shares: dict[str, list[float]] = {"proponents": [], "opponents": []}
    for traced in track(drawn, "exact scores", len(drawn), progress):
        query = searcher.ask(traced, mode)
        found = searcher.top(query, mode, k)
        wide = searcher.top(query, mode, shortlist_size(k), scan=True)
        full = searcher.in_full(query, traced, mode)
        pool, _ = rescore(explainer, searcher, full, mode, wide, len(explainer.train))
        shares["proponents"].append(_found_share(found.proponents, pool.proponents, k))
        shares["opponents"].append(_found_share(found.opponents, pool.opponents, k))
    means = {end: float(np.mean(each or [1.0])) for end, each in shares.items()}
    return {**means, "k": k, "queries": len(drawn)}


def _found_share(found: Ranked, pool: Ranked, k: int) -> float:
    """Share of the first ``k`` of ``pool`` that were found; ties with the last of them count."""
    wanted = min(k, len(pool.positions))
    if not wanted:
        return 1.0
    scores = dict(zip(pool.positions.tolist(), np.abs(pool.scores).tolist(), strict=True))
    weakest = np.abs(pool.scores[wanted - 1]) * (1 - 1e-6)
    return min(sum(scores.get(each, 0.0) >= weakest for each in found.positions.tolist()) / wanted, 1.0)


def _measurable(searcher: Searcher) -> list[ScoreMode]:
    """The modes whose recall can be measured here: ``adam`` needs the state of the optimizer."""
    try:
        with_optimizer = len(searcher.optimizer) > 0
    except InputError:
        with_optimizer = False
    return [mode for mode in MODES.values() if with_optimizer or not mode.by_optimizer]


def _build(
    folder: Path,
    artifact: str,
    channels: Sequence[int | str],
    stored: StoredRows,
    moments: list[Moments],
    calibration: _Calibration,
    progress: Progress,
) -> IndexInfo:
    """Lists of as few dimensions as reach the wanted recall in every mode."""
    widths = sorted(
        {
            min(size, padded(stored.stores[0].width))
            for size in (INDEX_DIMENSIONS, 2 * INDEX_DIMENSIONS, 1 << 16)
        }
    )
    tried: list[dict[str, Any]] = []
    for dimensions in widths:
        index_build.build_lists(folder, stored.stores, moments, dimensions, progress)
        index = RowIndex.open(folder, moments, stored.stores)
        measured = calibration.measure(index)
        tried.append(
            {"dimensions": dimensions, "recall": {name: _lower(each[1]) for name, each in measured.items()}}
        )
        if min(tried[-1]["recall"].values()) >= TARGET_RECALL:
            break
    return IndexInfo(
        artifact=artifact,
        steps=channels,
        n_train=stored.stores[0].count,
        dimensions=index.dimensions,
        quantizer="SQ8",
        candidates={name: each[0] for name, each in measured.items()},
        recall={name: each[1] for name, each in measured.items()},
        tried=tried,
    )


def _lower(recall: dict[str, float]) -> float:
    return min(recall["proponents"], recall["opponents"])


class _Calibration:
    """Queries and their true rankings by a full scan of the stored rows, in every mode.

    Modes that change queries alike share their scans; a query's own norm changes no ranking.
    """

    def __init__(
        self,
        searcher: Searcher,
        queries: list[TracedExample],
        modes: list[ScoreMode],
        progress: Progress,
        k: int = 10,
    ) -> None:
        self._searcher, self._k = searcher, k
        self._kinds: dict[Hashable, list[ScoreMode]] = {}
        for mode in modes:
            self._kinds.setdefault(mode.kind, []).append(mode)
        self._asked: dict[Hashable, list[TracedExample]] = {}
        self._truths: dict[str, list[Ranking]] = {mode.name: [] for mode in modes}
        for kind, modes in track(self._kinds.items(), "full scans", len(self._kinds), progress):
            self._asked[kind] = [searcher.ask(query, modes[0]) for query in queries]
            for part in self._parts(self._asked[kind]):
                products = searcher.many_scores(part, release=True)
                for mode in modes:
                    self._truths[mode.name] += self._ranked(part, mode, products, k)

    def measure(self, index: RowIndex) -> dict[str, tuple[int, dict[str, float]]]:
        """How many candidates of each end each mode needs, and the recall that they reach."""
        found = {}
        for kind, modes in self._kinds.items():
            products = np.concatenate([index.scores(part) for part in self._parts(self._asked[kind])])
            for mode in modes:
                found[mode.name] = self._candidates(mode, self._asked[kind], products)
        return {name: found[name] for name in self._truths}

    def _candidates(
        self, mode: ScoreMode, asked: list[TracedExample], products: np.ndarray
    ) -> tuple[int, dict[str, float]]:
        width = FIRST_CANDIDATES
        while True:
            found = self._ranked(asked, mode, products, width)
            recall = mean_recall(found, self._truths[mode.name], self._k)
            if _lower(recall) >= TARGET_RECALL or width >= min(MOST_CANDIDATES, self._searcher.count):
                return width, recall
            width *= 2

    def _ranked(
        self, asked: list[TracedExample], mode: ScoreMode, products: np.ndarray, width: int
    ) -> list[Ranking]:
        multipliers = self._searcher.factors(mode)
        return [
            self._searcher.rerank(query, mode, self._k, each * multipliers, width)
            for query, each in zip(asked, products, strict=True)
        ]

    def _parts(self, queries: list[TracedExample]) -> list[list[TracedExample]]:
        """The queries in parts whose scores fit into memory together."""
        size = max(_SCORES_AT_ONCE // self._searcher.count, 1)
        return [queries[start : start + size] for start in range(0, len(queries), size)]
