"""One contender of `benchmarks.peers` in a process of its own: times, peak memory, scores.

Every finished figure is written at once, so that what a killed process had measured is not lost.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.peers_data import Job, prepare
from benchmarks.peers_tasks import Plan, Task, job_path, peak_mb

PACKAGES = ("torch", "transformers", "faiss-cpu", "captum", "dattri", "dattri-llm", "numpy")


class Contender(Protocol):
    """What is measured.

    ``keeps``: `further` answers queries from what `first` left; else each query costs a new `first`.
    ``one_by_one``: several queries in one call are no faster. ``aside``: seconds of the last `first`
    that are reported apart.
    """

    keeps: bool
    one_by_one: bool
    aside: dict[str, float]

    def reset(self) -> None:
        """Forget everything; not timed."""

    def first(self, count: int) -> np.ndarray:
        """From the model on disk to the scores of the first queries: float64 (count, n)."""

    def disk(self) -> dict[str, int]:
        """Bytes that are kept, by kind."""


@dataclass
class Record:
    """The worker's findings, on disk after every `write`."""

    path: Path
    found: dict[str, Any] = field(default_factory=dict)

    def write(self, **more: Any) -> None:
        """Add figures."""
        self.found |= more
        whole = self.path.with_suffix(".tmp")
        whole.write_text(json.dumps(self.found), encoding="utf-8")
        whole.replace(self.path)


def main(name: str, argument: str) -> None:
    """Do the work ``name`` with its arguments as JSON: ``prepare``, ``baseline``, or measure a contender."""
    values = json.loads(argument)
    if name == "prepare":
        plan = Plan(**values)
        prepare(plan)
        _compile_kernels(plan)
    elif name == "baseline":
        _baseline(values["job"], values["out"])
    else:
        _measure(Task(**values))


def _compile_kernels(plan: Plan) -> None:
    """Have numba compile Firstword's loops, once per machine: it keeps them on disk."""
    from benchmarks.peers_firstword import Firstword

    ours = Firstword(Job.read(job_path(Path(plan.home), min(plan.workspaces))), Path(plan.home))
    ours.reset()
    ours.first(1)
    ours.further(range(1))
    ours.forget()


def _baseline(job: str, out: str) -> None:
    """Memory of a process that has imported the libraries and loaded the model, and what it runs on."""
    import torch

    from benchmarks.peers_libraries import load_model

    load_model(Job.read(Path(job)))
    Record(Path(out)).write(rss_mb=peak_mb(), threads=torch.get_num_threads(), versions=_versions())


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _contender(task: Task) -> Contender:
    """The contender with its libraries loaded."""
    job, scratch = Job.read(Path(task.job)), Path(task.scratch)
    if task.name == "firstword":
        from benchmarks.peers_firstword import Firstword

        return Firstword(job, scratch)
    if task.name.startswith("dattri-llm"):
        from benchmarks import peers_dattri_llm as library

        streams: dict[str, type[library.DattriLlm]] = {
            "dattri-llm": library.DattriLlm,
            "dattri-llm-store": library.DattriLlmStore,
            "dattri-llm-sparse": library.DattriLlmSparse,
            "dattri-llm-store-sparse": library.DattriLlmStoreSparse,
        }
        return streams[task.name](job, scratch, task.batch_size)
    from benchmarks.peers_libraries import Captum, CaptumCached, Dattri

    kinds: dict[str, type[Captum] | type[Dattri]] = {
        "captum": Captum,
        "captum-cached": CaptumCached,
        "dattri": Dattri,
    }
    return kinds[task.name](job, scratch, task.batch_size)


def _measure(task: Task) -> None:
    record = Record(Path(task.out))
    contender = _contender(task)
    record.write(keeps=contender.keeps, one_by_one=contender.one_by_one, loaded_mb=peak_mb())
    first: dict[str, list[float]] = {}
    aside: dict[str, dict[str, list[float]]] = {}
    peaks: dict[str, float] = {}
    for count in task.counts:
        key = str(count)
        first[key], aside[key] = [], {}
        for _ in _repeats(task, first[key]):
            contender.reset()
            scores, seconds = _timed(partial(contender.first, count))
            first[key].append(seconds - sum(contender.aside.values()))
            for name, part in contender.aside.items():
                aside[key].setdefault(name, []).append(part)
            peaks[key] = peak_mb()
            _save(scores, Path(task.out).with_suffix(".npz"))
            record.write(first=first, aside=aside, rss_mb=peaks, disk=contender.disk())
            record.write(stages_mb=getattr(contender, "stages_mb", {}))
    if contender.keeps:
        _measure_further(task, contender, record)


def _save(scores: np.ndarray, path: Path) -> None:
    whole = path.with_suffix(".part.npz")
    np.savez(whole, scores=scores)
    whole.replace(path)


def _measure_further(task: Task, contender: Any, record: Record) -> None:
    """Queries one by one (each another one), then several in one call."""
    counts = [1] if contender.one_by_one else task.further_counts
    contender.further(range(1))  # the first query of a process may load models
    further: dict[str, list[float]] = {}
    started = time.perf_counter()
    for count in counts:
        key = str(count)
        further[key] = []
        if count == 1:
            for position in range(task.asked):
                if position and time.perf_counter() - started > task.seconds:
                    break
                further[key].append(_timed(partial(contender.further, range(position, position + 1)))[1])
        else:
            for _ in _repeats(task, further[key]):
                further[key].append(_timed(partial(contender.further, range(count)))[1])
        record.write(further=further, further_rss_mb=peak_mb())


def _repeats(task: Task, done: list[float]) -> Any:
    """Yield until a figure has been measured often enough, or long enough."""
    started = time.perf_counter()
    while len(done) < task.repeats and (not done or time.perf_counter() - started < task.seconds):
        yield


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start
