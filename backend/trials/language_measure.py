"""Figures of language models: loss per token and perplexity, loss per token by group.

A figure is a sum of losses over a sum of tokens: long rows count for more, as they do in training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.trials.row_moves import ratio_moves
from backend.trials.statistics import Family, Groups, Measure, Runs, signed

_LARGEST = 700.0  # whose exponential is a number


class LanguageMeasure(Measure):
    """From outputs (n, 2): the summed loss of each row's tokens in the loss, in nats, and their number."""

    one_answer = "the same"
    group_figure = "loss per token"

    def __init__(self, groups: Sequence[str] | None) -> None:
        super().__init__([Family.of_all("loss_per_token", "perplexity")], Groups(groups))

    def figures(self, outputs: np.ndarray) -> np.ndarray:
        """NaN where no token is in the loss."""
        losses, tokens = _columns(outputs)
        mean = _per_token(losses, tokens)
        return np.concatenate([[mean, _perplexity(mean)], self._groups.ratios(losses, tokens)])

    def right(self, outputs: np.ndarray) -> None:
        """No row is right or wrong."""
        return None

    def says_one_thing(self, outputs: np.ndarray) -> bool:
        """Never: how likely rows are does not say what a model would write."""
        return False

    def row_errors(self, runs: Runs, reference: Runs) -> np.ndarray:
        """All in closed form; the exponential moves by itself times what is in it."""
        mean, perplexity = np.zeros(len(runs[0])), np.zeros(len(runs[0]))
        of_group = np.zeros(len(runs[0]))
        for outputs, sign in signed(runs, reference):
            losses, tokens = _columns(outputs)
            moves = sign * ratio_moves(losses, tokens)
            mean += moves
            perplexity += moves * _perplexity(_per_token(losses, tokens))
            of_group += sign * self._groups.ratio_moves(losses, tokens)
        plain = [(mean**2).sum(), (perplexity**2).sum()]
        return np.sqrt(np.concatenate([plain, self._groups.sums(of_group**2)]))


def _columns(outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return outputs[:, 0].astype(np.float64), outputs[:, 1].astype(np.float64)


def _per_token(losses: np.ndarray, tokens: np.ndarray) -> float:
    total = float(tokens.sum())
    return float(losses.sum()) / total if total else float("nan")


def _perplexity(loss: float) -> float:
    return float(np.exp(min(loss, _LARGEST)))
