"""The estimated number of wrong labels, with an interval, and which classes are taken for which.

``scores/label_noise.json`` beside the producer's table: `NoiseEstimate` under the table's key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.files import digest, write_json
from backend.folder import Folder

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for scipy
    from backend.scores.noise_channel import NoiseChannel

LEAST_ROWS = 100  # below, nothing is estimated
CERTAINTY = 0.9  # of the interval
_DRAWS = 20  # of the rows, with replacement
_DRAWN_ROWS = 5_000  # at most, in each
_MISFIT = 1.25  # each end of the interval is moved by this factor (docs/measured.md: how often it holds)
_Z = 1.645
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

    def said(self) -> str:
        """The count and its interval in words."""
        return (
            f"about {rounded(self.wrong)} of {self.rows:,} "
            f"({rounded(self.low)} to {rounded(self.high)}, {CERTAINTY:.0%} interval)"
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


def estimate(
    channel: NoiseChannel,
    members: Sequence[np.ndarray],
    labels: np.ndarray,
    right: np.ndarray,
    classes: Sequence[str],
    seed: int = 0,
) -> NoiseEstimate:
    """From a fitted channel, the log probabilities (n, K) and labels int64 (n) that it was fitted to, and
    its posterior ``right`` float (n, K).

    The interval adds what other draws of the rows would have fitted to the chance of each row, as variances.
    """
    counts = np.zeros((len(classes), len(classes)))
    np.add.at(counts, labels, right)  # (given, right)
    np.fill_diagonal(counts, 0.0)
    wrong = float(counts.sum())
    own = right[np.arange(len(labels)), labels].astype(np.float64)
    spread = np.sqrt(
        _refitted(channel, members, labels, seed).var() * len(labels) ** 2 + (own * (1 - own)).sum()
    )
    return NoiseEstimate(
        rows=len(labels),
        wrong=wrong,
        low=max(wrong - _Z * spread, 0.0) / _MISFIT,
        high=min((wrong + _Z * spread) * _MISFIT, float(len(labels))),
        by_class={
            name: (float(each), int(rows))
            for name, each, rows in zip(
                classes, counts.sum(axis=1), np.bincount(labels, minlength=len(classes)), strict=True
            )
        },
        flows=_flows(counts, classes),
    )


def _refitted(
    channel: NoiseChannel, members: Sequence[np.ndarray], labels: np.ndarray, seed: int
) -> np.ndarray:
    """The share of wrong labels that channels fitted to other draws of the rows give: float64 (draws)."""
    from backend.scores.noise_channel import fit_channel

    generator = np.random.default_rng(seed)
    shares = []
    for _ in range(_DRAWS):
        rows = generator.integers(0, len(labels), min(len(labels), _DRAWN_ROWS))
        drawn, given = [each[rows] for each in members], labels[rows]
        again = fit_channel(drawn, given, start=channel)
        shares.append(1 - again.posterior(drawn, given)[np.arange(len(rows)), given].mean())
    return np.array(shares) * np.sqrt(min(len(labels), _DRAWN_ROWS) / len(labels))


def _flows(counts: np.ndarray, classes: Sequence[str]) -> tuple[Flow, ...]:
    order = np.argsort(-counts, axis=None, kind="stable")[:_MOST_FLOWS]
    pairs = [divmod(int(place), len(classes)) for place in order]
    return tuple(
        Flow(classes[given], classes[right], float(counts[given, right]))
        for given, right in pairs
        if counts[given, right] >= _LEAST_FLOW
    )


# -- the file -----------------------------------------------------------------------------------------


def write_estimate(folder: Folder, found: NoiseEstimate | None, key: str) -> None:
    """Keep an estimate, or that there is none, beside the table with this key."""
    content = None if found is None else found.to_json()
    write_json(_path(folder), {"key": key, "digest": digest("label noise", content), "estimate": content})


def current_estimate(folder: Folder) -> NoiseEstimate | None:
    """The estimate of the workspace's rows; None where the score is missing or stale, or rows are too few."""
    from backend.scores.registry import all_producers
    from backend.scores.table import artifact_name, score_state

    producer = all_producers()["label_noise"]
    if score_state(folder, producer) != "current":
        return None
    return read_estimate(folder, folder.manifest().artifacts[artifact_name(producer)].id)


def read_estimate(folder: Folder, key: str) -> NoiseEstimate | None:
    """The estimate beside the table with this key; None if there is none, or it is damaged."""
    try:
        read = json.loads(_path(folder).read_text(encoding="utf-8"))
        if read["key"] != key or read["digest"] != digest("label noise", read["estimate"]):
            return None
        return None if read["estimate"] is None else NoiseEstimate.of_json(read["estimate"])
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError):
        return None


def _path(folder: Folder) -> Path:
    return folder.scores / "label_noise.json"
