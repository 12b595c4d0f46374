"""Dynamic gradient alignment (DGA, arXiv 2410.02498): draw more from sources that help a target set.

Every few steps, with ``a_k`` the cosine between the gradient of source k and that of the target (the guide):
``alpha <- normalize(alpha * exp(+eta a))``, which minimises the target's loss after the next step with a
penalty ``KL(alpha || alpha before) / eta``; batches are drawn from its moving average. (Algorithm 1 of the
paper is said to print the other sign, against its own derivation.) Constants are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from backend.errors import InputError
from backend.influence.gradients.capture import Batch
from backend.influence.gradients.parameters import mean_gradient, product
from backend.model.recipe import Recipe, TrainingContext
from backend.trials.recipes.guide import Guide, GuideGradient, chosen_batch, plain


@dataclass(frozen=True)
class MixtureSettings:
    """``eta``: size of a step in log weights; ``every``: training steps between two; ``beta``: weight of the
    newest in the moving average; ``floor``: least weight of a source, times the number of sources;
    ``warmup``: share of the steps before the first; ``batch``: rows for each gradient.
    """

    eta: float = 1.0
    every: int = 5
    beta: float = 0.3
    floor: float = 0.1
    warmup: float = 0.1
    batch: int = 32

    def __post_init__(self) -> None:
        if self.eta <= 0 or self.every < 1 or self.batch < 1:
            raise InputError("eta must be above 0, every and batch at least 1")
        if not 0 < self.beta <= 1 or not 0 <= self.floor < 1 or not 0 <= self.warmup < 1:
            raise InputError("beta must be above 0 and at most 1, floor and warmup at least 0 and below 1")


def exponentiated_step(alpha: np.ndarray, alignment: np.ndarray, eta: float, floor: float) -> np.ndarray:
    """One step of DGA: weights (k) that sum to 1, none below ``floor / k``."""
    logs = np.log(alpha) + eta * alignment
    raised = np.exp(logs - logs.max())
    return (1 - floor) * raised / raised.sum() + floor / len(alpha)


class Mixture(Recipe):
    """Draws rows from sources by fixed weights: each source's rows shuffled, over and over."""

    draws = True

    def __init__(self, sources: Sequence[str], weights: dict[str, float] | None = None) -> None:
        """``sources``: of every training text. ``weights``: by source, default all equal."""
        self.names = sorted(set(sources))
        if len(self.names) < 2:
            raise InputError(f"all training rows are of the source {self.names[0]!r}; there must be two")
        self._sources = np.array([self.names.index(each) for each in sources])
        given = weights or dict.fromkeys(self.names, 1.0)
        total = sum(given[name] for name in self.names)
        self.drawn = np.array([given[name] / total for name in self.names])

    def start(self, context: TrainingContext) -> None:
        """Shuffle the rows of every source."""
        self._context = context
        self._random = np.random.default_rng((context.seed, 2))
        of_example = self._sources[context.rows]
        self._members = [np.flatnonzero(of_example == number) for number in range(len(self.names))]
        if empty := next(
            (n for n, each in zip(self.names, self._members, strict=True) if not len(each)), None
        ):
            raise InputError(f"source {empty!r} has no text with a token")
        self._queues = [self._shuffled(each) for each in self._members]

    def order(self) -> Iterator[int]:
        """As many examples as there are, each from a source drawn by the weights of the moment."""
        for _ in range(len(self._context.rows)):
            yield next(self._queues[int(self._random.choice(len(self.names), p=self.drawn))])

    def _shuffled(self, members: np.ndarray) -> Iterator[int]:
        """The examples of a source without end, all of it before any again."""
        while True:
            yield from self._random.permutation(members).tolist()

    def log(self) -> dict[str, Any]:
        """The weights by source."""
        return {"weights": dict(zip(self.names, self.drawn.tolist(), strict=True))}


class DynamicMixture(Mixture):
    """Weights that follow the gradients."""

    def __init__(self, sources: Sequence[str], guide: Guide, settings: MixtureSettings | None = None) -> None:
        super().__init__(sources)
        self.settings = settings or MixtureSettings()
        self._guide = GuideGradient(guide, self.settings.batch)

    def start(self, context: TrainingContext) -> None:
        """Start from equal weights."""
        super().start(context)
        self._guide.start(context)
        self._first = round(self.settings.warmup * context.steps)
        self.alpha = np.full(len(self.names), 1 / len(self.names))
        self.drawn = self.alpha.copy()
        self._trajectory: list[dict[str, Any]] = [{"step": 0, "weights": self.drawn.tolist()}]

    def weights(self, step: int, places: np.ndarray, inputs: dict[str, Tensor]) -> Tensor | None:
        """No weights on losses; the mixture changes here."""
        if step >= self._first and (step - self._first) % self.settings.every == 0:
            alignment = self._alignment()
            self.alpha = exponentiated_step(self.alpha, alignment, self.settings.eta, self.settings.floor)
            self.drawn = (1 - self.settings.beta) * self.drawn + self.settings.beta * self.alpha
            self.drawn /= self.drawn.sum()
            self._trajectory.append(
                {"step": step, "weights": self.drawn.tolist(), "alignment": alignment.tolist()}
            )
        return None

    def _alignment(self) -> np.ndarray:
        """Cosine of each source's gradient with the guide's: (k); two gradients in memory at a time."""
        target = self._guide()
        length = product(target, target) ** 0.5
        found = []
        model, device = self._context.model, self._context.device
        with plain(model, device):
            for source in range(len(self.names)):
                own = mean_gradient(model, [self._batch(source)], list(target))
                scale = length * product(own, own) ** 0.5
                found.append(product(own, target) / scale if scale > 0 else 0.0)
        return np.array(found)

    def _batch(self, source: int) -> Batch:
        chosen = self._random.permutation(self._members[source])[: self.settings.batch].tolist()
        return chosen_batch(self._context, self._context.examples, self._context.labels, chosen)

    def log(self) -> dict[str, Any]:
        """Names of the sources, their weights over time, and the mean over all steps."""
        steps = [each["step"] for each in self._trajectory] + [self._context.steps]
        spans = np.diff(steps)
        weights = np.array([each["weights"] for each in self._trajectory])
        mean = (spans[:, None] * weights).sum(axis=0) / max(spans.sum(), 1)
        return {
            "weights": dict(zip(self.names, self.drawn.tolist(), strict=True)),
            "mean_weights": dict(zip(self.names, mean.tolist(), strict=True)),
            "sources": self.names,
            "trajectory": self._trajectory,
        }
