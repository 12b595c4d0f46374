"""A number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backend.data.targets.number_space import NumberSpace, as_target
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.manifest import TaskName
from backend.tasks.task import (
    Choice,
    Figure,
    FigureNames,
    Judged,
    ProblemType,
    View,
    losses_from,
    named_figures,
)

if TYPE_CHECKING:
    from torch import Tensor

HIGH, LOW = "high", "low"
_SLIGHT = 0.05  # share of the variance


class Regression:
    """Targets are numbers, float32 (n); infinity asks what drove the output up, minus infinity down.

    The loss is the squared error, as in transformers. Its gradient by the output, 2 (f - y), keeps its
    direction as y grows without end; a question about a direction is that direction, with size 1: loss -f for
    up, f for down.
    """

    name: TaskName = "regression"
    problem_type: ProblemType = "regression"
    view: View = "number"
    knows_right = False
    goes_by = "r2"
    headline = "mae"
    figure_names: FigureNames = (
        ("spearman", "Spearman", "high"),
        ("mae", "Mean absolute error", "low"),
        ("r2", "R2", "high"),
    )

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Squared errors, or the output with the sign that is asked about."""
        import torch

        value = logits.squeeze(-1)
        directed = targets.isinf()
        finite = torch.where(directed, torch.zeros_like(targets), targets)
        return torch.where(directed, -targets.sign() * value, (value - finite) ** 2)

    def head_bias(self, targets: np.ndarray) -> np.ndarray | None:
        """The mean."""
        return np.array([targets.mean()], dtype=np.float32)

    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """2 (f - y), or the sign of a direction."""
        directed = np.isinf(targets)
        found = 2 * (outputs[:, 0] - np.where(directed, 0, targets))
        return np.where(directed, -np.sign(targets), found).astype(outputs.dtype)[:, None]

    def probe(self, outputs: int) -> np.ndarray:
        """0 and 1."""
        return np.array([0, 1], dtype=np.float32)

    def record(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``loss``."""
        return {"loss": losses_from(self, logits, targets)}

    def outputs(self, logits: np.ndarray) -> np.ndarray:
        """The values themselves."""
        return logits.astype(np.float32)

    def predicted(self, outputs: np.ndarray) -> np.ndarray:
        """The values: float32 (...)."""
        return outputs[..., 0]

    def margins(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Minus the squared error."""
        return -self.losses_of(outputs, targets)

    def losses_of(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Squared errors, or the value with the sign that is asked about."""
        values, directed = self.predicted(outputs).astype(np.float64), np.isinf(targets)
        squares = (values - np.where(directed, 0, targets)) ** 2
        return np.where(directed, -np.sign(targets) * values, squares)

    def unknown(self, targets: np.ndarray, outputs: int) -> float:
        """Guessing says the mean; a nat of a normal distribution is twice the variance."""
        return 3 * float(targets.var(dtype=np.float64))

    def support(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Minus the absolute error."""
        return -np.abs(self.predicted(outputs).astype(np.float64) - targets)

    def judge(self, space: Space, outputs: np.ndarray, targets: list[str]) -> Judged:
        """No row is right or wrong; the loss is the squared error."""
        loss = self.losses_of(outputs, np.array([float(each) for each in targets]))
        return Judged(space.targets(self.predicted(outputs)), None, loss)

    def choices(self, space: Space, outputs: np.ndarray) -> list[Choice]:
        """Why so high, why so low."""
        value = float(outputs[0])
        return [
            Choice(HIGH, "why so high", math.inf, value, "raised the number", "lowered the number"),
            Choice(LOW, "why so low", -math.inf, value, "lowered the number", "raised the number"),
        ]

    def choice(self, space: Space, outputs: np.ndarray, name: str | None) -> Choice:
        """Why above, or below, the median of the training rows; a number asks what pulled towards it."""
        assert isinstance(space, NumberSpace)
        high, low = self.choices(space, outputs)
        if name is None:
            return high if outputs[0] >= space.middle else low
        if name in (HIGH, LOW):
            return high if name == HIGH else low
        try:
            number = float(space.read(name))
        except InputError:
            raise InputError(
                f"--label {name}: unknown; ask for {HIGH}, {LOW} or a number that it should have said"
            ) from None
        name = as_target(number)
        drew = f"drew the number towards {name}", f"drew the number away from {name}"
        return Choice(name, f"what speaks for {name}", number, float(outputs[0]), *drew)

    def figures(self, space: Space, outputs: np.ndarray, targets: list[str]) -> list[Figure]:
        """Spearman's correlation, mean absolute error, R2."""
        from scipy.stats import spearmanr

        truth = np.array([float(each) for each in targets])
        said = self.predicted(outputs).astype(np.float64)
        spread = float(((truth - truth.mean()) ** 2).sum())
        varies = len(truth) > 1 and np.ptp(truth) > 0 and np.ptp(said) > 0
        return named_figures(
            Regression.figure_names,
            spearmanr(truth, said)[0] if varies else math.nan,
            np.abs(said - truth).mean(),
            1 - ((said - truth) ** 2).sum() / spread if spread else math.nan,
        )

    def doubt(self, space: Space, outputs: np.ndarray, targets: list[str]) -> str | None:
        """Where the numbers are hardly nearer than the mean of the targets would be."""
        r2 = self.figures(space, outputs, targets)[-1].value
        if math.isnan(r2) or r2 >= _SLIGHT:
            return None
        return f"R2 {r2:.2f}: hardly nearer to the targets than their mean"


TASK = Regression()
