"""Gradient-guided loss masking (Wang et al. 2021, arXiv 2102.13549): train on what agrees with a trusted set.

One step of size eta on example i lowers the guide's loss by ``eta * a_i``, with
``a_i = <grad l_i, grad L_guide>``, so the best mask is ``w_i = 1[a_i > tau]``.
Constants are ours: the paper's are not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.errors import InputError
from backend.influence.gradients.capture import Batch
from backend.influence.gradients.directional import Derivative, suitable_derivative
from backend.influence.gradients.parameters import Vector
from backend.model.recipe import Recipe, TrainingContext
from backend.trials.recipes.class_guard import ClassGuard
from backend.trials.recipes.guide import Guide, GuideGradient, plain

ALARM = 0.6
NEAR = 0.02  # so close to the limit a class counts as masked up to it


@dataclass(frozen=True)
class MaskSettings:
    """``warmup``: share of the steps without mask, since early gradients hold little but the mix of classes.

    ``refresh``: steps between gradients of the guide; ``guide_batch``: rows for each, if it has as many;
    ``threshold``: tau; ``most_of_a_class``: no class loses more than this share of its examples, so that
    none dies out.
    """

    warmup: float = 0.2
    refresh: int = 5
    guide_batch: int = 256
    threshold: float = 0.0
    most_of_a_class: float = ALARM

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            raise InputError(f"warmup {self.warmup}: must be at least 0 and below 1")
        if self.refresh < 1 or self.guide_batch < 1:
            raise InputError("refresh and guide_batch must be at least 1")
        if not 0 < self.most_of_a_class <= 1:
            raise InputError(f"most_of_a_class {self.most_of_a_class}: must be above 0 and at most 1")


class GradientMask(Recipe):
    """Masks the examples of a batch whose gradient opposes the guide's."""

    def __init__(
        self,
        guide: Guide,
        settings: MaskSettings | None = None,
        strata: np.ndarray | None = None,
        names: Sequence[str] = (),
    ) -> None:
        """``strata``: int64, of every training text, none of which may die out, and their ``names``; default:
        the classes."""
        self.settings, self._strata, self._names = settings or MaskSettings(), strata, names
        self._guide = GuideGradient(guide, self.settings.guide_batch)

    def start(self, context: TrainingContext) -> None:
        """Encode the guide and clear the log."""
        self._context = context
        self._guide.start(context)
        self._first = round(self.settings.warmup * context.steps)
        self._direction: Vector | None = None
        self._derivative: Derivative | None = None
        if self._strata is None:
            self._own, self._kinds = context.labels, context.classes
        else:
            self._own, self._kinds = self._strata[context.rows], self._names
        self._guard = ClassGuard(len(self._kinds), self.settings.most_of_a_class)
        count = len(context.rows)
        self.seen, self.masked = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        self._steps: list[dict[str, Any]] = []

    def weights(self, step: int, places: np.ndarray, inputs: dict[str, Tensor]) -> Tensor | None:
        """1 for examples that agree with the guide, 0 for those that oppose it; None while warming up."""
        if step < self._first:
            return None
        if self._direction is None or (step - self._first) % self.settings.refresh == 0:
            self._direction = self._guide()
        labels = inputs["labels"]
        batch = Batch(places.tolist(), {n: each for n, each in inputs.items() if n != "labels"}, labels)
        products = self._alignments(batch, self._direction)
        keep = self._guard.keep(self._own[places], products, self.settings.threshold)
        self.seen[places] += 1
        self.masked[places[~keep]] += 1
        self._note(step, places, products, keep)
        return torch.from_numpy(keep).to(labels.device, torch.float32)

    def _alignments(self, batch: Batch, direction: Vector) -> np.ndarray:
        with plain(self._context.model, self._context.device):
            if self._derivative is None:
                self._derivative = suitable_derivative(self._context.model, batch, direction)
            return self._derivative(self._context.model, batch, direction).double().cpu().numpy()

    def _note(self, step: int, places: np.ndarray, products: np.ndarray, keep: np.ndarray) -> None:
        self._steps.append(
            {
                "step": step,
                "masked": int((~keep).sum()),
                "of": len(keep),
                "mean_alignment": float(products.mean()),
            }
        )

    def log(self) -> dict[str, Any]:
        """``masked_share`` by row (place among all texts), by class, and per step; classes to worry about."""
        of_classes = self._guard.masked / np.maximum(self._guard.seen, 1)
        by_class = dict(zip(self._kinds, of_classes.tolist(), strict=True))
        shares = self.masked / np.maximum(self.seen, 1)
        rows = self._context.rows.tolist()
        return {
            "masked_share": dict(zip(rows, shares.round(4).tolist(), strict=True)),
            "masked_by_class": by_class,
            "classes_masked_to_the_limit": [
                name for name, each in by_class.items() if each > self.settings.most_of_a_class - NEAR
            ],
            "steps": self._steps,
        }
