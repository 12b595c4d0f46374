"""Firstword as a contender of `benchmarks.peers`: precompute, then ask."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np

from backend.data.examples import Examples
from backend.influence.answers.calibration import build_index
from backend.influence.answers.explain import Explainer
from backend.influence.gradients.settings import TraceSettings
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import score_mode
from backend.influence.rowstore.precompute import compute_rows
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.workspace import Workspace
from benchmarks.peers_data import Job, folder_bytes
from benchmarks.peers_tasks import peak_mb

# Rows as they were computed, so that the scores can be compared with the peers' to the last digits.
SETTINGS = PrecomputeSettings(device="cpu", precision="fp32", attention="eager", row_store="full")
_MODE = score_mode("dot")
_K = 10


class Firstword:
    """Rows and index are made in a fresh copy of the workspace by `reset` and `first`, then asked."""

    keeps = True
    one_by_one = True

    def __init__(self, job: Job, scratch: Path) -> None:
        self._job, self._home = job, scratch / "workspace"
        self._explainer: Explainer | None = None
        self.aside: dict[str, float] = {}
        self.stages_mb: dict[str, float] = {}

    def forget(self) -> None:
        """Delete what was computed."""
        self._explainer = None
        shutil.rmtree(self._home, ignore_errors=True)

    def reset(self) -> None:
        """A workspace with checkpoints and nothing computed."""
        self.forget()
        if self._job.workspace is None:
            raise ValueError(f"no workspace with {self._job.size} examples was prepared")
        shutil.copytree(self._job.workspace, self._home)

    def first(self, count: int) -> np.ndarray:
        """Rows, index (its time is put aside) and the scores of the first queries by a full scan."""
        workspace = Workspace.open(self._home)
        with workspace.folder.lock():
            compute_rows(workspace.folder, SETTINGS)
            self.stages_mb.setdefault("rows", peak_mb())
            start = time.perf_counter()
            build_index(workspace.folder, TraceSettings(SETTINGS.device))
            self.aside = {"index": time.perf_counter() - start}
            self.stages_mb.setdefault("index", peak_mb())
        self._explainer = workspace.explainer(SETTINGS.device)
        searcher = self._explainer.searcher
        traced = [self._traced(position) for position in range(count)]
        return np.stack([searcher.scores(searcher.ask(each, _MODE), _MODE) for each in traced])

    def further(self, positions: range) -> None:
        """The most helpful and harmful examples of each query, one by one, as `explain` finds them."""
        for position in positions:
            searcher = self._opened.searcher
            searcher.top(searcher.ask(self._traced(position), _MODE), _MODE, _K)

    def disk(self) -> dict[str, int]:
        """Bytes of the rows and of the index."""
        return {name: folder_bytes(self._home / name) for name in ("rows", "index")}

    @property
    def _opened(self) -> Explainer:
        if self._explainer is None:
            raise RuntimeError("`first` comes before `further`")
        return self._explainer

    def _traced(self, position: int) -> TracedExample:
        checkpoints = self._opened.checkpoints
        encoded = checkpoints.encode(Examples.one(self._job.query_texts[position]))
        return checkpoints.trace(encoded, [self._job.query_labels[position]])[0]
