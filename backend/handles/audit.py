"""`Workspace.audit`: words as culprits, sources that pull against each other, what a run made of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.handles.handle import Handle
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from backend.audit.row_words import RowWords, Sides
    from backend.audit.source_influence import SourceInfluence
    from backend.audit.sources import Sources
    from backend.audit.word_places import WordPlace
    from backend.influence.answers.question import Question
    from backend.run_rows.fates import RunRows
    from backend.scores.settings import ScoreSettings
    from backend.scores.vog import TokenVog


class Audit(Handle):
    """What no value of one row says."""

    def compute_sources(
        self, settings: ScoreSettings | None = None, *, eta: float = 1.0, progress: Progress = silent
    ) -> None:
        """Audit groups (or classes) of training rows against the clean set (see `backend.audit.sources`).

        ``eta`` is the size of the step whose weights are given.
        """
        with self._folder.lock():
            from backend.audit.sources import compute_sources

            compute_sources(self._score_context(settings, progress), eta)

    def source_influence(
        self, question: Question | None = None, *, score: str = DEFAULT_SCORE, device: str = "auto"
    ) -> list[SourceInfluence]:
        """Influence of groups (or classes) of training rows on a question, None: on all eval rows; of a
        language model side by side (see `backend.audit.source_influence`)."""
        from backend.audit.source_influence import source_influence

        return source_influence(self._explainer(device), question, score)

    def sources(self) -> Sources:
        """What `compute_sources` found; `InputError` if it is missing, stale or damaged."""
        from backend.audit.sources import read_sources

        return read_sources(self._folder)

    def compute_run_rows(self, progress: Progress = silent) -> RunRows:
        """What the attached run made of the training rows (see `backend.run_rows.workspace_rows`)."""
        self._folder.require("checkpoints", "attach")
        with self._folder.lock():
            from backend.run_rows.workspace_rows import compute_run_rows

            return compute_run_rows(self._folder, progress)

    def run_rows(self) -> pa.Table:
        """What `compute_run_rows` found (columns: `backend.run_rows.fates.SCHEMA`), a line a training row.

        `InputError` if it is missing, stale or damaged.
        """
        from backend.run_rows.stored import read_run_rows

        return read_run_rows(self._folder)

    def compute_words(
        self, *, score: str = DEFAULT_SCORE, device: str = "auto", progress: Progress = silent
    ) -> None:
        """Which words carry influence on eval errors, and in which training rows (`backend.audit.words`)."""
        with self._folder.lock():
            explainer = self._explainer(device)
            from backend.audit.words import compute_words

            compute_words(explainer, score, progress)

    def words(self) -> pa.Table:
        """What `compute_words` found, most harmful first; `InputError` if missing, stale or damaged."""
        from backend.audit.words import read_words

        return read_words(self._folder)

    def rows_with_token(self, token_id: int, side: str | None = None) -> list[str]:
        """Ids of the training rows that have a token (`words`: token_id, side), in the order of the rows."""
        from backend.audit.words import rows_with_token

        ids = self._split("train").ids
        return [ids[place] for place in rows_with_token(self._folder, token_id, side).tolist()]

    def word_place(self, row: str, token_id: int, side: str, *, device: str = "auto") -> WordPlace | None:
        """Where a token of `words` first stands in a conversation; None for a token of the template."""
        from backend.audit.word_places import word_place

        return word_place(self._explainer(device), row, token_id, side)

    def row_words(
        self,
        row: str,
        *,
        score: str = DEFAULT_SCORE,
        device: str = "auto",
        sides: Sides | None = None,
    ) -> RowWords:
        """A training row's influence on the misclassified eval rows, word by word; of a language model on the
        eval rows that it says worst."""
        from backend.audit.row_words import DEFAULT_SIDES, words_of_row

        return words_of_row(self._explainer(device), row, score, sides or DEFAULT_SIDES)

    def row_alignment(
        self, row: str, settings: ScoreSettings | None = None, sides: Sides | None = None
    ) -> RowWords:
        """A training row's alignment with the clean set at the word embeddings, word by word."""
        from backend.audit.row_words import DEFAULT_SIDES, aligned_words_of_row

        return aligned_words_of_row(self._score_context(settings), row, sides or DEFAULT_SIDES)

    def row_vog(self, row: str, *, device: str = "auto") -> TokenVog:
        """Variance of gradients of every token of a training row."""
        from backend.scores.vog import token_vog

        split = self._split("train")
        return token_vog(self._explainer(device), split.take([split.position(row)]))
