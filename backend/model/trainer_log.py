"""What a Trainer run logged: reading trainer_state.json, and averages over intervals of steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from backend.files import read_json
from backend.model.rates import changes_in_steps, is_number, is_rate

STATE_FILE = "trainer_state.json"
_OF_THE_UPDATE = (4, 51)  # the first transformers that logs an update's own rate: 4.50.3 logs the next one's


@dataclass(frozen=True)
class TrainerLog:
    """Logged values as (step, value), steps strictly ascending.

    What Trainer logs at step s, it logs after the s-th update: the learning rate *of that update*,
    read before the scheduler moves on. Before transformers 4.51 it is the one of update s + 1 (``ahead``).
    """

    rates: list[tuple[int, float]] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)
    epochs: list[tuple[int, float]] = field(default_factory=list)
    evaluations: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    """What evaluations logged (names begin with ``eval_``); several at one step are one."""
    max_steps: int | None = None
    """How many steps the run planned, if its state says so."""
    plans: dict[int, int] = field(default_factory=dict)
    """How many each checkpoint's state says, by step: another number where the run was resumed."""
    ahead: bool | None = None
    """Whether a rate is logged one step before its update; None if it isn't known, and taken for no."""
    again: set[int] = field(default_factory=set)
    """Steps at which it went back: a resumed run, which logs them again."""

    @classmethod
    def read(cls, state: dict[str, Any] | None, ahead: bool | None = None) -> TrainerLog:
        """Collect what is usable in a trainer state; entries of the wrong shape are passed over.

        A run that was resumed from an earlier checkpoint logs steps again: what it logs later wins,
        and what the abandoned part logged from there on is dropped.
        """
        planned = (state or {}).get("max_steps")
        log = cls(max_steps=planned if planned != 0 and _is_step(planned) else None, ahead=ahead)
        history = (state or {}).get("log_history")
        for entry in history if isinstance(history, list) else []:
            step = entry.get("step") if isinstance(entry, dict) else None
            if not _is_step(step):
                continue
            named = (
                (log.rates, "learning_rate", is_rate),
                (log.losses, "loss", is_number),
                (log.epochs, "epoch", is_number),
            )
            for series, name, is_usable in named:
                value = entry.get(name)
                if is_usable(value):
                    while series and series[-1][0] >= step:
                        if series.pop()[0] > step:
                            log.again.add(step)
                    series.append((step, float(value)))
            log._add_evaluation(step, entry)
        return log

    def _add_evaluation(self, step: int, entry: dict[str, Any]) -> None:
        found = {
            name: float(value)
            for name, value in entry.items()
            if name.startswith("eval_") and is_number(value)
        }
        if not found:
            return
        while self.evaluations and self.evaluations[-1][0] > step:
            self.evaluations.pop()
        if self.evaluations and self.evaluations[-1][0] == step:
            self.evaluations[-1][1].update(found)
        else:
            self.evaluations.append((step, found))

    @property
    def last_step(self) -> int:
        """The last step that logged anything (0 if none)."""
        return max((series[-1][0] for series in (self.rates, self.losses, self.epochs) if series), default=0)

    def mean_loss(self, after: int, upto: int) -> float | None:
        """Mean training loss logged in steps (after, upto]; None if none was."""
        return _mean(self.losses, after, upto)

    def knots(self, stepwise: bool = False) -> list[tuple[int, float]]:
        """The logged rates as (number of the update, its rate).

        A schedule that changes in steps, by its look or as ``stepwise`` says, acts after the log is
        written: its rates are never ahead.
        """
        moved = bool(self.ahead) and not (stepwise or changes_in_steps(self.rates))
        return [(step + moved, rate) for step, rate in self.rates]

    @property
    def evaluated(self) -> list[int]:
        """Steps of the evaluations."""
        return [step for step, _ in self.evaluations]

    def epoch(self, step: int) -> float | None:
        """The epoch logged at exactly this step."""
        return dict(self.epochs).get(step)


def furthest_log(run: Path, folders: Sequence[Path], notes: list[str]) -> TrainerLog:
    """The log that reaches furthest: usually the newest checkpoint's, or the run folder's.

    ``folders`` are a run's checkpoints by step, ``notes`` takes a sentence for what is missing or odd.
    """
    states = [(folder, read_json(folder / STATE_FILE)) for folder in dict.fromkeys([*folders, run])]
    read = [(folder, state) for folder, state in states if state is not None]
    if not read:
        notes.append(f"There is no readable {STATE_FILE}.")
        return TrainerLog()
    ahead = logs_ahead(*reversed(folders))
    logs = [(TrainerLog.read(state, ahead), folder, state) for folder, state in read]
    log, source, state = max(logs, key=lambda each: each[0].last_step)
    for each, _, its in logs:
        if each.max_steps is not None and _is_step(step := its.get("global_step")):
            log.plans[step] = each.max_steps
    if states[len(folders) - 1][1] is None:
        notes.append(f"{folders[-1].name} has no readable {STATE_FILE}; the log is {source.name}'s.")
    plans = sorted({state["max_steps"] for _, state in read if isinstance(state.get("max_steps"), int)})
    if len(plans) > 1:
        planned = ", ".join(map(str, plans))
        notes.append(
            f"The checkpoints plan different numbers of steps ({planned}): extended run, or two runs?"
        )
    best = state.get("best_model_checkpoint")
    if isinstance(best, str) and Path(best).name != folders[-1].name:
        notes.append(f"The log calls {Path(best).name} the best; {folders[-1].name}, the last, is explained.")
    return log


def logs_ahead(*folders: Path) -> bool | None:
    """Whether the transformers that saved a model logged the rate of the next update.

    The first of the folders counts whose config.json says which version it was; None if none does.
    """
    for folder in folders:
        config = read_json(folder / "config.json") or {}
        if (found := version_of(config.get("transformers_version"))) is not None:
            return found < _OF_THE_UPDATE
    return None


def version_of(value: Any) -> tuple[int, int] | None:
    """Major and minor number of a version; None if it is none."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})", value) if isinstance(value, str) else None
    return (int(found[1]), int(found[2])) if found else None


def _is_step(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and 0 <= value < 2**53


def _mean(series: Sequence[tuple[int, float]], after: int, upto: int) -> float | None:
    values = [value for step, value in series if after < step <= upto]
    return sum(values) / len(values) if values else None
