"""What questions are answered with: models, rows, index and splits of one workspace, loaded once and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from backend.data.dataset import Split, SplitName, load_split
from backend.data.targets.space import Space
from backend.folder import Folder
from backend.influence.answers.opening import open_searcher
from backend.influence.answers.recent import Recent
from backend.influence.gradients.settings import TraceSettings
from backend.influence.gradients.tracing import Checkpoints
from backend.model.fingerprint import require_unchanged
from backend.model.prediction_table import Predictions, read_predictions
from backend.tasks.registry import task_named
from backend.tasks.task import Task

T = TypeVar("T")


@dataclass
class _Kept:
    """Something that is made once, and the lock of whoever makes it."""

    value: object = None
    made: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)


_RECENT = 6  # results about questions; of a million rows one takes 9 MB,
_RECENT_BYTES = 256 << 20  # and the gradients of a long conversation at many checkpoints hundreds


class Engine:
    """The loaded parts of a workspace. ``keep`` holds what attribution methods need beside them."""

    def __init__(
        self,
        folder: Folder,
        settings: TraceSettings | None = None,
        splits: dict[SplitName, Split] | None = None,
    ) -> None:
        """``splits``: both, where they are loaded already.

        Raises `InputError` if the workspace has not been precomputed or its artifacts are stale or damaged.
        """
        self.folder = folder
        self.index_artifact = folder.require("index", "precompute")
        require_unchanged(folder)
        self.settings = settings or TraceSettings()
        self.checkpoints = Checkpoints(folder, self.settings)
        self.searcher, self.index_info = open_searcher(
            folder, self.checkpoints.vocabulary, self.checkpoints.width, self.settings.torch_device
        )
        self.splits: dict[SplitName, Split] = splits or {
            "train": load_split(folder, "train"),
            "eval": load_split(folder, "eval"),
        }
        self._kept: dict[str, _Kept] = {}
        self.recent = Recent(_RECENT, _RECENT_BYTES)
        self._lock = threading.Lock()

    @property
    def train(self) -> Split:
        """The training rows."""
        return self.splits["train"]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in model order."""
        return self.checkpoints.manifest.classes

    def predictions(self, split: SplitName) -> Predictions:
        """What the last checkpoint says of every row, as it is stored: the one notion of a right answer."""
        last = self.checkpoints.manifest.checkpoints[-1].step
        return self.keep(f"predictions {split}", lambda: read_predictions(self.folder, split, last))

    @property
    def task(self) -> Task:
        """What is learnt."""
        return task_named(self.checkpoints.manifest.task.name)

    @property
    def space(self) -> Space:
        """What its targets can be."""
        return self.checkpoints.space

    def numbers(self, split: SplitName) -> np.ndarray:
        """The targets of a split as losses take them: (n, ...)."""
        return self.keep(f"numbers {split}", lambda: self.space.numbers(self.splits[split].labels))

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` returns, made by the first who asks for ``name``; others wait for that one only."""
        with self._lock:
            kept = self._kept.setdefault(name, _Kept())
        with kept.lock:
            if not kept.made:
                kept.value, kept.made = make(), True
            return kept.value  # type: ignore[return-value]
