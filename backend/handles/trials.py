"""`Workspace.trials`: what decisions should do, and what retraining shows that they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backend.errors import InputError
from backend.handles.handle import Handle
from backend.progress import Progress, silent

if TYPE_CHECKING:
    from backend.trials.cost import TrialCost
    from backend.trials.question import Asked
    from backend.trials.run import RetrainSettings


class Trials(Handle):
    """Forecasts, retraining beside controls, and the reports of it.

    Examples
    --------
    >>> ws.trials.reports()
    []
    """

    def run(self, settings: RetrainSettings | None = None, progress: Progress = silent) -> dict[str, Any]:
        """Train on the decisions, or by a strategy, beside controls.

        Parameters
        ----------
        settings
            Strategy, seeds, epochs, questions, device; None: the decisions, three seeds.
        progress
            Told how far it is.

        Returns
        -------
        dict[str, Any]
            The report: ``arms`` with the figures of every seed, comparisons with their 95 % intervals, a
            verdict.

        Raises
        ------
        InputError
            If nothing was decided, or a setting is unknown.

        Examples
        --------
        >>> from firstword.settings import RetrainSettings
        >>> ws.review.remove("r3", "r11")
        1
        >>> report = ws.trials.run(RetrainSettings(seeds=1, epochs=1))
        >>> len(report["arms"]) > 1, len(ws.trials.reports())
        (True, 1)
        """
        from backend.trials.run import RetrainSettings, retrain

        chosen = settings or RetrainSettings()
        return retrain(self._folder, self._states(), chosen, lambda: self._explainer(chosen.device), progress)

    def check_asked(self, asked: Sequence[Asked], answers: int | None = None) -> None:
        """Check that questions can be asked of every model of a trial; loads a tokenizer at most.

        Parameters
        ----------
        asked
            The questions.
        answers
            How many eval rows language models answer.

        Raises
        ------
        InputError
            If one can't.

        Examples
        --------
        >>> from firstword.settings import Asked
        >>> ws.trials.check_asked([Asked(row="er1003")])
        """
        from backend.trials.probe import asked_of

        asked_of(self._folder, asked, answers, self._split("eval"))

    def plan(self, settings: RetrainSettings) -> TrialCost:
        """What `run` would train, and how long that takes; loads no model.

        Parameters
        ----------
        settings
            As for `run`.

        Returns
        -------
        TrialCost
            Arms, seeds, and seconds (None where nothing was timed).

        Raises
        ------
        InputError
            If `run` would refuse.

        Examples
        --------
        >>> from firstword.settings import RetrainSettings
        >>> ws.review.remove("r3", "r11")
        1
        >>> cost = ws.trials.plan(RetrainSettings(seeds=2))
        >>> cost.seeds, len(cost.arms) > 1
        (2, True)
        """
        from backend.trials.run import planned

        self.check_asked(settings.asked, settings.answers)
        return planned(self._folder, self._states(), settings, self._split("train"))

    def forecast(
        self, asked: Sequence[Asked] = (), device: str = "auto", progress: Progress = silent
    ) -> dict[str, Any]:
        """What the decisions should do, before retraining.

        Parameters
        ----------
        asked
            Questions whose change is wanted, beside the eval rows.
        device
            ``cpu``, ``cuda`` or ``auto``.
        progress
            Told how far it is.

        Returns
        -------
        dict[str, Any]
            Predicted change of the eval loss and of each question, beside rows drawn at random.

        Raises
        ------
        InputError
            If nothing was decided, or the index is missing or stale.

        Examples
        --------
        >>> ws.review.remove("r3", "r11")
        1
        >>> found = ws.trials.forecast()
        >>> isinstance(found, dict)
        True
        """
        from backend.trials.kept import check_forecast

        check_forecast(self._folder)
        from backend.trials.run import forecast_decisions

        return forecast_decisions(self._explainer(device), self._states(), asked, progress)

    def decisions_record(self) -> dict[str, Any]:
        """How many training rows the decisions remove and relabel, and a ``mark`` of which.

        Returns
        -------
        dict[str, Any]
            Counts and the mark.

        Raises
        ------
        InputError
            If the log is damaged.

        Examples
        --------
        >>> ws.review.remove("r3", "r11")
        1
        >>> ws.trials.decisions_record()["removed"]
        2
        """
        from backend.trials.decision_mark import decisions_record

        return decisions_record(self._split("train"), self._states())

    def last_forecast(self, mark: str) -> dict[str, Any] | None:
        """What `forecast` came to for some decisions.

        Parameters
        ----------
        mark
            As `decisions_record` says it.

        Returns
        -------
        dict[str, Any] | None
            None if it was not asked for.

        Raises
        ------
        InputError
            If its file is damaged.

        Examples
        --------
        >>> ws.trials.last_forecast("none") is None
        True
        """
        from backend.trials.kept import read_forecast

        return read_forecast(self._folder, mark)

    def reports(self) -> list[str]:
        """Names of the reports of `run`, newest first.

        Returns
        -------
        list[str]
            For `report`.

        Examples
        --------
        >>> ws.trials.reports()
        []
        """
        from backend.trials.kept import reports

        return [each.name for each in reports(self._folder)]

    def report(self, name: str) -> dict[str, Any]:
        """A report of `run`.

        Parameters
        ----------
        name
            As in `reports`.

        Returns
        -------
        dict[str, Any]
            As `run` returned it.

        Raises
        ------
        InputError
            If there is none of this name, or it is damaged.

        Examples
        --------
        >>> ws.trials.report("none")
        Traceback (most recent call last):
        backend.errors.InputError: ...
        """
        from backend.trials.kept import read_report

        return read_report(self._folder, name)

    def said_of_decisions(self) -> list[str]:
        """What the newest trial of the decisions in force showed.

        Returns
        -------
        list[str]
            A line about the trial and one for every arm; none before there is a trial of them.

        Raises
        ------
        InputError
            If the log of decisions cannot be read.

        Examples
        --------
        >>> ws.trials.said_of_decisions()
        []
        """
        from backend.trials.kept import read_report
        from backend.trials.said import said_of

        mark = self.decisions_record()["mark"]
        for name in self.reports():
            try:
                content = read_report(self._folder, name)
            except InputError:  # damaged: it says nothing
                continue
            if content.get("decisions", {}).get("mark") == mark:
                return said_of(content, name)
        return []
