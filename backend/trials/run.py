"""`retrain`: a trial of the decisions or of a strategy, trained, compared, written down; above the facade's
parts as `backend.experiments.mislabel` is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from backend.data.dataset import Split, load_split
from backend.data.equal_texts import equal_text_groups
from backend.data.rowstate import RowState
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.files import replacing, write_json
from backend.folder import Folder
from backend.influence.answers.explain import Explainer
from backend.model.prediction_table import read_predictions
from backend.progress import Progress, epochs_words, silent
from backend.scores.context import Context
from backend.scores.settings import ScoreSettings
from backend.tasks.heads import CAUSAL_LM
from backend.trials.answers import MOST_ANSWERS
from backend.trials.arm import Trial
from backend.trials.cost import TrialCost, trial_cost
from backend.trials.decision_mark import decided_rows, decisions_record
from backend.trials.forecast import forecast, with_measured
from backend.trials.kept import forecast_place
from backend.trials.markdown import markdown
from backend.trials.original import Original, original_run
from backend.trials.probe import Probe, asked_of
from backend.trials.question import Asked, resolved
from backend.trials.report import query_losses, report
from backend.trials.runner import Runner
from backend.trials.strategies.decisions import CLEANED, NOTHING, decisions_arms, decisions_trial
from backend.trials.strategies.registry import DECISIONS, checked_options, strategy_for, strategy_named
from backend.trials.strategies.strategy import GUIDE_SHARE, StrategyContext, divided_eval

_AS_THEY_CAME = "decisions are not applied: strategies start from the rows and labels as they came"


@dataclass(frozen=True)
class RetrainSettings:
    """What `Trials.run` trains.

    Parameters
    ----------
    seeds
        How many; the first is that of the original run.
    strategy
        ``decisions``, or a strategy.
    options
        Of the strategy.
    guide
        Share of the eval rows that a strategy may follow; the others measure.
    asked
        Questions put to every model.
    epochs
        Of every training; None: as the original.
    device
        ``cpu``, ``cuda`` or ``auto``.
    start_model
        Of an attached run: what it began with.
    arms
        Only these and the first.
    answers
        How many eval rows language models answer.

    Raises
    ------
    InputError
        If a value is unknown or out of its range.

    Examples
    --------
    >>> from firstword.settings import RetrainSettings
    >>> RetrainSettings(seeds=2).strategy
    'decisions'
    """

    seeds: int = 3
    strategy: str = DECISIONS
    options: dict[str, str] = field(default_factory=dict)
    guide: float = GUIDE_SHARE
    asked: tuple[Asked, ...] = ()
    epochs: float | None = None
    device: str = "auto"
    start_model: str | None = None
    arms: tuple[str, ...] = ()
    answers: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.seeds <= 100:
            raise InputError(f"--seeds {self.seeds}: must be between 1 and 100")
        if self.answers is not None and not 0 <= self.answers <= MOST_ANSWERS:
            raise InputError(f"--answers {self.answers}: must be between 0 and {MOST_ANSWERS:,}")


def retrain(
    folder: Folder,
    states: Mapping[str, RowState],
    settings: RetrainSettings,
    explainer: Callable[[], Explainer],
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train the arms, compare them, and write ``retrains/NAME/report.json`` and ``report.md``.

    A stopped call goes on where it was; the original run and its files stay as they are. Returns the report,
    with ``folder``. Raises `InputError`.
    """
    planned(folder, states, settings)  # what is wrong with the arms is said before anything is computed
    original = original_run(folder, settings.device, settings.start_model)
    own_epochs = original.settings.epochs
    if settings.epochs is not None:
        again = replace(original.settings, epochs=settings.epochs)
        original = replace(
            original,
            settings=again,
            trained=original.trained if settings.epochs == own_epochs else None,
        )
    evaluation, space = load_split(folder, "eval"), space_of(folder.manifest().task)
    records, queries = asked_of(folder, settings.asked, settings.answers, evaluation)
    trial = _chosen(_trial(folder, states, settings, explainer, progress), settings.arms)
    seeds = [(original.settings.seed + number) % 2**32 for number in range(settings.seeds)]
    kept = CLEANED if any(arm.name == CLEANED for arm in trial.arms) else None
    # Before the trainings, so that what fails here costs no report.
    expected = _forecast(folder, states, settings, records, explainer, progress)
    runner = Runner(folder, original, queries, kept)
    outcomes = runner.run(trial, seeds, progress)
    content = report(
        trial,
        outcomes,
        seeds=seeds,
        ids=evaluation.ids,
        targets=evaluation.labels,
        space=space,
        groups=evaluation.groups,
        queries=records,
        prompts=queries.prompts if isinstance(queries, Probe) else (),
    )
    content |= _origin(folder, settings, original, runner)
    content["notes"] += original.notes
    if settings.epochs not in (None, own_epochs):
        content["notes"].append(
            f"trained for {epochs_words(settings.epochs)}, the original for {own_epochs:g}: "
            "compare the arms with each other only"
        )
    if settings.strategy == DECISIONS:
        content["decisions"] = decisions_record(load_split(folder, "train"), states)
        losses = query_losses(records, outcomes, space)
        content["forecast"] = None if expected is None else with_measured(expected, content, losses, CLEANED)
    return _written(folder, content)


def planned(
    folder: Folder, states: Mapping[str, RowState], settings: RetrainSettings, train: Split | None = None
) -> TrialCost:
    """The arms that `retrain` would train and what that costs; computes nothing. Raises `InputError`.

    ``train``: the training rows, where they are at hand.
    """
    manifest = folder.manifest()
    folder.require("checkpoints", "train")
    if settings.strategy == DECISIONS:
        record = decisions_record(train or load_split(folder, "train"), states)
        if not record["removed"] + record["relabelled"]:
            raise InputError(NOTHING)
        knows = folder.state("predictions") == "current"
        arms = dict.fromkeys(decisions_arms(bool(record["removed"]), knows), 1.0)
    else:
        strategy = strategy_for(settings.strategy, manifest.task.name)
        guide = settings.guide * manifest.data.n_eval / manifest.data.n_train if strategy.guided else 0.0
        options = checked_options(strategy, settings.options, manifest.task.name)
        strategy.check(folder, options)
        arms = strategy.arms(options, guide)
    _check_arms(settings.strategy, list(arms), settings.arms)
    first = next(iter(arms))
    kept = {n: share for n, share in arms.items() if not settings.arms or n == first or n in settings.arms}
    return trial_cost(folder, kept, settings.seeds, settings.epochs)


def forecast_decisions(
    explainer: Explainer,
    states: Mapping[str, RowState],
    asked: Sequence[Asked],
    progress: Progress = silent,
) -> dict[str, Any]:
    """``forecast`` (see `backend.trials.forecast`) and the ``queries`` that it is about.

    Kept under the decisions that it is about, see `read_forecast`. `InputError` where nothing is removed or
    relabelled.
    """
    decided = decisions_record(explainer.train, states)
    if not decided["removed"] + decided["relabelled"]:
        raise InputError(
            "no training row is removed or relabelled: there is nothing to forecast; decide first"
        )
    records, _ = resolved(asked, explainer.splits["eval"], explainer.space)
    found = forecast(explainer, states, records, progress=progress)
    return _keep_forecast(explainer.folder, found, records, decided)


def _keep_forecast(
    folder: Folder, found: dict[str, Any], queries: list[dict[str, Any]], decided: dict[str, Any]
) -> dict[str, Any]:
    content = {
        "forecast": found,
        "queries": queries,
        "decisions": decided,
        "index": folder.require("index", "precompute").id,
        "at": _now(),
    }
    write_json(forecast_place(folder, decided["mark"]), content)
    return content


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _trial(
    folder: Folder,
    states: Mapping[str, RowState],
    settings: RetrainSettings,
    explainer: Callable[[], Explainer],
    progress: Progress,
) -> Trial:
    manifest = folder.manifest()
    train, space = load_split(folder, "train"), space_of(manifest.task)
    if settings.strategy == DECISIONS:
        if settings.options:
            raise InputError(f"--set: strategy {DECISIONS} has no options")
        losses = None
        if folder.state("predictions") == "current":
            losses = read_predictions(folder, "train", manifest.checkpoints[-1].step).loss
        return decisions_trial(train, manifest.data.n_eval, space, states, losses)
    strategy = strategy_for(settings.strategy, manifest.task.name)
    options = checked_options(strategy, settings.options, manifest.task.name)
    context = Context(folder, ScoreSettings(device=settings.device), explainer, progress)
    given, now, removed = decided_rows(train, states)
    guide, measured = np.empty(0, dtype=np.int64), np.arange(len(context.evaluation))
    if strategy.guided:
        strata = space.strata(context.evaluation.labels)
        groups = equal_text_groups(context.evaluation.examples)
        guide, measured = divided_eval(strata, settings.guide, 0, groups)
    with folder.lock():  # a strategy may keep embeddings or train for a score
        trial = strategy.trial(StrategyContext(context, guide, measured, options))
    if removed.any() or (given != now).any():
        trial = replace(trial, notes=(*trial.notes, _AS_THEY_CAME))
    return trial


def _chosen(trial: Trial, names: Sequence[str]) -> Trial:
    if not names:
        return trial
    _check_arms(trial.name, [arm.name for arm in trial.arms], names)
    arms = tuple(arm for arm in trial.arms if arm.name in names or arm.name == trial.reference)
    there = {arm.name for arm in arms}
    control = trial.control if trial.control in there else None
    controls = {name: own for name, own in trial.controls.items() if own in there}
    return replace(trial, arms=arms, control=control, controls=controls)


def _check_arms(trial: str, known: Sequence[str], names: Sequence[str]) -> None:
    if unknown := next((name for name in names if name not in known), None):
        raise InputError(f"--arm {unknown}: the arms of trial {trial} are {', '.join(known)}")


def _origin(folder: Folder, settings: RetrainSettings, original: Original, runner: Runner) -> dict[str, Any]:
    options, guided = {}, False
    if settings.strategy != DECISIONS:
        strategy = strategy_named(settings.strategy)
        task = folder.manifest().task.name
        options, guided = checked_options(strategy, settings.options, task), strategy.guided
    return {
        "strategy": settings.strategy,
        "options": options,
        "guide": settings.guide if guided else None,
        "at": _now(),
        "data": folder.manifest().data.fingerprint,
        "epochs": original.settings.epochs,
        "models": {name: str(path) for name, path in runner.models.items()},
    }


def _forecast(
    folder: Folder,
    states: Mapping[str, RowState],
    settings: RetrainSettings,
    records: Sequence[dict[str, Any]],
    explainer: Callable[[], Explainer],
    progress: Progress,
) -> dict[str, Any] | None:
    """What is to be expected of the decisions; None of a strategy, or where nothing is precomputed."""
    if settings.strategy != DECISIONS or folder.state("index") != "current":
        return None
    if folder.manifest().task.name == CAUSAL_LM:
        return None  # see `kept.check_forecast`
    found = forecast(explainer(), states, records, progress=progress)
    _keep_forecast(folder, found, list(records), decisions_record(load_split(folder, "train"), states))
    return found


def _written(folder: Folder, content: dict[str, Any]) -> dict[str, Any]:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    place = folder.retrains / f"{stamp}-{content['strategy']}"
    content = {**content, "folder": str(place)}
    place.mkdir(parents=True)
    with replacing(place / "report.md") as temporary:
        temporary.write_text(markdown(content), encoding="utf-8")
    write_json(place / "report.json", content)
    return content
