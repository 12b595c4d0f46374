"""Any number of K labels: each is there or not, by a probability of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.data.messages import shown_name
from backend.data.targets.label_sets import NOT
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

THRESHOLD = 0.5
_SLIGHT = 0.03  # of what chance leaves to be gained


class MultiLabel:
    """Targets are rows of 0 and 1, float32 (n, K); NaN where a label is not asked about.

    The loss is the mean over the K labels of the binary cross-entropies, as in transformers; a label that is
    not asked about adds nothing to the sum, so a question about one label is that label's part of the loss.
    """

    name: TaskName = "multilabel"
    problem_type: ProblemType = "multi_label_classification"
    view: View = "chips"
    knows_right = True
    goes_by = "map"
    headline = "micro_f1"
    figure_names: FigureNames = (
        ("micro_f1", "Micro-F1", "high"),
        ("macro_f1", "Macro-F1", "high"),
        ("map", "Mean average precision", "high"),
        ("exact", "Exactly right", "high"),
    )

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean binary cross-entropy of each example's labels."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        asked = ~targets.isnan()
        each = binary_cross_entropy_with_logits(logits, targets.nan_to_num(0.0), reduction="none")
        return (each * asked).mean(dim=-1)

    def head_bias(self, targets: np.ndarray) -> np.ndarray | None:
        """The log-odds of each label (Lin et al. 2017, section 3.3)."""
        share = (targets.sum(axis=0) + 1) / (len(targets) + 2)
        return np.log(share / (1 - share)).astype(np.float32)

    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """(p - y) / K, 0 where a label is not asked about."""
        found = (outputs - targets) / outputs.shape[-1]
        return np.nan_to_num(found, nan=0.0).astype(outputs.dtype)

    def probe(self, outputs: int) -> np.ndarray:
        """None of the labels, and all."""
        return np.stack([np.zeros(outputs, np.float32), np.ones(outputs, np.float32)])

    def record(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``loss``."""
        return {"loss": losses_from(self, logits, targets)}

    def outputs(self, logits: np.ndarray) -> np.ndarray:
        """The probability of each label."""
        from scipy.special import expit

        return expit(logits.astype(np.float32))

    def predicted(self, outputs: np.ndarray) -> np.ndarray:
        """1 where a label is more likely there than not: float32 (..., K)."""
        return (outputs > THRESHOLD).astype(np.float32)

    def margins(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Mean over the labels of the log-probability of being there, or not, as given."""
        return -self.losses_of(outputs, targets)

    def losses_of(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Of what is asked about, over K."""
        own = np.where(targets > 0.5, outputs, 1 - outputs).astype(np.float64)
        return -np.where(np.isnan(targets), 0.0, np.log(np.maximum(own, 1e-30))).mean(axis=1)

    def unknown(self, targets: np.ndarray, outputs: int) -> float:
        """Guessing says of each label how often it is there; the nat is divided by K as the loss is."""
        from scipy.special import entr

        shares = targets.mean(axis=0, dtype=np.float64)
        return float((entr(shares) + entr(1 - shares)).mean()) + 1 / outputs

    def support(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The geometric mean of these probabilities."""
        return np.exp(self.margins(outputs, targets))

    def judge(self, space: Space, outputs: np.ndarray, targets: list[str]) -> Judged:
        """Right is exactly the given set of labels."""
        given, predicted = space.numbers(targets), self.predicted(outputs)
        right = (given == predicted).all(axis=1)
        return Judged(space.targets(predicted), right, self.losses_of(outputs, given))

    def choices(self, space: Space, outputs: np.ndarray) -> list[Choice]:
        """Why each label is there, and why it is not."""
        return [
            self._choice(space, place, there, float(value))
            for place, value in enumerate(outputs)
            for there in (True, False)
        ]

    def choice(self, space: Space, outputs: np.ndarray, name: str | None) -> Choice:
        """The most probable label unless another, or its absence (``not NAME``), is asked about."""
        if name is None:
            place = int(np.argmax(outputs))
            return self._choice(space, place, True, float(outputs[place]))
        plain = name if name in space.names else name.removeprefix(NOT)
        if plain not in space.names:
            known = ", ".join(shown_name(each, 60) for each in space.names)
            raise InputError(
                f"--label {shown_name(name)}: unknown; the labels are {known}; "
                f"'{NOT}NAME' asks why one is not there"
            )
        place = space.names.index(plain)
        return self._choice(space, place, plain == name, float(outputs[place]))

    def _choice(self, space: Space, place: int, there: bool, value: float) -> Choice:
        number = np.full(len(space.names), np.nan, dtype=np.float32)
        number[place] = float(there)
        name = space.names[place]
        return Choice(
            name if there else NOT + name,
            f"why {name}" if there else f"why not {name}",
            number,
            value if there else 1 - value,
            f"made {name} {'more' if there else 'less'} likely",
            f"made {name} {'less' if there else 'more'} likely",
        )

    def figures(self, space: Space, outputs: np.ndarray, targets: list[str]) -> list[Figure]:
        """Micro- and macro-F1 at a half, mean average precision, share of exactly right rows."""
        given, predicted = space.numbers(targets), self.predicted(outputs)
        hits, support = (given * predicted).sum(axis=0), given.sum(axis=0)
        counted, there = support + predicted.sum(axis=0), support > 0
        return named_figures(
            self.figure_names,
            2 * hits.sum() / max(counted.sum(), 1),
            (2 * hits[there] / counted[there]).mean() if there.any() else 0.0,
            _mean_precision(given, outputs),
            (given == predicted).all(axis=1).mean(),
        )

    def doubt(self, space: Space, outputs: np.ndarray, targets: list[str]) -> str | None:
        """Where labels are ranked hardly better than at random, or none is ever given."""
        given = space.numbers(targets)
        varies = given.any(axis=0) & ~given.all(axis=0)
        if not varies.any():
            return None
        found, chance = _mean_precision(given[:, varies], outputs[:, varies]), float(given[:, varies].mean())
        if found - chance < _SLIGHT * (1 - chance):
            return f"mean average precision {found:.3f}, by chance {chance:.3f}: labels are hardly told apart"
        if not self.predicted(outputs).any():
            return f"no label gets a probability above one half in any of {len(targets):,} rows"
        return None


def _mean_precision(given: np.ndarray, outputs: np.ndarray) -> float:
    """Average precision, mean over the labels that some row has; NaN where none has any."""
    from sklearn.metrics import average_precision_score

    there = given.any(axis=0)
    if not there.any():
        return float("nan")
    found = [average_precision_score(given[:, each], outputs[:, each]) for each in np.flatnonzero(there)]
    return float(np.mean(found))


TASK = MultiLabel()
