"""A task in one file: counts, such as votes, learnt with a Poisson loss. See docs/add_a_task.md."""

import numpy as np
import torch

from backend.data.targets.number_kind import RealNumbers
from backend.errors import InputError
from backend.tasks.registry import register
from backend.tasks.regression import Regression
from backend.tasks.task import named_figures


class CountTargets(RealNumbers):
    """Read, kept and written like numbers, but whole and not negative."""

    task = "counts"

    def info(self, part, columns, naming):
        """Refuses what is no count, in one line."""
        wrong = next((each for each in part.labels if float(each) < 0 or not float(each).is_integer()), None)
        if wrong is not None:
            raise InputError(f"{part.rows.file}, column {columns.label!r}: {wrong} is no count")
        return super().info(part, columns, naming)


class Counts(Regression):
    """One output z, the logarithm of the rate; loss exp(z) - y z (Poisson, without its constant)."""

    name = "counts"
    figure_names = (("deviance", "Mean deviance", "low"), *Regression.figure_names)

    def losses(self, logits, targets):
        """(B) from logits (B, 1) and counts (B); infinity asks for a direction, as in `Regression`."""
        z, directed = logits.squeeze(-1), targets.isinf()
        counts = torch.where(directed, torch.zeros_like(targets), targets)
        return torch.where(directed, -targets.sign() * z, z.exp() - counts * z)

    def outputs(self, logits):
        """The rates: float32 (n, 1)."""
        return np.exp(logits.astype(np.float32))

    def head_bias(self, targets):
        """The logarithm of the mean count."""
        return np.log(super().head_bias(targets) + 1e-3)

    def residuals(self, outputs, targets):
        """d loss / d z = rate - y: (n, 1)."""
        found = outputs[:, 0] - np.where(np.isinf(targets), 0, targets)
        return np.where(np.isinf(targets), -np.sign(targets), found).astype(outputs.dtype)[:, None]

    def losses_of(self, outputs, targets):
        """`losses` from the rates: float64 (n)."""
        z, directed = np.log(np.maximum(outputs[:, 0].astype(np.float64), 1e-30)), np.isinf(targets)
        return np.where(directed, -np.sign(targets) * z, np.exp(z) - np.where(directed, 0, targets) * z)

    def unknown(self, targets, outputs):
        """A nat more than guessing their mean."""
        return float(targets.mean() * (1 - np.log(targets.mean()))) + 1

    def figures(self, space, outputs, targets):
        """Deviance first, then those of numbers."""
        y = np.array([float(each) for each in targets])
        best = np.where(y > 0, y * np.log(np.maximum(y, 1)) - y, 0)
        deviance = 2 * (best + self.losses_of(outputs, y)).mean()
        others = [each.value for each in super().figures(space, outputs, targets)]
        return named_figures(self.figure_names, deviance, *others)


register(Counts(), CountTargets())
