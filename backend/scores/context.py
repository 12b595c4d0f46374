"""What producers read: the workspace's splits, labels, models and rows, each loaded when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from backend.data.conversation import Conversation
from backend.data.dataset import Split, load_split
from backend.data.shards import target_numbers
from backend.data.targets.registry import space_of
from backend.data.targets.space import Space
from backend.folder import Folder
from backend.manifest import Manifest
from backend.model.devices import resolve_device
from backend.model.embeddings import Encoder, stored_embeddings
from backend.progress import Progress, silent
from backend.scores.settings import ScoreSettings
from backend.tasks.registry import task_named
from backend.tasks.task import Task

if TYPE_CHECKING:
    from backend.influence.answers.explain import Explainer

T = TypeVar("T")


class Context:
    """One run over one workspace. ``explainer`` gives the loaded models, rows and index."""

    def __init__(
        self,
        folder: Folder,
        settings: ScoreSettings,
        explainer: Callable[[], Explainer],
        progress: Progress = silent,
    ) -> None:
        self.folder, self.settings, self.progress = folder, settings, progress
        self.manifest: Manifest = folder.manifest()
        self._explainer = explainer
        self._kept: dict[str, object] = {}

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` returned when ``name`` was first asked for."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]  # type: ignore[return-value]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in model order."""
        return self.manifest.classes

    @cached_property
    def train(self) -> Split:
        """The training rows."""
        return load_split(self.folder, "train")

    @cached_property
    def evaluation(self) -> Split:
        """The held-out rows."""
        return load_split(self.folder, "eval")

    @property
    def task(self) -> Task:
        """What is learnt."""
        return task_named(self.manifest.task.name)

    @property
    def space(self) -> Space:
        """What targets can be."""
        return space_of(self.manifest.task)

    @cached_property
    def targets(self) -> np.ndarray:
        """The target of every training row as losses take it: (n, ...)."""
        return target_numbers(self.folder, "train")

    @property
    def labels(self) -> np.ndarray:
        """Class of every training row as its place in ``classes``: int64 (n). Of classification only."""
        if self.manifest.task.name != "classification":
            raise TypeError(f"rows of task {self.manifest.task.name} have no class")
        return self.targets

    @cached_property
    def conversations(self) -> list[Conversation]:
        """The training rows of a language model."""
        examples = self.train.examples
        return [Conversation.of(*each) for each in zip(examples.fields[0], examples.targets, strict=True)]

    @cached_property
    def strata(self) -> np.ndarray:
        """What rows of a kind have in common, such as their class: int64 (n)."""
        return self.space.strata(self.train.labels)

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder of sentence embeddings."""
        return Encoder(self.settings.encoder, resolve_device(self.settings.device))

    @cached_property
    def embeddings(self) -> np.ndarray:
        """Sentence embeddings of the training rows: float32 (n, e)."""
        return stored_embeddings(self.folder, "train", self.encoder, self.progress)

    @property
    def explainer(self) -> Explainer:
        """Models, rows and index; needs the artifact ``index``."""
        return self._explainer()
