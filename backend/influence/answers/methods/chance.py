"""Chance: what a method has to beat."""

from __future__ import annotations

import numpy as np

from backend.files import digest
from backend.influence.answers.method import Asked
from backend.influence.answers.similarity import Similarity


class Chance(Similarity):
    """Standard normal numbers, the same for the same question."""

    name = "random"
    title = "chance"
    formula = "N(0, 1), seeded by text and class"
    source = "control"
    cost = "none"
    limits = "means nothing"
    scores = ("plain",)
    words = False

    def similarities(self, asked: Asked) -> np.ndarray:
        """Random numbers."""
        seed = int(digest(*asked.texts, np.asarray(asked.target).tolist()), 16)
        return np.random.default_rng(seed).standard_normal(len(asked.engine.train))


METHODS = (Chance(),)
