"""What every part of the facade is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from backend.data.dataset import Split
from backend.data.rowstate import RowState
from backend.folder import Folder
from backend.manifest import SplitName
from backend.progress import Progress, silent
from backend.review.ledger import Ledger

# torch and transformers are imported where they are needed: a decision must not wait for them.
if TYPE_CHECKING:
    from backend.influence.answers.explain import Explainer
    from backend.scores.context import Context
    from backend.scores.settings import ScoreSettings


class Handle:
    """A part of the facade: ``folder``, and how splits and loaded models are had (by device)."""

    def __init__(
        self,
        folder: Folder,
        split: Callable[[SplitName], Split],
        explainer: Callable[[str], Explainer],
    ) -> None:
        self._folder, self._split, self._explainer = folder, split, explainer

    def _states(self) -> dict[str, RowState]:
        """The decided state of every row that has one."""
        return Ledger(self._folder.review).states()

    def _score_context(self, settings: ScoreSettings | None, progress: Progress = silent) -> Context:
        from backend.scores.context import Context
        from backend.scores.settings import ScoreSettings

        chosen = settings or ScoreSettings()
        return Context(self._folder, chosen, lambda: self._explainer(chosen.device), progress)
