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
    """What no value of one row says.

    Examples
    --------
    >>> ws.audit.row_words("r3").id
    'r3'
    """

    def compute_sources(
        self, settings: ScoreSettings | None = None, *, eta: float = 1.0, progress: Progress = silent
    ) -> None:
        """Audit groups (or classes) of training rows against the rows that are trusted.

        Parameters
        ----------
        settings
            Which rows are trusted, device; None: the eval rows.
        eta
            The size of the step whose weights are given.
        progress
            Told how far it is.

        Raises
        ------
        InputError
            If no rows are trusted, or the index is missing or stale.

        Examples
        --------
        >>> ws.audit.compute_sources()
        >>> ws.audit.sources().table.num_rows > 0
        True
        """
        with self._folder.lock():
            from backend.audit.sources import compute_sources

            compute_sources(self._score_context(settings, progress), eta)

    def source_influence(
        self, question: Question | None = None, *, score: str = DEFAULT_SCORE, device: str = "auto"
    ) -> list[SourceInfluence]:
        """Influence of groups (or classes) of training rows on a question.

        Parameters
        ----------
        question
            As `Answers.explain` makes it; None: all eval rows.
        score
            A score mode.
        device
            ``cpu``, ``cuda`` or ``auto``.

        Returns
        -------
        list[SourceInfluence]
            Rows, total, mean and standard error of each group; of a language model side by side.

        Raises
        ------
        InputError
            If the question makes no sense, or what it needs is missing or stale.

        Examples
        --------
        >>> from firstword.settings import Question
        >>> found = ws.audit.source_influence(Question(text="a gorgeous film"))
        >>> sorted(each.source for each in found)
        ['bad', 'good']
        """
        from backend.audit.source_influence import source_influence

        return source_influence(self._explainer(device), question, score)

    def sources(self) -> Sources:
        """What `compute_sources` found.

        Returns
        -------
        Sources
            ``table``: a line per group; ``cosines``: between the gradients of groups, -1 to 1.

        Raises
        ------
        InputError
            If it is missing, stale or damaged.

        Examples
        --------
        >>> ws.audit.compute_sources()
        >>> ws.audit.sources().cosines.num_rows > 0
        True
        """
        from backend.audit.sources import read_sources

        return read_sources(self._folder)

    def compute_run_rows(self, progress: Progress = silent) -> RunRows:
        """What the attached run made of the training rows: cut, packed, without a loss, seen how often.

        Parameters
        ----------
        progress
            Told how far it is.

        Returns
        -------
        RunRows
            A fate per row, the run's settings, and notes.

        Raises
        ------
        InputError
            If there is no run, or it says too little.

        Examples
        --------
        >>> found = attached.audit.compute_run_rows()
        >>> len(found.rows)
        48
        """
        self._folder.require("checkpoints", "attach")
        with self._folder.lock():
            from backend.run_rows.workspace_rows import compute_run_rows

            return compute_run_rows(self._folder, progress)

    def run_rows(self) -> pa.Table:
        """What `compute_run_rows` found.

        Returns
        -------
        pa.Table
            A line per training row (columns: `backend.run_rows.fates.SCHEMA`).

        Raises
        ------
        InputError
            If it is missing, stale or damaged.

        Examples
        --------
        >>> _ = attached.audit.compute_run_rows()
        >>> attached.audit.run_rows().num_rows
        48
        """
        from backend.run_rows.stored import read_run_rows

        return read_run_rows(self._folder)

    def compute_words(
        self, *, score: str = DEFAULT_SCORE, device: str = "auto", progress: Progress = silent
    ) -> None:
        """Which words carry influence on eval errors, and in which training rows.

        Parameters
        ----------
        score
            A score mode whose scores split over words.
        device
            ``cpu``, ``cuda`` or ``auto``.
        progress
            Told how far it is.

        Raises
        ------
        InputError
            If the score does not split over words, or the index is missing or stale.

        Examples
        --------
        >>> chats.audit.compute_words()
        >>> chats.audit.words().num_rows > 0
        True
        """
        with self._folder.lock():
            explainer = self._explainer(device)
            from backend.audit.words import compute_words

            compute_words(explainer, score, progress)

    def words(self) -> pa.Table:
        """What `compute_words` found.

        Returns
        -------
        pa.Table
            A line per token, most harmful first.

        Raises
        ------
        InputError
            If it is missing, stale or damaged.

        Examples
        --------
        >>> chats.audit.compute_words()
        >>> {"token", "token_id", "side"} <= set(chats.audit.words().column_names)
        True
        """
        from backend.audit.words import read_words

        return read_words(self._folder)

    def rows_with_token(self, token_id: int, side: str | None = None) -> list[str]:
        """The training rows that have a token.

        Parameters
        ----------
        token_id
            As in `words`.
        side
            As in `words`; None: any.

        Returns
        -------
        list[str]
            Their ids, in the order of the rows.

        Raises
        ------
        InputError
            If rows are missing or stale.

        Examples
        --------
        >>> chats.audit.compute_words()
        >>> place = chats.audit.words().to_pylist()[0]
        >>> len(chats.audit.rows_with_token(place["token_id"], place["side"])) > 0
        True
        """
        from backend.audit.words import rows_with_token

        ids = self._split("train").ids
        return [ids[place] for place in rows_with_token(self._folder, token_id, side).tolist()]

    def word_place(self, row: str, token_id: int, side: str, *, device: str = "auto") -> WordPlace | None:
        """Where a token of `words` first stands in a conversation.

        Parameters
        ----------
        row
            Id of the training row.
        token_id
            As in `words`.
        side
            As in `words`: ``read`` or ``written``.
        device
            ``cpu``, ``cuda`` or ``auto``.

        Returns
        -------
        WordPlace | None
            Turn, role, text and characters; None for a token of the template.

        Raises
        ------
        InputError
            If there is no such row, or rows are no conversations.

        Examples
        --------
        >>> chats.audit.compute_words()
        >>> chats.audit.word_place("wrong", 10**6, "read") is None
        True
        """
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
        """A training row's influence on the misclassified eval rows, word by word; of a language model on
        those it says
        worst.

        Parameters
        ----------
        row
            Its id.
        score
            A score mode whose scores split over words.
        device
            ``cpu``, ``cuda`` or ``auto``.
        sides
            Of a language model: which words count (read, written, the template's).

        Returns
        -------
        RowWords
            Its score, and what every token and word carries of it.

        Raises
        ------
        InputError
            If there is no such row, or the index is missing or stale.

        Examples
        --------
        >>> found = chats.audit.row_words("wrong")
        >>> found.id, len(found.words) > 3
        ('wrong', True)
        """
        from backend.audit.row_words import DEFAULT_SIDES, words_of_row

        return words_of_row(self._explainer(device), row, score, sides or DEFAULT_SIDES)

    def row_alignment(
        self, row: str, settings: ScoreSettings | None = None, sides: Sides | None = None
    ) -> RowWords:
        """A training row's alignment with the trusted rows at the word embeddings, word by word.

        Parameters
        ----------
        row
            Its id.
        settings
            Which rows are trusted, device; None: the eval rows.
        sides
            Of a language model: which words count.

        Returns
        -------
        RowWords
            Its alignment, and what every token and word carries of it.

        Raises
        ------
        InputError
            If there is no such row, or the index is missing or stale.

        Examples
        --------
        >>> ws.audit.row_alignment("r3").id
        'r3'
        """
        from backend.audit.row_words import DEFAULT_SIDES, aligned_words_of_row

        return aligned_words_of_row(self._score_context(settings), row, sides or DEFAULT_SIDES)

    def row_vog(self, row: str, *, device: str = "auto") -> TokenVog:
        """Variance of gradients of every token of a training row.

        Parameters
        ----------
        row
            Its id.
        device
            ``cpu``, ``cuda`` or ``auto``.

        Returns
        -------
        TokenVog
            ``tokens`` and ``values`` (float (tokens,)); ``whole``: of the row.

        Raises
        ------
        InputError
            If there is no such row, or the index is missing or stale.

        Examples
        --------
        >>> found = ws.audit.row_vog("r3")
        >>> found.values.shape == (len(found.tokens),)
        True
        """
        from backend.scores.vog import token_vog

        split = self._split("train")
        return token_vog(self._explainer(device), split.take([split.position(row)]))
