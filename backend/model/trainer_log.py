"""What a Trainer run logged: reading trainer_state.json, and averages over intervals of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backend.files import read_json

STATE_FILE = "trainer_state.json"
_POINTS = 100_000  # an interval of more steps is averaged over this many, evenly spread


@dataclass(frozen=True)
class TrainerLog:
    """Logged values as (step, value), steps strictly ascending.

    What Trainer logs at step s, it logs after the s-th update: the learning rate *of that update*,
    read before the scheduler moves on (transformers 5; older versions log the one of update s + 1,
    one step off, which is left as it is).
    """

    rates: list[tuple[int, float]] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)
    epochs: list[tuple[int, float]] = field(default_factory=list)
    evaluations: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    """What evaluations logged (names begin with ``eval_``); several at one step are one."""
    max_steps: int | None = None
    """How many steps the run planned, if its state says so."""

    @classmethod
    def read(cls, state: dict[str, Any] | None) -> TrainerLog:
        """Collect what is usable in a trainer state; entries of the wrong shape are passed over.

        A run that was resumed from an earlier checkpoint logs steps again: what it logs later wins,
        and what the abandoned part logged from there on is dropped.
        """
        planned = (state or {}).get("max_steps")
        log = cls(max_steps=planned if isinstance(planned, int) and planned > 0 else None)
        history = (state or {}).get("log_history")
        for entry in history if isinstance(history, list) else []:
            step = entry.get("step") if isinstance(entry, dict) else None
            if not isinstance(step, int) or step < 0:
                continue
            named = ((log.rates, "learning_rate"), (log.losses, "loss"), (log.epochs, "epoch"))
            for series, name in named:
                value = entry.get(name)
                if isinstance(value, int | float) and math.isfinite(value):
                    while series and series[-1][0] >= step:
                        series.pop()
                    series.append((step, float(value)))
            log._add_evaluation(step, entry)
        return log

    def _add_evaluation(self, step: int, entry: dict[str, Any]) -> None:
        found = {
            name: float(value)
            for name, value in entry.items()
            if name.startswith("eval_") and isinstance(value, int | float) and math.isfinite(value)
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

    def mean_rate(self, after: int, upto: int) -> float:
        """Mean learning rate of the updates in steps (after, upto].

        Each step's rate is interpolated linearly between the logged ones, inside the interval or not.
        The line through the first two goes on before the first, not below 0. After the last, a falling
        rate goes on falling, but not below the straight line that ends with the planned steps.
        Needs at least one logged rate.
        """
        steps, rates = (np.array(column, dtype=float) for column in zip(*self.rates, strict=True))
        first = min(after + 1, upto)
        points = np.linspace(first, upto, min(upto - first + 1, _POINTS))
        values = np.interp(points, steps, rates)
        if len(steps) > 1:
            slopes = np.diff(rates) / np.diff(steps)
            early = np.maximum(rates[0] + slopes[0] * (points - steps[0]), 0.0)
            late = np.maximum(
                rates[-1] + min(slopes[-1], 0.0) * (points - steps[-1]), self._least_late(points)
            )
            values = np.where(points < steps[0], early, np.where(points > steps[-1], late, values))
        return float(values.mean())

    def _least_late(self, points: np.ndarray) -> np.ndarray:
        """A straight line from the last logged rate to 0 after the planned steps; 0 if none are known."""
        last, rate = self.rates[-1]
        if self.max_steps is None or self.max_steps <= last:
            return np.zeros_like(points)
        return rate * np.clip((self.max_steps + 1 - points) / (self.max_steps + 1 - last), 0.0, 1.0)

    def is_sparse(self, after: int, upto: int) -> bool:
        """Whether fewer than two learning rates are logged in steps (after, upto], and not all of them."""
        logged = sum(after < step <= upto for step, _ in self.rates)
        return logged < min(2, upto - after)

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
    logs = [(TrainerLog.read(state), folder, state) for folder, state in read]
    log, source, state = max(logs, key=lambda each: each[0].last_step)
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


def _mean(series: Sequence[tuple[int, float]], after: int, upto: int) -> float | None:
    values = [value for step, value in series if after < step <= upto]
    return sum(values) / len(values) if values else None
