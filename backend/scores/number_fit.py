"""How far numbers are from what probes that never saw the row predict."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from backend.data.targets.number_space import as_target

FAR = 2.0  # usual deviations from which on a number does not fit
LEAST_R2 = 0.05  # of the predictions; below, they say nothing of any row
_TO_SD = 1.4826  # from the median absolute deviation to the standard deviation of a normal distribution


def shown_digits(numbers: np.ndarray) -> int:
    """How many decimals tell a tenth of the spread's leading digit: 1 where it is 1.4, -1 where it is 140."""
    return 1 - math.floor(math.log10(float(numbers.std()) or 1.0))


@dataclass(frozen=True)
class NumberFit:
    """Of n rows with ``numbers`` and out-of-fold ``predictions``, both float64 (n)."""

    numbers: np.ndarray
    predictions: np.ndarray

    @property
    def tells(self) -> bool:
        """Whether the predictions explain anything."""
        spread = float(((self.numbers - self.numbers.mean()) ** 2).sum())
        errors = float(((self.numbers - self.predictions) ** 2).sum())
        return spread > 0 and 1 - errors / spread >= LEAST_R2

    @property
    def deviation(self) -> float:
        """What an error usually is: the standard deviation, from the median so that wrong numbers do not
        count."""
        errors = self.numbers - self.predictions
        usual = _TO_SD * float(np.median(np.abs(errors - np.median(errors))))
        return usual or float(errors.std()) or 1.0

    @property
    def far(self) -> np.ndarray:
        """Errors in usual deviations, without sign: float64 (n)."""
        return np.abs(self.numbers - self.predictions) / self.deviation

    @property
    def sure(self) -> np.ndarray:
        """The probability that a usual error is smaller than the row's: float64 (n)."""
        return np.array([math.erf(each / math.sqrt(2)) for each in self.far.tolist()])

    def suggested(self, low: float, high: float) -> list[str]:
        """The predictions as targets within the range, to a tenth of the spread's leading digit.

        Among whole numbers they are whole.
        """
        digits = shown_digits(self.numbers)
        if (self.numbers == np.round(self.numbers)).all():
            digits = min(digits, 0)  # as the others are, whole
        clipped = np.clip(self.predictions, low, high)
        return [as_target(float(np.round(each, digits))) for each in clipped.tolist()]
