"""What the processes of `benchmarks.language_peers` tell each other: the rows, the turns, what each takes.

Nothing is imported that an environment may lack.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

IGNORED = -100
Matrix = list[list[float]]


@dataclass(frozen=True)
class Job:
    """Rows as tokens, the longest last, for a causal language model.

    ``model``: its folder. ``ids``, ``labels``: of n rows; a label is the token itself where it is learnt,
    else `IGNORED`. ``workspace``: a Firstword workspace with the same rows, or "".
    """

    model: str
    attention: str
    padding: int
    ids: list[list[int]]
    labels: list[list[int]]
    workspace: str = ""

    @property
    def tokens(self) -> int:
        """All tokens of the rows."""
        return sum(map(len, self.ids))

    @property
    def learnt(self) -> int:
        """Tokens in the loss; the first of a row never is."""
        return sum(label != IGNORED for row in self.labels for label in row[1:])

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Job:
        """What `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


class Contender(Protocol):
    """One way to gradients of all rows of a job; the model is loaded when it is made."""

    def open(self, job: Job) -> None:
        """All that is done once and not timed."""

    def run(self) -> None:
        """The pass that is timed: from tokens to what is kept."""

    def clear(self) -> None:
        """Delete what `run` wrote."""

    def kept(self) -> int:
        """Bytes that `run` left on the disk."""


def folder_bytes(folder: Path) -> int:
    """Bytes of the files in a folder, at any depth."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def peak_gib() -> float:
    """Largest resident size of this process so far (Linux counts in KiB, macOS in bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def by_row(count: int, batch_size: int) -> list[list[int]]:
    """Positions of rows, batch by batch."""
    return [list(range(start, min(start + batch_size, count))) for start in range(0, count, batch_size)]
