"""The review queue: which training rows to look at first, and why.

Each score that serves the same decision is turned into a rank between 0 and 1 (1: the most suspicious row);
a row's suspicion is the mean over `MEMBERS`, chosen by the noise benchmark (docs/decisions.md). Reasons are
the scores in whose top share a row is, ties included, with a value that speaks against it. Different
decisions (`SERVES`) have queues of their own: a wrong label is not the same as a redundant row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from backend.data.dataset import Split
from backend.data.messages import shown_label
from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.scores.ranks import rankdata
from backend.scores.registry import all_scores
from backend.scores.score import Score, Serves
from backend.scores.table import ScoreTable

SERVES: tuple[str, ...] = get_args(Serves)
LABEL = "suspect label"
QUEUE = "queue"  # the name of the combined score
MEMBERS = ("confidence", "pvi", "token_association")
REASON_SHARE = 0.05  # of the rows: what is further down is no reason
SURE = 0.5  # the probability from which another label is suggested
UNDECIDED = "undecided"
STATES = (UNDECIDED, "keep", "flag", "remove", "relabel", "all")


@dataclass(frozen=True)
class Reason:
    """Why a row is in the queue: a score, its value, the row's rank by it (1: the most suspicious of all)."""

    score: str
    value: float
    rank: float
    sentence: str


@dataclass(frozen=True)
class QueueItem:
    """One row of the queue, with the ``label`` in force.

    ``suspicion`` is between 0 and 1; ``confidence`` that of the suggestion.
    """

    rank: int
    id: str
    text: str
    text_b: str | None
    label: str
    group: str | None
    state: str
    suspicion: float
    reasons: list[Reason]
    action: str
    suggested_label: str | None
    confidence: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists."""
        return asdict(self)


@dataclass(frozen=True)
class QueueFilter:
    """Which rows to list. ``reason`` is a score's name; ``state`` one of `STATES`.

    ``label``: the label in force or the one that the row came with, so that no decision takes a row out of
    what is being worked through.
    """

    serves: str = LABEL
    reason: str | None = None
    label: str | None = None
    group: str | None = None
    state: str = UNDECIDED

    def __post_init__(self) -> None:
        if self.serves not in SERVES:
            raise InputError(f"--serves {self.serves}: must be one of {', '.join(SERVES)}")
        if self.state not in STATES:
            raise InputError(f"--state {self.state}: must be one of {', '.join(STATES)}")


def ranks(table: ScoreTable, serves: str) -> dict[str, np.ndarray]:
    """Every score that serves a decision as ranks between 0 and 1, 1 the most suspicious: float64 (n).

    NaN for rows without a value; ties share their mean rank.
    """
    return {name: rank_of(each) for name, each in _suspicions(table, serves).items()}


def _suspicions(table: ScoreTable, serves: str) -> dict[str, np.ndarray]:
    scores = [each for each in all_scores().values() if each.serves == serves and each.name in table.names]
    return {each.name: each.suspicion(table.values(each.name)) for each in scores}


def suspicions(table: ScoreTable) -> dict[str, np.ndarray]:
    """Every score as suspicion, high asks for a look, and the queue of suspect labels: float64 (n)."""
    found = {
        each.name: each.suspicion(table.values(each.name))
        for each in all_scores().values()
        if each.name in table.names
    }
    return {**found, QUEUE: combined(ranks(table, LABEL))}


def combined(by_score: Mapping[str, np.ndarray]) -> np.ndarray:
    """The mean rank over `MEMBERS`, or over all scores where none of them is there: float64 (n).

    A member without a value for a row has no say about it; 0 where none has one.
    """
    members = [by_score[name] for name in MEMBERS if name in by_score] or list(by_score.values())
    if not members:
        return np.empty(0)
    known = np.isfinite(members)
    counts = known.sum(axis=0)
    total = np.where(known, members, 0.0).sum(axis=0)
    return np.divide(total, counts, out=np.zeros(len(counts)), where=counts > 0)


@dataclass(frozen=True)
class Ranking:
    """The ``places`` of all rows that have a reason, most suspicious first, ties by id.

    It stays the same whatever is decided. ``speaking`` says how strongly each score speaks against each row.
    """

    train: Split
    serves: str
    columns: dict[str, pa.ChunkedArray]
    suspicion: np.ndarray
    speaking: dict[str, np.ndarray]
    places: list[int]


def rank_rows(table: ScoreTable, train: Split, serves: str = LABEL) -> Ranking:
    """Rank the rows by the scores that serve a decision."""
    by_score = _suspicions(table, serves)
    suspicion = combined({name: rank_of(each) for name, each in by_score.items()})
    known = all_scores()
    speaking = {n: reason_ranks(known[n], each) for n, each in by_score.items() if known[n].is_reason}
    found = np.flatnonzero(np.max(list(speaking.values()), axis=0) > 0).tolist() if speaking else []
    places = sorted(found, key=lambda place: (-suspicion[place], train.ids[place]))
    columns = {name: table.table[name] for name in table.names}
    return Ranking(train, serves, columns, suspicion, speaking, places)


class Queue:
    """The rows of a ranking that fit a filter; an item is made when it is asked for."""

    def __init__(self, ranking: Ranking, states: Mapping[str, RowState], wanted: QueueFilter) -> None:
        """Raises `InputError` where no score serves the decision, or the filter names what is not there."""
        _check(ranking.speaking, ranking.train, wanted)
        if not ranking.speaking:
            raise InputError(f"no score that serves {wanted.serves!r} has been computed; run `scores`")
        self._ranking, self._states = ranking, states
        against = None if wanted.reason is None else ranking.speaking[wanted.reason]
        self._places = [
            place
            for place in ranking.places
            if (against is None or against[place] > 0) and _is_wanted(ranking.train, states, wanted, place)
        ]

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[QueueItem]:
        return (self.item(at) for at in range(len(self)))

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the rows, in the order of the queue."""
        return [self._ranking.train.ids[place] for place in self._places]

    @cached_property
    def undecided(self) -> list[bool]:
        """Whether nothing has been decided about each of the rows."""
        return [each not in self._states for each in self.ids]

    def item(self, at: int) -> QueueItem:
        """The row at a 0-based place of the queue."""
        place, ranking = self._places[at], self._ranking
        row = {name: column[place].as_py() for name, column in ranking.columns.items()}
        reasons = _reasons(ranking.speaking, row, place)
        return _item(
            at + 1, place, ranking.train, self._states, ranking.suspicion, reasons, row, ranking.serves
        )


def make_queue(
    table: ScoreTable, train: Split, states: Mapping[str, RowState], wanted: QueueFilter
) -> list[QueueItem]:
    """The whole queue, most suspicious first, ties by id; `InputError` as `Queue` says."""
    return list(Queue(rank_rows(table, train, wanted.serves), states, wanted))


def _check(by_score: Collection[str], train: Split, wanted: QueueFilter) -> None:
    known = all_scores().get(wanted.reason or "")
    if known is not None and known.serves != wanted.serves:
        raise InputError(f"--reason {wanted.reason}: is a reason of --serves {known.serves!r}")
    if wanted.reason is not None and wanted.reason not in by_score:
        raise InputError(f"--reason {wanted.reason}: must be one of {', '.join(by_score)}")
    if wanted.label is not None and wanted.label not in train.labels:
        raise InputError(f"--label {wanted.label}: no training row has this label")
    if wanted.group is not None and (train.groups is None or wanted.group not in train.groups):
        raise InputError(f"--group {wanted.group}: no training row is of this group")


def _is_wanted(train: Split, states: Mapping[str, RowState], wanted: QueueFilter, place: int) -> bool:
    state = _state(states, train.ids[place])
    return (
        wanted.state in ("all", state)
        and wanted.label in (None, train.labels[place], _label(states, train, place))
        and (wanted.group is None or (train.groups or [])[place] == wanted.group)
    )


def _state(states: Mapping[str, RowState], row: str) -> str:
    return states[row].action if row in states else UNDECIDED


def _label(states: Mapping[str, RowState], train: Split, place: int) -> str:
    """The label in force."""
    state = states.get(train.ids[place])
    return train.labels[place] if state is None or state.label is None else state.label


def rank_of(values: np.ndarray, method: Literal["average", "max"] = "average") -> np.ndarray:
    """Suspicions as ranks between 0 and 1, 1 the highest; NaN where there is none: float64 (n)."""
    known = np.isfinite(values)
    found = np.full(len(values), np.nan)
    if known.any():
        found[known] = rankdata(values[known], method=method) / np.count_nonzero(known)
    return found


def reason_ranks(score: Score, values: np.ndarray) -> np.ndarray:
    """The rank of every row for which a score is a reason, else 0: float64 (n), from suspicions (n).

    It is one for the most suspicious `REASON_SHARE`, with all that tie, if they are above the middle and
    beyond the score's own limit.
    """
    ranked = rank_of(values, "max")
    known = np.isfinite(values)
    speaks = known & (np.nan_to_num(ranked) > 1 - REASON_SHARE)
    if known.any():
        speaks &= np.where(known, values, -np.inf) > np.median(values[known])
    if score.beyond is not None:
        speaks &= np.where(known, values, -np.inf) > score.suspicion(np.array([score.beyond]))[0]
    return np.where(speaks, ranked, 0.0)


def _reasons(speaking: Mapping[str, np.ndarray], row: Mapping[str, Any], place: int) -> list[Reason]:
    """The scores that speak against the row, strongest first."""
    known = all_scores()
    found = [
        Reason(name, float(row[name]), float(each[place]), sentence(known[name], row))
        for name, each in speaking.items()
        if each[place] > 0
    ]
    return sorted(found, key=lambda each: (-each.rank, each.score))


def sentence(score: Score, row: Mapping[str, Any]) -> str:
    """What the score says about the row; a column without a value leaves the score's own meaning."""
    try:
        values = {
            name: shown_label(each, 160) if isinstance(each, str) else each for name, each in row.items()
        }
        return score.sentence.format_map(values) or score.high
    except (KeyError, TypeError, ValueError):
        return f"{score.title}: among the {score.suspect}est"


def _item(
    rank: int,
    place: int,
    train: Split,
    states: Mapping[str, RowState],
    suspicion: np.ndarray,
    reasons: Sequence[Reason],
    row: Mapping[str, Any],
    serves: str,
) -> QueueItem:
    label = _label(states, train, place)
    action, suggested, confidence = _suggestion(serves, label, row, states)
    return QueueItem(
        rank=rank,
        id=train.ids[place],
        text=train.texts[place],
        text_b=train.texts_b[place] if train.texts_b else None,
        label=label,
        group=train.groups[place] if train.groups else None,
        state=_state(states, train.ids[place]),
        suspicion=float(suspicion[place]),
        reasons=list(reasons),
        action=action,
        suggested_label=suggested,
        confidence=confidence,
    )


def _suggestion(
    serves: str, label: str, row: Mapping[str, Any], states: Mapping[str, RowState]
) -> tuple[str, str | None, float | None]:
    """What to do: relabel where cross-validation is sure of another class, else look.

    A copy can go where the row that it repeats stays and has no other label.
    """
    original = row.get("copy_of")
    if serves == "redundant" and original and not row.get("contradiction"):
        return ("flag" if _state(states, original) == "remove" else "remove"), None, None
    other, probability = row.get("cv_label"), row.get("cv_probability")
    if serves == LABEL and other not in (None, "", label) and probability is not None and probability >= SURE:
        return "relabel", str(other), float(probability)
    return "flag", None, None
