"""Score modes: how the dot product of two gradients is preconditioned or normalised.

A mode is a linear change of the query's rows, and a factor for each training example. Both leave the score
a sum over shared tokens (docs/design.md, section 3.3). With I the plain influence (`dot`):

- ``train-normalised``: I(x, q) / sqrt(I(x, x)), as RelatIF (Barshan et al. 2020) does with identity Hessian.
- ``cosine``: I(x, q) / sqrt(I(x, x) I(q, q)), between -1 and 1.
- ``adam``: query rows divided by sqrt(v_w) + lambda, v from the checkpoint's optimizer: the step that Adam
  makes of a gradient, as LESS (Xia et al. 2024) models it. Diagonal, so it may stand on either side.
- ``fisher``: the term of token w divided by f_w + lambda.
- ``kfac``: query rows (R + l_R)^-1 g / (a_w + l_a), influence functions at the word-embedding layer with
  the Kronecker factors of Martens & Grosse 2015.
- ``ekfac``: in the eigenbasis of R, divided by S_wk + lambda (George et al. 2018).
- ``whitened``: (R + l_R)^-1/2 on both sides, then unit norm: TrackStar's order (Chang et al. 2024).

Every lambda is ``damping`` times the mean of what it is added to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from backend.errors import InputError
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.moments import DAMPING, Moments
from backend.influence.index.optimizer_state import SecondMoments

_EKFAC_DAMPING = 10.0
Precondition = Callable[[np.ndarray, np.ndarray, Moments, float], np.ndarray]
TrainNorm = Literal["plain", "whitened"]


@dataclass(frozen=True)
class ScoreMode:
    """One way to score. ``precondition`` maps rows (T, r) of tokens (T) given the moments and ``damping``.

    ``reading`` says in plain words what a high score means. ``train_norm``: scores are divided by that norm
    of the training example, and with ``by_query_norm`` also by that of the query. ``mixes_directions``: it
    needs the moments' basis, so what a row store has dropped is left out of the score. ``by_optimizer``: rows
    are scaled by the optimizer's second moments, before a row store drops anything.
    """

    name: str
    formula: str
    reading: str
    precondition: Precondition | None = None
    train_norm: TrainNorm | None = None
    by_query_norm: bool = False
    mixes_directions: bool = False
    by_optimizer: bool = False
    damping: float = DAMPING

    @property
    def kind(self) -> tuple[Precondition | None, bool, float]:
        """Modes of equal kind change queries alike, up to a factor."""
        return self.precondition, self.by_optimizer, self.damping

    def scale(self, query: TracedExample, states: list[SecondMoments]) -> TracedExample:
        """The query's rows in all dimensions divided as Adam divides a gradient; one state a checkpoint."""
        return self._mapped(
            query,
            lambda checkpoint, rows, tokens: states[checkpoint].divided(rows, tokens, self.damping),
        )

    def apply(self, query: TracedExample, moments: list[Moments], weights: np.ndarray) -> TracedExample:
        """The query with its rows changed as the mode asks.

        ``moments`` and ``weights`` (the etas) have one entry per checkpoint.
        """
        precondition = self.precondition
        changed = query
        if precondition is not None:
            changed = self._mapped(
                query,
                lambda checkpoint, rows, tokens: precondition(
                    rows, tokens, moments[checkpoint], self.damping
                ),
            )
        if not self.by_query_norm:
            return changed
        norm = query.norm if self.train_norm == "plain" else _norm(query, changed, weights)
        return changed.changed(lambda _, rows: rows / norm if norm > 0 else rows)

    def _mapped(
        self, query: TracedExample, change: Callable[[int, np.ndarray, np.ndarray], np.ndarray]
    ) -> TracedExample:
        """The query with ``change(checkpoint, rows, tokens)`` in the place of its traced rows."""
        if not len(query.tokens):
            return query
        traced = query.slots >= 0
        tokens = query.tokens[query.slots[traced]]

        def changed(checkpoint: int, rows: np.ndarray) -> np.ndarray:
            result = np.zeros_like(rows)
            result[traced] = change(checkpoint, rows[traced], tokens)
            return result

        return query.changed(changed)


def factors(norms: np.ndarray | None, count: int) -> np.ndarray:
    """What the scores of training examples are multiplied with: 1 / ``norms``, or ones: float64 (count)."""
    if norms is None:
        return np.ones(count)
    return np.divide(1.0, norms, out=np.zeros(len(norms)), where=norms > 0)


def _norm(query: TracedExample, changed: TracedExample, weights: np.ndarray) -> float:
    """Root of the query's influence on itself in the metric of the change; rows are already times eta."""
    products = np.einsum("ctd,ctd->c", query.rows.astype(np.float64), changed.rows)
    total = np.divide(products, weights, out=np.zeros(len(products)), where=weights > 0).sum()
    return float(np.sqrt(max(total, 0.0)))


def _fisher(rows: np.ndarray, tokens: np.ndarray, moments: Moments, damping: float) -> np.ndarray:
    occurs, place = moments.places(tokens)
    squares = np.zeros(len(tokens))
    squares[occurs] = moments.squares[place]
    return _divided(rows, (squares + damping * moments.mean_square)[:, None])


def _kfac(rows: np.ndarray, tokens: np.ndarray, moments: Moments, damping: float) -> np.ndarray:
    occurs, place = moments.places(tokens)
    shares = np.zeros(len(tokens))
    shares[occurs] = moments.shares[place]
    solved = _whiten(rows, tokens, moments, damping)
    return _divided(solved, (shares + damping * moments.mean_share)[:, None])


def _ekfac(rows: np.ndarray, tokens: np.ndarray, moments: Moments, damping: float) -> np.ndarray:
    occurs, place = moments.places(tokens)
    squares = np.zeros((len(tokens), moments.basis.shape[1]))
    squares[occurs] = moments.token_squares[place]
    # The mean over all d directions, also where the row store has dropped some: f_w is the mean of S_wk.
    lifted = squares + damping * moments.mean_square
    return _divided(rows @ moments.basis, lifted) @ moments.basis.T


def _whiten(rows: np.ndarray, tokens: np.ndarray, moments: Moments, damping: float) -> np.ndarray:
    return _divided(rows @ moments.basis, moments.damped(damping)) @ moments.basis.T


def _divided(rows: np.ndarray, by: np.ndarray) -> np.ndarray:
    """``rows / by``; 0 where all gradients are 0, and with them ``by``."""
    return np.divide(rows, by, out=np.zeros(rows.shape), where=by > 0)


MODES = {
    mode.name: mode
    for mode in (
        ScoreMode("dot", "I(x, q)", "the paper's score; examples with large gradients lead most lists"),
        ScoreMode(
            "train-normalised",
            "I(x, q) / sqrt(I(x, x))",
            "influence for the size of an example's gradient; outliers lose their lead",
            train_norm="plain",
        ),
        ScoreMode(
            "cosine",
            "I(x, q) / sqrt(I(x, x) I(q, q))",
            "similarity between -1 and 1; ranks as the one above",
            train_norm="plain",
            by_query_norm=True,
        ),
        ScoreMode(
            "adam",
            "rows divided by sqrt(v_w) + lambda, v from the optimizer",
            "the step that Adam makes of a gradient: rare words count more; needs the run's optimizer state",
            by_optimizer=True,
        ),
        ScoreMode(
            "fisher",
            "token terms divided by f_w + lambda",
            "common words count less, by how much gradient they usually carry",
            _fisher,
        ),
        ScoreMode(
            "kfac",
            "query rows (R + l_R)^-1 g / (a_w + l_a)",
            "influence function at the word embeddings: common words and common directions count less",
            _kfac,
            mixes_directions=True,
        ),
        ScoreMode(
            "ekfac",
            "query rows divided by S_wk + lambda in the eigenbasis of R",
            "the same, with a scale of its own for every word and direction: closest to retraining",
            _ekfac,
            mixes_directions=True,
            damping=_EKFAC_DAMPING,
        ),
        ScoreMode(
            "whitened",
            "cosine of (R + l_R)^-1/2 G(x) and (R + l_R)^-1/2 G(q)",
            "similarity between -1 and 1 in which common directions count less",
            _whiten,
            train_norm="whitened",
            by_query_norm=True,
            mixes_directions=True,
        ),
    )
}


def no_damping(score: str) -> InputError:
    """Of a score without damping one was asked for."""
    return InputError(f"--damping: score {score} has none to choose; adam, fisher, kfac and ekfac have")


def score_mode(name: str, damping: float | None = None) -> ScoreMode:
    """The mode of that name; `InputError` if there is none, or ``damping`` does not suit it."""
    if name not in MODES:
        raise InputError(f"--score {name}: must be one of {', '.join(MODES)}")
    mode = MODES[name]
    if damping is None:
        return mode
    if not (mode.by_optimizer or mode.precondition) or mode.train_norm == "whitened":
        raise no_damping(name)
    if not 0 < damping < 1e6:
        raise InputError(f"--damping {damping}: must be above 0, such as 0.1, 1 or 10")
    return replace(mode, damping=damping)
