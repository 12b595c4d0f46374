"""What questions are answered with: models, rows, index and splits of one workspace, loaded once and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from backend.data.dataset import Split, SplitName, load_split
from backend.folder import Folder
from backend.influence.loading import open_searcher
from backend.influence.settings import TraceSettings
from backend.influence.tracing import Checkpoints
from backend.model.fingerprint import require_unchanged
from backend.progress import Progress, silent

T = TypeVar("T")


class Engine:
    """The loaded parts of a workspace. ``keep`` holds what attribution methods need beside them."""

    def __init__(self, folder: Folder, settings: TraceSettings | None = None) -> None:
        """`InputError` if the workspace has not been precomputed or its artifacts are stale or damaged."""
        self.folder = folder
        self.index_artifact = folder.require("index", "precompute")
        require_unchanged(folder)
        self.settings = settings or TraceSettings()
        self.checkpoints = Checkpoints(folder, self.settings)
        self.searcher, self.index_info = open_searcher(
            folder, self.checkpoints.vocabulary, self.checkpoints.width, self.settings.torch_device
        )
        self.progress: Progress = silent
        self._kept: dict[str, object] = {}
        self._lock = threading.RLock()

    @cached_property
    def splits(self) -> dict[SplitName, Split]:
        """Both splits."""
        return {"train": load_split(self.folder, "train"), "eval": load_split(self.folder, "eval")}

    @property
    def train(self) -> Split:
        """The training rows."""
        return self.splits["train"]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in model order."""
        return self.checkpoints.manifest.classes

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` returns, made by the first who asks for ``name``."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            return self._kept[name]  # type: ignore[return-value]
