"""How many labels are wrong, and which: a noisy channel between the right label and the given one.

The right class of a text is drawn from a classifier that never saw the row, the given label from the right
class by a matrix of confusions; both are fitted to the given labels at once:

    P(given = k | x) = sum_j softmax(sum_m beta_m z_m(x) + b)_j T_jk

with z_m(x) the out-of-fold log probabilities of member m (Goldberger & Ben-Reuven 2017, with a fixed network
beneath; the matrix is that of Patrini et al. 2017). Where the classifier is sure and labels still disagree,
labels are wrong; where it is unsure, it is the classifier: so a weak classifier does not make labels look
wrong, as counting its confident disagreements (the confident joint of Northcutt et al. 2021) does. What
annotators get wrong in the same way for similar texts looks right to any such method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

SAMPLE = 20_000  # rows to which the channel is fitted
_STARTS = (0.005, 0.05, 0.15, 0.3)  # shares of wrong labels from which the fit starts
_EVIDENCE = 3.0  # nats by which more noise must be likelier than less, to be believed
_ROUNDS, _ROUNDS_AGAIN = 60, 12  # at most; the latter where a fit begins near its end
_PRIOR_ROWS = 10.0  # what each class's confusions are drawn to the common rate with
_RIDGE = 1.0  # on weights and biases: few rows make nothing sure, and no class vanishes for being rare
_LEAST = 1e-6  # of a confusion: none is impossible
_LEAST_RATE = 0.002  # of wrong labels in what confusions are drawn to
_DOUBT = 0.001  # that the classifier is wrong however sure it is
_DOUBT_BESIDE_VOTES = 0.05  # the same where other people have labelled the very text
_CLOSE = 0.05  # gain in log likelihood below which the fit ends
_BLOCK = 4_000_000  # numbers at a time


@dataclass(frozen=True)
class NoiseChannel:
    """``weights`` (M) of the members, ``bias`` (K), ``confusions`` (K, K): P(given | right), rows add up
    to 1."""

    weights: np.ndarray
    bias: np.ndarray
    confusions: np.ndarray

    def posterior(
        self, members: Sequence[np.ndarray], labels: np.ndarray, votes: sparse.csr_matrix | None = None
    ) -> np.ndarray:
        """P(right class | text, given labels): float32 (n, K).

        Args:
            members: log probabilities (n, K) of each. labels: given, int64 (n).
            votes: how many other rows with the very text of each are labelled as each class, (n, K); they are
                given labels of the same right class (Dawid & Skene 1979, with one matrix for all annotators).
        """
        found = np.empty((len(labels), len(self.bias)), dtype=np.float32)
        logs = np.log(self.confusions).T
        block = max(_BLOCK // len(self.bias), 1)
        for start in range(0, len(labels), block):
            part = slice(start, start + block)
            right = self.right(np.stack([each[part] for each in members]))
            doubt = np.full((len(right), 1), _DOUBT)
            joint = logs[labels[part]]
            if votes is not None:
                joint = joint + votes[part] @ logs
                doubt[np.diff(votes[part].indptr) > 0] = _DOUBT_BESIDE_VOTES
            joint = joint + np.log((1 - doubt) * np.exp(right) + doubt / len(self.bias))
            found[part] = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        return found

    def _joint(self, members: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """log P(right = j, given | text): float64 (n, K)."""
        return self.right(members) + np.log(self.confusions[:, labels]).T

    def right(self, members: np.ndarray) -> np.ndarray:
        """log P(right = j | text): float64 (n, K), from members float (M, n, K)."""
        return log_softmax(np.tensordot(self.weights, members, 1) + self.bias, axis=1)


def plausible_channels(
    members: Sequence[np.ndarray], labels: np.ndarray, seed: int = 0
) -> list[NoiseChannel]:
    """Channels that fit about as well as any, the one with the least noise first; to at most `SAMPLE` rows.

    The likelihood can be flat: where classifiers are weak, few wrong labels and a good classifier explain
    the data as well as many and a better one. Those within `_EVIDENCE` of the best are all plausible.

    Args:
        members: log probabilities of classes by models that never saw the row, each float (n, K).
        labels: the given labels, int64 (n).
    """
    fit = _fit_of(members, labels, seed)
    fitted = [fit.from_(fit.start(share)) for share in _STARTS]
    best = max(likelihood for _, likelihood in fitted)
    return [channel for channel, likelihood in fitted if likelihood >= best - _EVIDENCE]


def fit_again(start: NoiseChannel, members: Sequence[np.ndarray], labels: np.ndarray) -> NoiseChannel:
    """The channel that other rows give from this one."""
    return _fit_of(members, labels, 0).from_(start, _ROUNDS_AGAIN)[0]


def _fit_of(members: Sequence[np.ndarray], labels: np.ndarray, seed: int) -> _Fit:
    rows = _sample(len(labels), seed)
    return _Fit(np.stack([each[rows] for each in members]).astype(np.float64), labels[rows])


def _sample(count: int, seed: int) -> np.ndarray:
    if count <= SAMPLE:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[:SAMPLE])


def _cost(values: np.ndarray) -> float:
    return 0.5 * _RIDGE * float((values**2).sum())


class _Fit:
    """Expectation maximisation for the confusions, quasi-Newton steps for weights and biases."""

    def __init__(self, members: np.ndarray, labels: np.ndarray) -> None:
        self._members, self._labels = members, labels
        count, classes = members.shape[1:]
        self._given = sparse.csr_matrix(
            (np.ones(count), (labels, np.arange(count))), shape=(classes, count)
        )  # (K, n): sums over the rows of each label

    def start(self, share: float) -> NoiseChannel:
        """Where a fit begins: members weighed alike, a ``share`` of labels wrong."""
        members, _, classes = self._members.shape
        confusions = np.full((classes, classes), share / (classes - 1))
        np.fill_diagonal(confusions, 1 - share)
        return NoiseChannel(np.full(members, 1 / members), np.zeros(classes), confusions)

    def from_(self, channel: NoiseChannel, rounds: int = _ROUNDS) -> tuple[NoiseChannel, float]:
        """The fitted channel and its log likelihood, less the cost of its weights and biases."""
        before = -np.inf
        for turn in range(rounds):
            if turn % 4 == 0:
                channel = self._classifier_step(channel)
            joint = channel._joint(self._members, self._labels)
            rows = logsumexp(joint, axis=1, keepdims=True)
            channel = NoiseChannel(channel.weights, channel.bias, self._confusions(np.exp(joint - rows)))
            likelihood = float(rows.sum())
            if turn > 8 and abs(likelihood - before) < _CLOSE:
                break
            before = likelihood
        return channel, likelihood - _cost(np.concatenate([channel.weights, channel.bias]))

    def _confusions(self, right: np.ndarray) -> np.ndarray:
        """From P(right | text, given) (n, K): expected counts, each class drawn to the common rate."""
        counts = np.asarray(self._given @ right).T  # (right, given)
        classes = len(counts)
        rate = max(1 - np.trace(counts) / len(right), _LEAST_RATE)
        prior = np.full(counts.shape, _PRIOR_ROWS * rate / (classes - 1))
        np.fill_diagonal(prior, _PRIOR_ROWS * (1 - rate))
        found = np.maximum(counts + prior, _LEAST)
        return found / found.sum(axis=1, keepdims=True)

    def _classifier_step(self, channel: NoiseChannel) -> NoiseChannel:
        count = len(self._members)
        given = np.log(channel.confusions[:, self._labels]).T

        def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
            bias = values[count:]
            right = log_softmax(np.tensordot(values[:count], self._members, 1) + bias, axis=1)
            rows = logsumexp(right + given, axis=1, keepdims=True)
            pull = np.exp(right + given - rows) - np.exp(right)
            slopes = -np.concatenate([np.einsum("mnk,nk->m", self._members, pull), pull.sum(axis=0)])
            return _cost(values) - float(rows.sum()), slopes + _RIDGE * values

        bounds = [(0.0, None)] * count + [(None, None)] * len(channel.bias)
        first = np.concatenate([channel.weights, channel.bias])
        best = minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 15}).x
        return NoiseChannel(best[:count], best[count:], channel.confusions)
