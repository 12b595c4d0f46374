"""cleanlab's frames of label issues, as `CleanLearning.get_label_issues` and `Datalab.get_issues` give them.

They come in as flags: an issue is a suspicion, not a decision about the label. Rows are known by a column
``id`` (or ``row_id``); else by the frame's index, or by their order where all rows are there. Then every
given label must be the one here: what is out of step is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend.data.dataset import Split
from backend.data.messages import shown_label, shown_value
from backend.data.patch import PatchRow
from backend.data.targets.space import Space
from backend.data.targets.typed import as_typed
from backend.data.validate import as_text
from backend.errors import InputError
from backend.interchange.said import values_in

ISSUE, GIVEN, PREDICTED = "is_label_issue", "given_label", "predicted_label"
QUALITIES = ("label_quality", "label_score")
IDS = ("id", "row_id")
INDEXES = ("", "index", "Unnamed: 0", "__index_level_0__")
_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")


def is_frame(columns: Sequence[str]) -> bool:
    """Whether these are the columns of such a frame."""
    return ISSUE in columns


def read(
    rows: Sequence[tuple[str, Mapping[str, Any]]], train: Split, space: Space
) -> tuple[list[PatchRow], list[str]]:
    """Flags for the rows that are issues, and what else there is to say; `InputError` as above."""
    if space.edit == "text":
        raise InputError(
            "cleanlab's label issues are about labels; the rows of a language model have answers"
        )
    columns = rows[0][1].keys()
    named = next((each for each in IDS if each in columns), None)
    places = None if named else _places(rows, train)
    ids = [as_text(row[named]) for _, row in rows] if named else [train.ids[place] for place in places or ()]
    labels = _Labels(rows, ids, train, space) if GIVEN in columns else None
    if labels is None and named is None:
        raise InputError(
            f"no column {GIVEN!r}, so nothing shows that these are the rows here; give it, or a column 'id'"
        )
    if labels is not None:
        labels.check(by_id=named is not None)
    issues = [at for at, (where, row) in enumerate(rows) if _is_issue(where, row[ISSUE])]
    if not issues:
        raise InputError(f"none of {len(rows):,} rows is a label issue: nothing to decide")
    how = (
        f"rows are known by column {named!r}"
        if named
        else "rows are known by their place in the training data"
    )
    made = [
        PatchRow(
            rows[at][0],
            ids[at],
            "flag",
            None,
            _reason(rows[at][1], labels),
            old_label=labels.given(at) if labels else None,
        )
        for at in issues
    ]
    return made, [f"{len(issues):,} of {len(rows):,} rows are label issues; {how}"]


def _places(rows: Sequence[tuple[str, Mapping[str, Any]]], train: Split) -> list[int]:
    """The place of each row in the training data."""
    index = next((each for each in INDEXES if each in rows[0][1]), None)
    if index is None:
        if len(rows) != len(train):
            raise InputError(
                f"{len(rows):,} rows without id or index, {len(train):,} training rows: give a column 'id'"
            )
        return list(range(len(train)))
    places = [_place(where, row[index], len(train)) for where, row in rows]
    if len(set(places)) != len(places):
        raise InputError("an index stands there twice; give a column 'id'")
    return places


def _place(where: str, value: Any, count: int) -> int:
    text = as_text(value)
    if not text.isdecimal() or int(text) >= count:
        raise InputError(
            f"{where}: index {shown_value(text)} is no place among {count:,} training rows, from 0"
        )
    return int(text)


def _is_issue(where: str, value: Any) -> bool:
    text = as_text(value).lower()
    if text not in (*_TRUE, *_FALSE):
        raise InputError(f"{where}, column {ISSUE!r}: {shown_value(value)} is neither true nor false")
    return text in _TRUE


class _Labels:
    """Given and predicted labels as they are called here; numbers stand for the classes in their order."""

    def __init__(
        self, rows: Sequence[tuple[str, Mapping[str, Any]]], ids: Sequence[str], train: Split, space: Space
    ) -> None:
        self._rows, self._ids, self._train, self._space = rows, ids, train, space
        self._classes: tuple[str, ...] | None = None  # in the order that numbers mean

    def check(self, *, by_id: bool) -> None:
        """`InputError` where a given label is not that of the row; ``by_id``: rows may be unknown."""
        orders = (None, self._space.names, tuple(sorted(self._space.names)))
        wrong: int | None = None
        for order in orders if self._space.edit == "choose" else (None,):
            self._classes = order
            wrong = self._first_wrong(by_id)
            if wrong is None:
                return
            if order is None and not self._are_numbers():
                break
        assert wrong is not None
        where, row = self._rows[wrong]
        here = self._train.labels[self._train.position(self._ids[wrong])]
        raise InputError(
            f"{where}: given label {shown_value(row[GIVEN])}, and the row there has {shown_value(here)}; "
            "the frame is not of these rows, or not in their order"
        )

    def given(self, at: int) -> str | None:
        return self._named(self._rows[at][1][GIVEN])

    def predicted(self, row: Mapping[str, Any]) -> str | None:
        return self._named(row.get(PREDICTED))

    def _first_wrong(self, by_id: bool) -> int | None:
        for at, row in enumerate(self._ids):
            if by_id and not self._train.has(row):
                continue
            if self.given(at) != self._train.labels[self._train.position(row)]:
                return at
        return None

    def _are_numbers(self) -> bool:
        return all(as_text(row[GIVEN]).isdecimal() for _, row in self._rows)

    def _named(self, value: Any) -> str | None:
        if value is None or value == "":
            return None
        if self._classes is not None:
            text = as_text(value)
            return self._classes[int(text)] if text.isdecimal() and int(text) < len(self._classes) else None
        many = self._space.edit == "choose many"
        text = as_typed([as_text(each) for each in values_in(value)]) if many else as_text(value)
        try:
            return self._space.read(text)
        except InputError:
            return None


def _reason(row: Mapping[str, Any], labels: _Labels | None) -> str:
    quality = next((row[each] for each in QUALITIES if row.get(each) not in (None, "")), None)
    said = ["cleanlab: label issue"]
    try:
        said += [] if quality is None else [f"quality {float(quality):.3f}"]
    except (TypeError, ValueError):
        raise InputError(f"label quality {shown_value(quality)} is no number") from None
    predicted = labels.predicted(row) if labels else None
    said += [f"predicted {shown_label(predicted)}"] if predicted else []
    return ", ".join(said)
