"""A first look at a source: its columns, its first rows, what each column probably is."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from backend.data.class_naming import Naming, naming_of
from backend.data.columns import Columns
from backend.data.conversations import found_messages, init_command, keys_of, recognised
from backend.data.guess import Guess, columns_of, guess_columns
from backend.data.nested import with_nested
from backend.data.overlap import repeated_within
from backend.data.python_values import python_values
from backend.data.rejected import Rejections
from backend.data.remark import Remark, count_of, of_rows
from backend.data.rows import Rows
from backend.data.sources import first_rows, has_splits
from backend.data.survey import Asked, Survey, header_remarks, survey, usual_length
from backend.data.targets.registry import kind_of
from backend.data.text_remarks import column_remarks
from backend.data.validate import Usable, usable

ROWS = 20
LOOKED_AT = 5_000  # rows in which something is looked for
LONGEST_CELL = 400
MOST_MESSAGES = 100
MOST_COLUMNS = 200
LONGEST_NAME = 1_000  # of a column: what is longer can't be named on a command line


@dataclass(frozen=True)
class Peek:
    """``rows``: cells as text, cut to `LONGEST_CELL`, conversations message by message. ``has_splits``: the
    source has several splits.

    ``survey``: what is noticed in the first `LOOKED_AT` rows. ``nested``: dotted names of
    what lies in columns of objects.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    guess: Guess
    has_splits: bool
    survey: Survey = field(default_factory=Survey)
    nested: tuple[str, ...] = ()

    @property
    def choices(self) -> tuple[str, ...]:
        """What may be named as a column: columns, and fields of the objects in them by dotted names."""
        return (*self.columns, *self.nested)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> Peek:
        """What `to_json` was made from, read by another process."""
        rows = tuple(tuple(row) for row in content["rows"])
        noticed = Survey.of_json(content["survey"]) if "survey" in content else Survey()
        guess = Guess(**content["guess"])
        return cls(
            tuple(content["columns"]),
            rows,
            guess,
            content["has_splits"],
            noticed,
            tuple(content.get("nested", ())),
        )


def peek(source: str, *, text: str | None = None, label: str | None = None) -> Peek:
    """Look at a source without reading all of it; ``text``, ``label``: columns, if not those it looks like.

    `InputError` if it is no source or has no such column.
    """
    rows = first_rows(source, LOOKED_AT)
    names = [name for name in rows.table.column_names if len(name) <= LONGEST_NAME][:MOST_COLUMNS]
    head = rows.table.slice(0, ROWS)
    cells = [[_cell(each) for each in python_values(name, head.column(name))] for name in names]
    shown = tuple(zip(*cells, strict=True))
    guess = guess_columns(rows)
    guess = replace(guess, text=text or guess.text, label=label or guess.label)
    nested = [name for name in columns_of(rows) if name not in names and len(name) <= LONGEST_NAME]
    return Peek(
        tuple(names),
        shown,
        guess,
        has_splits(source),
        _survey(rows, guess, source),
        tuple(nested[:MOST_COLUMNS]),
    )


def _survey(rows: Rows, guess: Guess, source: str) -> Survey:
    """What is noticed in rows of which the columns are as they look; little, where these are not found."""
    if guess.text is not None and guess.label is not None:
        return _survey_of_labels(rows, Columns(guess.text, guess.label, guess.text_b), guess)
    whole = not rows.stopped
    said, columns = _for_language_models(rows, guess, source)
    if columns is None:
        return Survey(len(rows), whole, {}, (*header_remarks([rows]), *said, *column_remarks(rows, guess.id)))
    rejections = Rejections(skip_broken=True)
    part = usable(with_nested(rows, columns), columns, rejections)
    info = kind_of(columns.task).info(part, columns, Naming())
    rejected = rejections.sorted()
    asked = Asked(id=guess.id, limit=usual_length(columns.task))
    found = survey([part], asked, counts=({}, None), task=info, rejected=rejected, whole=whole)
    again = _repeated(part, "answer", "context")
    return replace(found, remarks=(*said, *_broken(rejections), *found.remarks, *again))


def _survey_of_labels(rows: Rows, columns: Columns, guess: Guess) -> Survey:
    rejections = Rejections(skip_broken=True)
    part = usable(with_nested(rows, columns), columns, rejections)
    counts = Counter(part.labels)
    naming, groups = naming_of(counts, file=rows.file, column=columns.label, guessed=rows.guessed)
    counts = Counter(naming.class_of(each) for each in counts.elements())
    asked = Asked(id=guess.id)
    rejected, whole = rejections.sorted(), not rows.stopped
    found = survey([part], asked, counts=(counts, None), groups=groups, rejected=rejected, whole=whole)
    again = _repeated(part.called(naming))
    return replace(found, remarks=(*_broken(rejections), *found.remarks, *again))


def _for_language_models(rows: Rows, guess: Guess, source: str) -> tuple[list[Remark], Columns | None]:
    """Conversations, prompts with completions, or texts without labels: the command that takes them, and
    their columns where they are the first two."""
    found = recognised({name: rows.head(name) for name in rows.table.column_names})
    if found is not None:
        command = init_command(source, found.options, guess.split, guess.id)
        return [Remark("for language models", found.said(command))], found.columns()
    if guess.text is None:
        return [], None
    command = init_command(source, f"--text {shlex.quote(guess.text)}", guess.split, guess.id)
    said = f"no column looks like a label; `{command}` trains a model that writes on the texts"
    return [Remark("for language models", said)], None


def _broken(rejections: Rejections) -> list[Remark]:
    """Rows that stop an import: how many, and what the first is refused for."""
    rows = rejections.sorted_broken()
    if not rows:
        return []
    advice = "correct them, or leave them out with --skip-bad-rows"
    said = f"{count_of(len(rows), 'row')} that `init` refuses; {advice}"
    return [Remark("broken", said, len(rows), str(rows[0]))]


def _repeated(part: Usable, target: str = "label", read: str = "text") -> list[Remark]:
    """Rows with the text of an earlier one; `init` counts them in each split."""
    again, contradicting = repeated_within(part.examples)
    others = f", {int(contradicting.sum()):,} of them with another {target}" if contradicting.any() else ""
    what = f"{count_of(int(again.sum()), 'row')} with the {read} of an earlier row{others}"
    return of_rows("repeated", what, np.flatnonzero(again).tolist(), part.rows.place)


def _cell(value: object) -> str:
    if messages := found_messages(value):
        return _messages(messages)
    if isinstance(value, (list, dict)):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = "" if value is None else str(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _messages(messages: Sequence[Mapping[str, Any]]) -> str:
    """Messages as JSON, each text of theirs cut: what is left can be read."""
    cut = []
    for each in messages[:MOST_MESSAGES]:
        _, text = keys_of(each) or ("", "")
        said = each.get(text)
        cut.append({**each, text: said[:LONGEST_CELL]} if isinstance(said, str) else each)
    return json.dumps(cut, ensure_ascii=False, default=str)
