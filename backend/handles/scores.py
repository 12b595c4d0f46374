"""`Workspace.scores`: a value for every training row, and the order in which to look at them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.errors import InputError
from backend.handles.handle import Handle
from backend.manifest import SplitName
from backend.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from backend.evaluation.noise_test import NoiseTest
    from backend.queue.queue import Queue, QueueFilter
    from backend.scores.label_noise import NoiseEstimate
    from backend.scores.settings import ScoreSettings
    from backend.scores.table import ScoreTable


class Scores(Handle):
    """Data-set-level scores and what is made of them.

    Examples
    --------
    >>> ws.scores.compute(["mean_loss"])
    []
    >>> "mean_loss" in ws.scores.table().names
    True
    """

    if not TYPE_CHECKING:

        def __call__(self) -> ScoreTable:
            """As `table`: once this was a method of the workspace."""
            return self.table()

    def compute(
        self,
        only: Sequence[str] = (),
        settings: ScoreSettings | None = None,
        progress: Progress = silent,
        *,
        everything: bool = False,
    ) -> list[str]:
        """Compute data-set-level scores that are missing or stale.

        Parameters
        ----------
        only
            Names of scores or producers; none: those that cost little.
        settings
            Encoder, folds, trusted rows, device; None: the defaults.
        progress
            Told how far it is.
        everything
            All that serve the task, whatever they cost.

        Returns
        -------
        list[str]
            A line for each that can't be had here.

        Raises
        ------
        InputError
            If there is no such score, or it does not serve this task.

        Examples
        --------
        >>> ws.scores.compute(["mean_loss"])
        []
        """
        from backend.scores.compute import compute_scores

        with self._folder.lock():
            return compute_scores(self._score_context(settings, progress), only, everything)

    def table(self) -> ScoreTable:
        """All current scores side by side.

        Returns
        -------
        ScoreTable
            ``table``: a line per training row, a float column per score; ``values(name)``: float (n,).

        Raises
        ------
        InputError
            If there are none.

        Examples
        --------
        >>> _ = ws.scores.compute(["mean_loss"])
        >>> ws.scores.table().values("mean_loss").shape
        (60,)
        """
        from backend.scores.table import read_scores

        return read_scores(self._folder)

    def queue(self, wanted: QueueFilter | None = None) -> Queue:
        """All training rows, the most suspicious first, with reasons.

        Parameters
        ----------
        wanted
            What to look for, and which rows; None: wrong labels, of rows not decided yet.

        Returns
        -------
        Queue
            Rank, id, label, suggested label, reasons.

        Raises
        ------
        InputError
            If there are no scores, or a name in ``wanted`` is unknown.

        Examples
        --------
        >>> _ = ws.scores.compute()
        >>> queue = ws.scores.queue()
        >>> first = next(iter(queue))
        >>> first.rank, len(queue)
        (1, 60)
        """
        from backend.queue.queue import QueueFilter, make_queue

        return make_queue(self.table(), self._split("train"), self._states(), wanted or QueueFilter())

    def send(self, tool: str, out: str | Path, wanted: QueueFilter | None = None) -> dict[str, Any]:
        """Write the queue for a tool in which people review rows, with how its project is set up beside it.

        Parameters
        ----------
        tool
            ``argilla``, ``label-studio``, or ``cleanlab``: all rows as its frame of label issues.
        out
            The file; it must not be there.
        wanted
            Which rows; None: all that have a reason. ``cleanlab`` takes no choice.

        Returns
        -------
        dict[str, Any]
            ``out`` and ``setup``: the paths; ``rows``: how many.

        Raises
        ------
        InputError
            For another tool, a file that is there, or rows that can't be asked about.

        Examples
        --------
        >>> _ = ws.scores.compute()
        >>> ws.scores.send("argilla", "queue.json")["rows"]
        60
        """
        from backend.data.targets.registry import space_of
        from backend.interchange.asked_rows import asked_rows
        from backend.interchange.send import check_target, setup_beside, write_label_issues, write_rows
        from backend.queue.queue import QueueFilter

        path, train = Path(out), self._split("train")
        check_target(path, tool)
        space = space_of(self._folder.manifest().task)
        if tool == "cleanlab":
            if wanted not in (None, QueueFilter()):
                raise InputError("--format cleanlab: holds all rows in their order; leave the filters out")
            rows = write_label_issues(self.table().table, train, space, path)
            return {"out": str(path), "setup": None, "rows": rows}
        asked = asked_rows(self.queue(wanted), train, space)
        rows = write_rows(asked, space, path, tool)  # type: ignore[arg-type]
        return {"out": str(path), "setup": str(setup_beside(path, tool)), "rows": rows}  # type: ignore[arg-type]

    def label_noise(self) -> NoiseEstimate | None:
        """How many labels are probably wrong.

        Returns
        -------
        NoiseEstimate | None
            How many, with an interval, by class, and which are taken for which; None before its score is
            computed.

        Raises
        ------
        InputError
            If its file is damaged.

        Examples
        --------
        >>> ws.scores.label_noise() is None
        True
        """
        from backend.scores.label_noise import current_estimate

        return current_estimate(self._folder)

    def noise_test(self) -> NoiseTest | None:
        """What the last noise self-test found (`firstword evaluate --protocol mislabel`).

        Returns
        -------
        NoiseTest | None
            How well each score found planted errors (AUROC, precision); None before the first.

        Raises
        ------
        InputError
            If its file is damaged.

        Examples
        --------
        >>> ws.scores.noise_test() is None
        True
        """
        from backend.evaluation.noise_test import read_noise_test

        return read_noise_test(self._folder)

    def row_table(self, split: SplitName = "train") -> pa.Table:
        """Every row of a split with what is known of it now, decisions aside.

        Parameters
        ----------
        split
            ``train`` or ``eval``.

        Returns
        -------
        pa.Table
            A line per row: id, texts, label, prediction and, of training rows, scores.

        Raises
        ------
        InputError
            If what it reads is damaged.

        Examples
        --------
        >>> ws.scores.row_table("eval").num_rows
        20
        """
        from backend.model.prediction_table import read_predictions
        from backend.queue.row_table import row_table
        from backend.scores.table import NoScores

        predictions = None
        if self._folder.state("predictions") == "current":
            step = self._folder.manifest().checkpoints[-1].step
            predictions = read_predictions(self._folder, split, step)
        try:
            scores = self.table() if split == "train" else None
        except NoScores:
            scores = None
        other = self._split("eval" if split == "train" else "train")
        return row_table(self._split(split), other, predictions, scores)

    def table_states(self) -> dict[str, str]:
        """Producers of scores whose table is there.

        Returns
        -------
        dict[str, str]
            By name: ``current`` or ``stale``.

        Examples
        --------
        >>> _ = ws.scores.compute(["mean_loss"])
        >>> set(ws.scores.table_states().values())
        {'current'}
        """
        if not any(self._folder.scores.glob("*.parquet")):
            return {}
        from backend.scores.registry import producers_for
        from backend.scores.table import score_state

        known = producers_for(self._folder.manifest().task.name)
        states = {name: score_state(self._folder, each) for name, each in known.items()}
        return {name: state for name, state in states.items() if state != "missing"}

    def not_loaded(self) -> list[str]:
        """Which tables of scores came from an extension that is not loaded.

        Returns
        -------
        list[str]
            A line for each: which, and what to do about it.

        Raises
        ------
        InputError
            If an extension that is named is at fault.

        Examples
        --------
        >>> ws.scores.not_loaded()
        []
        """
        from backend.scores.table import lines_of_not_loaded

        return lines_of_not_loaded(self._folder)
