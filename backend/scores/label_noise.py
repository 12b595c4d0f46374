"""Which labels are probably wrong and how many, with an interval, and which classes are taken for which."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.folder import Folder

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for scipy
    from scipy import sparse

    from backend.scores.noise_channel import NoiseChannel

ESTIMATE = "noise_estimate"  # the column of the table
_MOST_WRONG = 0.5
LEAST_ROWS = 100  # below, nothing is estimated
CERTAINTY = 0.9  # of the interval
_DRAWS = 10  # of the rows, with replacement
_DRAWN_ROWS = 2_000  # at most, in each
_MISFIT = 1.25  # each end of the interval is moved by this factor (docs/measured.md: how often it holds)
_Z = 1.645
_WIDEST = 10.0  # factor between the ends of an interval beyond which no number is said
LEAST_PER_CLASS = 100  # rows on average; below, hard texts pass for wrong labels (docs/measured.md)
UNSEEN = "errors that similar texts share are not counted"
"""What annotators get wrong in the same way each time is a rule to every model that learns from it."""
_MOST_FLOWS = 50
_LEAST_FLOW = 0.5  # rows


@dataclass(frozen=True)
class Flow:
    """About ``count`` rows labelled ``given`` should be ``right``."""

    given: str
    right: str
    count: float

    def said(self) -> str:
        """As a sentence."""
        return f"of {self.given} about {rounded(self.count)} should be {self.right}"


@dataclass(frozen=True)
class NoiseEstimate:
    """Of ``rows`` training rows about ``wrong`` are mislabelled, with 90 % certainty ``low`` to ``high``.

    ``by_class``: expected wrong rows of each class, and its rows; ``flows``: between which classes, largest
    first.
    """

    rows: int
    wrong: float
    low: float
    high: float
    by_class: dict[str, tuple[float, int]]
    flows: tuple[Flow, ...]

    @property
    def tells(self) -> bool:
        """Whether a number can be said: classes are large enough, and the interval is narrow enough."""
        narrow = 1.0 <= self.high <= _WIDEST * max(self.low, 1.0)
        return narrow and self._per_class >= LEAST_PER_CLASS

    @property
    def _per_class(self) -> float:
        return sum(rows for _, rows in self.by_class.values()) / max(len(self.by_class), 1)

    def said(self) -> str:
        """The count and its interval in words."""
        if self._per_class < LEAST_PER_CLASS:
            return (
                f"the models can't tell: with {self._per_class:.0f} rows a class hard texts pass for wrong "
                "labels"
            )
        if self.high < 1.0:
            return f"none that these models could tell ({UNSEEN})"
        if not self.tells:
            return (
                f"the models can't tell: from {rounded(self.low)} to {rounded(self.high)} of {self.rows:,} "
                "would fit"
            )
        return (
            f"about {rounded(self.wrong)} of {self.rows:,} "
            f"({rounded(self.low)} to {rounded(self.high)}, {CERTAINTY:.0%} interval; {UNSEEN})"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> NoiseEstimate:
        """What `to_json` was made from."""
        by_class = {name: (float(wrong), int(rows)) for name, (wrong, rows) in content["by_class"].items()}
        flows = tuple(Flow(**each) for each in content["flows"])
        return cls(**{**content, "by_class": by_class, "flows": flows})

    def times(self, part: float, rows: int) -> NoiseEstimate:
        """For a part of the rows that holds this part of the wrong labels."""
        return replace(self, rows=rows, wrong=part * self.wrong, low=part * self.low, high=part * self.high)


def rounded(count: float) -> str:
    """A count to two digits: more are not known."""
    whole = round(count)
    return f"{round(whole, 2 - len(str(whole))):,}" if whole >= 100 else f"{whole:,}"


@dataclass(frozen=True)
class WrongLabels:
    """Of every row: how likely its label is ``wrong``, the class (its number) that is likeliest ``right`` and
    how likely that is; NaN, -1, NaN where nothing can be said. ``estimate`` is None then, or for few rows.
    """

    wrong: np.ndarray
    right: np.ndarray
    sure: np.ndarray
    estimate: NoiseEstimate | None


def find_wrong_labels(
    members: Sequence[np.ndarray],
    labels: np.ndarray,
    classes: Sequence[str],
    votes: sparse.csr_matrix | None = None,
    seed: int = 0,
) -> WrongLabels:
    """Which labels are probably wrong, and how many.

    Where more than half of them would be, it is the models that are wrong: nothing is said.

    Args:
        members: log probabilities of classes by models that never saw the row, each float (n, K).
        labels: given, int64 (n). votes: other labels of the very texts (see `NoiseChannel.posterior`).
    """
    from backend.scores.noise_channel import plausible_channels

    channels = plausible_channels(members, labels, seed)
    right = channels[0].posterior(members, labels, votes)
    own = _own(right, labels)
    wrong = 1 - own
    if wrong.mean() > _MOST_WRONG:
        nothing = np.full(len(labels), np.nan)
        return WrongLabels(nothing, np.full(len(labels), -1), nothing, None)
    found = None
    if len(labels) >= LEAST_ROWS:
        others = (_own(each.posterior(members, labels, votes), labels) for each in channels[1:])
        given_right = [own, *others]
        ends = [
            _interval(each, chances, members, labels, seed)
            for each, chances in zip(channels, given_right, strict=True)
        ]
        found = _estimate(labels, right, classes, min(low for low, _ in ends), max(high for _, high in ends))
    return WrongLabels(wrong, right.argmax(axis=1), right.max(axis=1).astype(np.float64), found)


def _own(right: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How likely each given label is right: float64 (n), from probabilities of right classes (n, K)."""
    return right[np.arange(len(labels)), labels].astype(np.float64)


def _estimate(
    labels: np.ndarray, right: np.ndarray, classes: Sequence[str], low: float, high: float
) -> NoiseEstimate:
    """From labels int64 (n), the right classes' probabilities float (n, K), and the interval."""
    from backend.scores.word_presence import label_matrix

    counts = np.asarray(label_matrix(labels, len(classes)).T @ right, dtype=np.float64)  # (given, right)
    np.fill_diagonal(counts, 0.0)
    rows = np.bincount(labels, minlength=len(classes))
    return NoiseEstimate(
        rows=len(labels),
        wrong=float(counts.sum()),
        low=low,
        high=high,
        by_class={
            name: (float(wrong), int(of))
            for name, wrong, of in zip(classes, counts.sum(axis=1), rows, strict=True)
        },
        flows=_flows(counts, classes),
    )


def _interval(
    channel: NoiseChannel,
    own: np.ndarray,
    members: Sequence[np.ndarray],
    labels: np.ndarray,
    seed: int,
) -> tuple[float, float]:
    """Ends of the interval of the number of wrong labels, under one channel.

    The variance of what other draws of the rows would have fitted, and that of the rows' own chances.
    """
    count = len(labels)
    wrong = float((1 - own).sum())
    chance = float((own * (1 - own)).sum())
    spread = float(np.sqrt(_refitted(channel, members, labels, seed).var() * count**2 + chance))
    return max(wrong - _Z * spread, 0.0) / _MISFIT, min((wrong + _Z * spread) * _MISFIT, float(count))


def _refitted(
    channel: NoiseChannel, members: Sequence[np.ndarray], labels: np.ndarray, seed: int
) -> np.ndarray:
    """The share of wrong labels that channels fitted to other draws of the rows give: float64 (draws)."""
    from backend.scores.noise_channel import SAMPLE, fit_again

    generator = np.random.default_rng(seed)
    shares = []
    for _ in range(_DRAWS):
        rows = generator.integers(0, len(labels), min(len(labels), _DRAWN_ROWS))
        drawn, given = [each[rows] for each in members], labels[rows]
        again = fit_again(channel, drawn, given)
        shares.append(1 - _own(again.posterior(drawn, given), given).mean())
    return np.array(shares) * np.sqrt(min(len(labels), _DRAWN_ROWS) / min(len(labels), SAMPLE))


def _flows(counts: np.ndarray, classes: Sequence[str]) -> tuple[Flow, ...]:
    order = np.argsort(-counts, axis=None, kind="stable")[:_MOST_FLOWS]
    pairs = [divmod(int(place), len(classes)) for place in order]
    return tuple(
        Flow(classes[given], classes[right], float(counts[given, right]))
        for given, right in pairs
        if counts[given, right] >= _LEAST_FLOW
    )


# -- beside the rows ----------------------------------------------------------------------------------


def estimate_column(found: NoiseEstimate | None, rows: int) -> list[str | None]:
    """The estimate as a column of the producer's table: JSON in its first row, so that it is as whole and as
    current as the table."""
    return [None if found is None else json.dumps(found.to_json()), *[None] * (rows - 1)][:rows]


def current_estimate(folder: Folder) -> NoiseEstimate | None:
    """The estimate of the workspace's rows; None where the score is missing or stale, or rows are too few."""
    from backend.scores.registry import all_producers
    from backend.scores.table import read_column, score_state

    producer = all_producers()["label_noise"]
    if score_state(folder, producer) != "current":
        return None
    content = read_column(folder, producer, ESTIMATE)[0].as_py()
    return None if content is None else NoiseEstimate.of_json(json.loads(content))
