"""What the processes of `benchmarks.peers` tell each other.

No library is imported: the parent must stay small, since a child's peak memory includes its parent's.
"""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """What to prepare in ``home``. ``sizes`` get a job; ``workspaces`` (some of them) a workspace too."""

    home: str
    sizes: list[int]
    workspaces: list[int]
    queries: int
    layers: int
    checkpoints: int
    fine_tune_rows: int


@dataclass(frozen=True)
class Task:
    """What a worker is to measure.

    ``counts``, ``further_counts``: queries in one call, ascending. ``seconds``: no repeat of a figure starts
    later than this. ``asked``: how many further queries are asked one by one.
    """

    name: str
    job: str
    scratch: str
    out: str
    batch_size: int
    counts: list[int]
    further_counts: list[int]
    repeats: int
    seconds: float
    asked: int


def job_path(home: Path, size: int) -> Path:
    """Where the job with ``size`` training examples lies."""
    return home / f"job-{size}.json"


def peak_mb() -> float:
    """Largest resident size of this process so far, MB (Linux counts in KiB, macOS in bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
