"""What a Trainer run logged: reading trainer_state.json, and averages over intervals of steps."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

STATE_FILE = "trainer_state.json"
_POINTS = 1000  # where a rate is averaged over an interval without a logged value


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in ``path``, or None where there is none or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


@dataclass(frozen=True)
class TrainerLog:
    """Logged values as (step, value), steps strictly ascending."""

    rates: list[tuple[int, float]] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)
    epochs: list[tuple[int, float]] = field(default_factory=list)

    @classmethod
    def read(cls, state: dict[str, Any] | None) -> TrainerLog:
        """Collect what is usable in a trainer state; entries of the wrong shape are passed over.

        A run that was resumed from an earlier checkpoint logs steps again: what it logs later wins,
        and what the abandoned part logged from there on is dropped.
        """
        log = cls()
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
        return log

    @property
    def last_step(self) -> int:
        """The last step that logged anything (0 if none)."""
        return max((series[-1][0] for series in (self.rates, self.losses, self.epochs) if series), default=0)

    def mean_loss(self, after: int, upto: int) -> float | None:
        """Mean training loss logged in steps (after, upto]; None if none was."""
        return _mean(self.losses, after, upto)

    def mean_rate(self, after: int, upto: int) -> tuple[float, bool]:
        """Mean learning rate in steps (after, upto], and whether it was logged there.

        Where it was not, it is interpolated linearly between the neighbouring logged values.
        Needs at least one logged rate.
        """
        logged = _mean(self.rates, after, upto)
        if logged is not None:
            return logged, True
        steps, rates = zip(*self.rates, strict=True)
        points = np.linspace(min(after + 1, upto), upto, _POINTS)
        return float(np.interp(points, steps, rates).mean()), False

    def epoch(self, step: int) -> float | None:
        """The epoch logged at exactly this step."""
        return dict(self.epochs).get(step)


def _mean(series: Sequence[tuple[int, float]], after: int, upto: int) -> float | None:
    values = [value for step, value in series if after < step <= upto]
    return sum(values) / len(values) if values else None
