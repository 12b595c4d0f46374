"""What happens beside the steps of a training: saving, progress, stopping, logging logits."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast, TrainerCallback

from backend.errors import InputError
from backend.model.dynamics import Dynamics
from backend.model.prediction import logits
from backend.model.tokenization import TokenIds
from backend.progress import Progress

_STAGE = "logits of training rows"


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
    """Logs the logits of all training rows at the end of every epoch, without drawing a random number."""

    def __init__(
        self, encoded: Sequence[TokenIds], tokenizer: PreTrainedTokenizerFast, progress: Progress
    ) -> None:
        self._encoded, self._tokenizer, self._progress = encoded, tokenizer, progress
        self._logits: list[np.ndarray] = []
        self._epochs: list[float] = []

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Also at the end of a last epoch that is cut short."""
        self._logits.append(
            logits(model, self._encoded, self._tokenizer, progress=self._progress, stage=_STAGE)
        )
        self._epochs.append(float(state.epoch))

    def logged(self) -> Dynamics:
        """All epochs so far."""
        return Dynamics(np.stack(self._logits), tuple(self._epochs))
