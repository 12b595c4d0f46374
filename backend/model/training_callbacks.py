"""What happens beside the steps of a training: saving, progress, stopping, logging."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast, TrainerCallback

from backend.errors import InputError
from backend.model.dynamics import Dynamics, as_looks
from backend.model.prediction import logits
from backend.model.tokenization import TokenIds
from backend.progress import Progress
from backend.tasks.task import Task

_STAGE = "look at training rows"


class Steward(TrainerCallback):
    """Saves at the given steps, reports progress, and stops a run whose loss diverges."""

    def __init__(self, saves: frozenset[int], steps: int, progress: Progress) -> None:
        self._saves, self.steps, self._progress = saves, steps, progress

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The number of steps that was planned with is that of Trainer."""
        if state.max_steps != self.steps:
            raise RuntimeError(f"Trainer plans {state.max_steps} steps, not {self.steps}")
        self._progress("training", 0, self.steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save where it is time to."""
        if state.global_step in self._saves:
            control.should_log = control.should_save = True
        self._progress("training", state.global_step, self.steps)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """`InputError` for a loss that is not a number."""
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise InputError(
                f"training diverged before step {state.global_step}: lower the learning rate (--lr)"
            )


class Logger(TrainerCallback):
    """Logs what a task records of all training rows at the given steps, without drawing a random number.

    ``targets`` (n, ...): of the texts ``encoded``, as losses take them.
    """

    def __init__(
        self,
        steps: frozenset[int],
        encoded: Sequence[TokenIds],
        targets: np.ndarray,
        task: Task,
        tokenizer: PreTrainedTokenizerFast,
        progress: Progress,
    ) -> None:
        self._at, self._encoded, self._tokenizer, self._progress = steps, encoded, tokenizer, progress
        self._targets, self._task = targets, task
        self._records: list[dict[str, np.ndarray]] = []
        self._steps: list[int] = []
        self._epochs: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Look at the rows where it is time to."""
        if state.global_step not in self._at:
            return
        found = logits(model, self._encoded, self._tokenizer, progress=self._progress, stage=_STAGE)
        self._records.append(self._task.record(found, self._targets))
        self._steps.append(state.global_step)
        self._epochs.append(float(state.epoch))

    def logged(self, upto: int) -> Dynamics:
        """All looks up to a step."""
        count = sum(step <= upto for step in self._steps)
        return Dynamics(as_looks(self._records[:count]), tuple(self._epochs[:count]))


class Judge(TrainerCallback):
    """Takes a figure on eval rows at the given steps; stops a run that has not got better for long enough.

    ``figure``: of a model, high where it is good. ``best``: the step of the highest so far, the first of
    equals; 0 before any.
    """

    def __init__(
        self,
        steps: frozenset[int],
        patience: int | None,
        figure: Callable[[Any], float],
    ) -> None:
        self._at, self._patience, self._figure = steps, patience, figure
        self.best, self._highest, self._since = 0, -math.inf, 0

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Judge where it is time to."""
        if state.global_step not in self._at:
            return
        reached = self._figure(model)
        if reached > self._highest:
            self.best, self._highest, self._since = state.global_step, reached, 0
            return
        self._since += 1
        if self._patience is not None and self._since >= self._patience:
            control.should_training_stop = True
