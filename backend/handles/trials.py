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
    """Forecasts, retraining beside controls, and the reports of it."""

    def run(self, settings: RetrainSettings | None = None, progress: Progress = silent) -> dict[str, Any]:
        """Train on the decisions, or by a strategy, beside controls; see `backend.trials.run`."""
        from backend.trials.run import RetrainSettings, retrain

        chosen = settings or RetrainSettings()
        return retrain(self._folder, self._states(), chosen, lambda: self._explainer(chosen.device), progress)

    def check_asked(self, asked: Sequence[Asked], answers: int | None = None) -> None:
        """`InputError` for questions that can't be asked of every model of a trial; loads a tokenizer at
        most. ``answers``: how many eval rows language models answer."""
        from backend.trials.probe import asked_of

        asked_of(self._folder, asked, answers, self._split("eval"))

    def plan(self, settings: RetrainSettings) -> TrialCost:
        """What `run` would train, and how long that takes; loads no model."""
        from backend.trials.run import planned

        self.check_asked(settings.asked, settings.answers)
        return planned(self._folder, self._states(), settings, self._split("train"))

    def forecast(
        self, asked: Sequence[Asked] = (), device: str = "auto", progress: Progress = silent
    ) -> dict[str, Any]:
        """What the decisions should do, before retraining (see `backend.trials.forecast`)."""
        from backend.trials.kept import check_forecast

        check_forecast(self._folder)
        from backend.trials.run import forecast_decisions

        return forecast_decisions(self._explainer(device), self._states(), asked, progress)

    def decisions_record(self) -> dict[str, Any]:
        """How many training rows the decisions remove and relabel, and a ``mark`` of which."""
        from backend.trials.decision_mark import decisions_record

        return decisions_record(self._split("train"), self._states())

    def last_forecast(self, mark: str) -> dict[str, Any] | None:
        """What `forecast` came to for the decisions of that mark; None if it was not asked for."""
        from backend.trials.kept import read_forecast

        return read_forecast(self._folder, mark)

    def reports(self) -> list[str]:
        """Names of the reports of `retrain`, newest first."""
        from backend.trials.kept import reports

        return [each.name for each in reports(self._folder)]

    def report(self, name: str) -> dict[str, Any]:
        """A report of `retrain`; `InputError` if there is none of this name or it is damaged."""
        from backend.trials.kept import read_report

        return read_report(self._folder, name)

    def said_of_decisions(self) -> list[str]:
        """What the newest trial of the decisions in force showed, in lines; none before there is one."""
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
