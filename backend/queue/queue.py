"""The review queue: every training row in the order in which to look at it, and why.

A row's place is that of its suspicion (`backend.scores.suspicion`); its reasons are the scores that speak
against it (`backend.scores.ranks`). Different decisions (`SERVES`) have queues of their own: a wrong label is
not the same as a redundant row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backend.data.conversation import Conversation
from backend.data.conversation_text import readable
from backend.data.dataset import Split
from backend.data.rowstate import RowState
from backend.data.targets.registry import kind_of
from backend.errors import InputError
from backend.manifest import TaskName
from backend.queue.queue_item import UNDECIDED, QueueItem, reasons_of, state_of, suggestion
from backend.scores.ranks import reason_ranks
from backend.scores.registry import all_scores, scores_for
from backend.scores.score import LABEL, Score, Serves
from backend.scores.suspicion import suspicion_for
from backend.scores.table import ScoreTable

SERVES: tuple[str, ...] = get_args(Serves)
STATES = (UNDECIDED, "keep", "flag", "remove", "relabel", "all")


@dataclass(frozen=True)
class QueueFilter:
    """Which rows to list.

    Parameters
    ----------
    serves
        What is looked for: wrong labels, unless another decision is named.
    reason
        A score's name.
    label
        The label in force or the one that the row came with, so that no decision takes a row out of what is
        being
        worked through; of label sets, those that hold it.
    group
        Where the row comes from.
    state
        ``undecided``, ``keep``, ``flag``, ``remove``, ``relabel`` or ``all``.

    Raises
    ------
    InputError
        If ``serves`` or ``state`` is unknown.

    Examples
    --------
    >>> from firstword.settings import QueueFilter
    >>> QueueFilter(state="all").serves
    'suspect label'
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


@dataclass(frozen=True)
class Ranking:
    """The ``places`` of all rows, most suspicious first, ties by id; it stays the same whatever is decided.

    ``speaking`` says how strongly each score speaks against each row: float64 (n), 0 where it does not.
    """

    train: Split
    serves: str
    columns: dict[str, pa.ChunkedArray]
    suspicion: np.ndarray
    speaking: dict[str, np.ndarray]
    places: np.ndarray


def rank_rows(table: ScoreTable, train: Split, serves: str = LABEL) -> Ranking:
    """Rank the rows by the scores that serve a decision."""
    classes = class_numbers(train)
    suspicion = suspicion_for(table, classes, serves)
    speaking = {each.name: speaks(each, table, classes) for each in _serving(table, serves) if each.is_reason}
    order = _order(suspicion, train.ids) if len(suspicion) else np.empty(0, dtype=np.int64)
    columns = {name: table.table[name] for name in table.names}
    return Ranking(train, serves, columns, suspicion, speaking, order)


def class_numbers(train: Split) -> np.ndarray:
    """A number for what the rows of a kind have in common, such as their label: int64 (n)."""
    return train.strata


def _order(suspicion: np.ndarray, ids: Sequence[str]) -> np.ndarray:
    """Places of the rows, the most suspicious first, ties by id: int64 (n)."""
    table = pa.table({"suspicion": suspicion, "id": pa.array(ids, pa.large_string())})
    keys = [("suspicion", "descending"), ("id", "ascending")]
    return pc.sort_indices(table, sort_keys=keys).to_numpy().astype(np.int64)


def speaks(score: Score, table: ScoreTable, classes: np.ndarray) -> np.ndarray:
    """How strongly a score speaks against each row, 0 where it is no reason: float64 (n)."""
    holds = None
    if score.if_true is not None and score.if_true in table.names:
        holds = table.values(score.if_true) > 0
    return reason_ranks(score, score.suspicion(table.values(score.name)), classes, holds)


def _serving(table: ScoreTable, serves: str) -> list[Score]:
    return [each for each in all_scores().values() if each.serves == serves and each.name in table.names]


class Queue(Sequence[QueueItem]):
    """The rows of a ranking that fit a filter, in order; an item is made when it is asked for."""

    def __init__(self, ranking: Ranking, states: Mapping[str, RowState], wanted: QueueFilter) -> None:
        """Raises `InputError` where no score serves the decision, or the filter names what is not there."""
        _check(ranking, wanted)
        self._ranking, self._states = ranking, states
        fits = _fitting(ranking, states, wanted)
        self._places = ranking.places[fits[ranking.places]]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> QueueItem: ...

    @overload
    def __getitem__(self, at: slice) -> list[QueueItem]: ...

    def __getitem__(self, at: int | slice) -> QueueItem | list[QueueItem]:
        chosen = range(len(self))[at]
        return [self._item(each) for each in chosen] if isinstance(chosen, range) else self._item(chosen)

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the rows, in the order of the queue."""
        return [self._ranking.train.ids[place] for place in self._places.tolist()]

    @cached_property
    def undecided(self) -> list[bool]:
        """Whether nothing has been decided about each of the rows."""
        return [each not in self._states for each in self.ids]

    @cached_property
    def with_reason(self) -> int:
        """How many of the rows have a reason."""
        return int(np.count_nonzero(_has_reason(self._ranking)[self._places]))

    def _item(self, at: int) -> QueueItem:
        place, ranking = int(self._places[at]), self._ranking
        train, states = ranking.train, self._states
        row: dict[str, Any] = {name: column[place].as_py() for name, column in ranking.columns.items()}
        label, texts = _label(states, train, place), train.texts_of(place)
        action, suggested, confidence = suggestion(ranking.serves, label, row, states)
        return QueueItem(
            rank=at + 1,
            id=train.ids[place],
            text=texts[0],
            text_b=texts[1] if len(texts) > 1 else None,
            label=label,
            group=train.groups[place] if train.groups else None,
            state=state_of(states, train.ids[place]),
            suspicion=float(ranking.suspicion[place]),
            reasons=reasons_of(ranking.speaking, row, place),
            action=action,
            suggested_label=suggested,
            confidence=confidence,
            asked=None
            if train.examples.reading is None
            else readable(Conversation.of(texts[0], label), "read"),
        )


def make_queue(table: ScoreTable, train: Split, states: Mapping[str, RowState], wanted: QueueFilter) -> Queue:
    """The queue, most suspicious first, ties by id; `InputError` as `Queue` says."""
    return Queue(rank_rows(table, train, wanted.serves), states, wanted)


def _check(ranking: Ranking, wanted: QueueFilter) -> None:
    train, known = ranking.train, all_scores().get(wanted.reason or "")
    if known is not None and known.serves != wanted.serves:
        raise InputError(f"--reason {wanted.reason}: is a reason of --serves {known.serves!r}")
    if wanted.reason is not None and wanted.reason not in ranking.speaking:
        raise InputError(f"--reason {wanted.reason}: must be one of {', '.join(ranking.speaking)}")
    if wanted.label is not None and not any(
        _has_label(train, wanted.label, each) for each in set(train.labels)
    ):
        raise InputError(f"--label {wanted.label}: no training row has this label")
    if wanted.group is not None and (train.groups is None or wanted.group not in train.groups):
        raise InputError(f"--group {wanted.group}: no training row is of this group")
    if not len(ranking.suspicion):
        raise InputError(_nothing_serves(wanted.serves, train.task.name))


def _nothing_serves(serves: str, task: TaskName) -> str:
    """Why there is no queue of a decision."""
    if any(each.serves == serves for each in scores_for(task).values()):
        return f"no score that serves {serves!r} has been computed; run `scores`"
    known = dict.fromkeys(each.serves for each in scores_for(task).values())
    return f"--serves {serves}: no score of {task} serves it; there are {', '.join(known)}"


def _has_reason(ranking: Ranking) -> np.ndarray:
    """bool (n)."""
    found = np.zeros(len(ranking.train), dtype=bool)
    for each in ranking.speaking.values():
        found |= each > 0
    return found


def _fitting(ranking: Ranking, states: Mapping[str, RowState], wanted: QueueFilter) -> np.ndarray:
    """Which rows fit the filter: bool (n)."""
    train = ranking.train
    fits = np.ones(len(train), dtype=bool) if wanted.reason is None else ranking.speaking[wanted.reason] > 0
    decided = {train.position(row): state for row, state in states.items() if train.has(row)}
    if wanted.state == UNDECIDED:
        fits[list(decided)] = False
    elif wanted.state != "all":
        chosen = [place for place, state in decided.items() if state.action == wanted.state]
        fits &= np.isin(np.arange(len(train)), chosen)
    if wanted.label is not None:
        fits &= _labelled(ranking, decided, wanted.label)
    if wanted.group is not None:
        fits &= np.array(train.groups, dtype=object) == wanted.group
    return fits


def _labelled(ranking: Ranking, decided: Mapping[int, RowState], label: str) -> np.ndarray:
    """Which rows have a label, by what they came with or by what was decided, by place: bool (n)."""
    train = ranking.train
    having = {each for each in set(train.labels) if _has_label(train, label, each)}
    found = np.array([each in having for each in train.labels], dtype=bool)
    relabelled = {place: state.label for place, state in decided.items() if state.label is not None}
    found[[place for place, each in relabelled.items() if _has_label(train, label, each)]] = True
    return found


def _has_label(train: Split, label: str, target: str) -> bool:
    """Whether a target is the label, or holds it."""
    return label == target or label in kind_of(train.task.name).labels(target)


def _label(states: Mapping[str, RowState], train: Split, place: int) -> str:
    """The label in force."""
    state = states.get(train.ids[place])
    return train.labels[place] if state is None or state.label is None else state.label
