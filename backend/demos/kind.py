"""What tells one demo from another: its rows and model, what is decided in it, and how that is tried."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from backend.progress import Progress
from backend.tasks.heads import TaskName
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.model.training_settings import TrainingSettings
    from backend.trials.run import RetrainSettings

Decision = TypeVar("Decision")
REVIEWER = "Ada (demo)"
"""In whose name a demo decides: nobody has read those rows, and every reason says so."""


class Demo(ABC, Generic[Decision]):
    """A demo workspace.

    ``path``: where it goes. ``costs``: said before it is built. ``frozen``: how many rows are decided about
    before its first version; ``version``: what that is called.
    """

    task: TaskName
    path: Path
    costs: str
    frozen: int
    version: str

    @abstractmethod
    def create(self, path: Path, progress: Progress) -> Workspace:
        """A workspace of its rows, without a model."""

    @abstractmethod
    def is_in(self, workspace: Workspace) -> bool:
        """Whether its rows are those of a workspace."""

    @abstractmethod
    def training(self) -> TrainingSettings:
        """How its model is trained."""

    @property
    @abstractmethod
    def decides(self) -> str:
        """What will be decided and tried, in words."""

    @abstractmethod
    def undecided(self, workspace: Workspace) -> Sequence[Decision]:
        """What is still to be decided, in order, where only `REVIEWER` has decided."""

    @abstractmethod
    def decide(self, workspace: Workspace, decision: Decision) -> None:
        """Decide that, in the name of `REVIEWER`."""

    @abstractmethod
    def trial(self, workspace: Workspace) -> RetrainSettings:
        """A small trial of the decisions."""
