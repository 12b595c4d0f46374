"""Score modes: how the dot product of two gradients is preconditioned or normalised (DESIGN section 3).

A mode is a linear change of the query's rows, and a factor for each training example. Both leave the score
a sum over shared tokens. With I the plain influence (`dot`):

- ``train-normalised``: I(x, q) / sqrt(I(x, x)), as RelatIF (Barshan et al. 2020) does with identity Hessian.
- ``cosine``: I(x, q) / sqrt(I(x, x) I(q, q)), between -1 and 1.
- ``fisher``: the term of token w divided by f_w + lambda.
- ``kfac``: query rows (R + l_R)^-1 g / (a_w + l_a), influence functions at the word-embedding layer with
  the Kronecker factors of Martens & Grosse 2015.
- ``ekfac``: in the eigenbasis of R, divided by S_wk + lambda (George et al. 2018).

Every lambda is ``damping`` times the mean of what it is added to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from backend.errors import InputError
from backend.influence.moments import Moments
from backend.influence.tracing import TracedExample

DAMPING = 1.0
Precondition = Callable[[np.ndarray, np.ndarray, Moments], np.ndarray]


@dataclass(frozen=True)
class ScoreMode:
    """One way to score. ``precondition`` maps rows (T, r) of tokens (T) given the moments.

    ``reading`` says in plain words what a high score means. ``mixes_directions``: it needs the moments'
    basis, so what a row store has dropped is left out of the score.
    """

    name: str
    formula: str
    reading: str
    precondition: Precondition | None = None
    by_train_norm: bool = False
    by_query_norm: bool = False
    mixes_directions: bool = False

    def apply(self, query: TracedExample, moments: list[Moments]) -> TracedExample:
        """The query with its rows changed as the mode asks; ``moments`` has one entry per checkpoint."""
        if self.by_query_norm:
            return query.changed(lambda _, rows: rows / query.norm if query.norm > 0 else rows)
        if self.precondition is None or not len(query.tokens):
            return query
        precondition, traced = self.precondition, query.slots >= 0
        tokens = query.tokens[query.slots[traced]]

        def change(checkpoint: int, rows: np.ndarray) -> np.ndarray:
            changed = np.zeros_like(rows)
            changed[traced] = precondition(rows[traced], tokens, moments[checkpoint])
            return changed

        return query.changed(change)

    def factors(self, norms: np.ndarray) -> np.ndarray:
        """What the score of each training example is multiplied with: ``norms`` are sqrt(I(x, x)), float
        (n)."""
        if not self.by_train_norm:
            return np.ones(len(norms))
        return np.divide(1.0, norms, out=np.zeros(len(norms)), where=norms > 0)


def _fisher(rows: np.ndarray, tokens: np.ndarray, moments: Moments) -> np.ndarray:
    occurs, place = moments.places(tokens)
    squares = np.zeros(len(tokens))
    squares[occurs] = moments.squares[place]
    return _divided(rows, (squares + DAMPING * moments.squares.mean())[:, None])


def _kfac(rows: np.ndarray, tokens: np.ndarray, moments: Moments) -> np.ndarray:
    occurs, place = moments.places(tokens)
    shares = np.zeros(len(tokens))
    shares[occurs] = moments.shares[place]
    damped = moments.eigenvalues + DAMPING * moments.mean_eigenvalue
    solved = _divided(rows @ moments.basis, damped) @ moments.basis.T
    return _divided(solved, (shares + DAMPING * moments.shares.mean())[:, None])


def _ekfac(rows: np.ndarray, tokens: np.ndarray, moments: Moments) -> np.ndarray:
    occurs, place = moments.places(tokens)
    squares = np.zeros((len(tokens), moments.basis.shape[1]))
    squares[occurs] = moments.token_squares[place]
    # The mean over all d directions, also where the row store has dropped some: f_w is the mean of S_wk.
    damping = DAMPING * moments.squares.mean()
    return _divided(rows @ moments.basis, squares + damping) @ moments.basis.T


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
            by_train_norm=True,
        ),
        ScoreMode(
            "cosine",
            "I(x, q) / sqrt(I(x, x) I(q, q))",
            "similarity between -1 and 1; ranks as the one above",
            by_train_norm=True,
            by_query_norm=True,
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
            "the same, with a scale of its own for every word and direction",
            _ekfac,
            mixes_directions=True,
        ),
    )
}


def score_mode(name: str) -> ScoreMode:
    """The mode of that name; `InputError` if there is none."""
    if name not in MODES:
        raise InputError(f"--score {name}: must be one of {', '.join(MODES)}")
    return MODES[name]
