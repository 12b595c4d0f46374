"""One class out of K."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backend.data.messages import shown_name
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.manifest import TaskName
from backend.tasks.task import Choice, Figure, FigureNames, Judged, ProblemType, View, named_figures

if TYPE_CHECKING:
    from torch import Tensor


_LEAST = 1e-6


class Classification:
    """Targets are places in the list of classes: int64."""

    name: TaskName = "classification"
    problem_type: ProblemType = "single_label_classification"
    view: View = "bars"
    knows_right = True
    goes_by = "macro_f1"
    headline = "accuracy"
    figure_names: FigureNames = (("accuracy", "Accuracy", "high"), ("macro_f1", "Macro-F1", "high"))

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of each example's class."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, targets, reduction="none")

    def head_bias(self, targets: np.ndarray) -> np.ndarray | None:
        """None: as transformers draws it."""
        return None

    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """p - onehot(class)."""
        found = outputs.copy()
        found[np.arange(len(targets)), targets] -= 1.0
        return found

    def probe(self, outputs: int) -> np.ndarray:
        """The first two classes."""
        return np.array([0, 1])

    def record(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``loss``, ``margin`` to the next class, ``error`` norm of p - onehot: float32; ``correct`` bool."""
        from scipy.special import log_softmax

        rows = np.arange(len(targets))
        values = logits.astype(np.float64)
        log_p = log_softmax(values, axis=1)
        others = values.copy()
        others[rows, targets] = -np.inf
        return {
            "loss": -log_p[rows, targets].astype(np.float32),
            "margin": (values[rows, targets] - others.max(axis=1)).astype(np.float32),
            "error": np.linalg.norm(self.residuals(np.exp(log_p), targets), axis=1).astype(np.float32),
            "correct": self.predicted(values) == targets,
        }

    def outputs(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities of the classes."""
        import torch

        return torch.softmax(torch.from_numpy(logits), dim=-1).numpy()

    def predicted(self, outputs: np.ndarray) -> np.ndarray:
        """The class of the largest output, the first of equals: int64."""
        return outputs.argmax(axis=-1)

    def judge(self, space: Space, outputs: np.ndarray, targets: list[str]) -> Judged:
        """Cross-entropy in nats; right is the most probable class."""
        label, predicted = space.numbers(targets), self.predicted(outputs)
        return Judged(space.targets(predicted), predicted == label, self.losses_of(outputs, label))

    def losses_of(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Cross-entropy of every row's class, from probabilities: float64 (n)."""
        return -np.log(np.maximum(self.support(outputs, targets).astype(np.float64), 1e-30))

    def unknown(self, targets: np.ndarray, outputs: int) -> float:
        """Guessing takes all classes as equally likely."""
        return math.log(outputs) + 1

    def margins(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``log p / (1 - p)`` of every row's class (Park et al. 2023, TRAK)."""
        own = outputs[np.arange(len(targets)), targets].astype(np.float64)
        own = np.clip(own, _LEAST, 1 - _LEAST)
        return np.log(own) - np.log1p(-own)

    def support(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The probability of every row's class."""
        return outputs[np.arange(len(targets)), targets]

    def choices(self, space: Space, outputs: np.ndarray) -> list[Choice]:
        """Why each class."""
        return [
            Choice(name, f"why {name}", number, float(value))
            for number, (name, value) in enumerate(zip(space.names, outputs, strict=True))
        ]

    def choice(self, space: Space, outputs: np.ndarray, name: str | None) -> Choice:
        """The predicted class unless another is named."""
        if name is None:
            return self.choices(space, outputs)[int(self.predicted(outputs))]
        found = {each.name: each for each in self.choices(space, outputs)}.get(name)
        if found is None:
            known = ", ".join(shown_name(each, 60) for each in space.names)
            raise InputError(f"--label {shown_name(name)}: unknown; the classes are {known}")
        return found

    def figures(self, space: Space, outputs: np.ndarray, targets: list[str]) -> list[Figure]:
        """Accuracy and macro-F1."""
        from sklearn.metrics import f1_score

        label, predicted = space.numbers(targets), self.predicted(outputs)
        macro = f1_score(label, predicted, average="macro", labels=np.unique(label), zero_division=0)
        return named_figures(self.figure_names, (label == predicted).mean(), macro)

    def doubt(self, space: Space, outputs: np.ndarray, targets: list[str]) -> str | None:
        """None: `backend.model.figures.has_hardly_learnt` knows more, by class."""
        return None


TASK = Classification()
