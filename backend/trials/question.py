"""What is asked of every retrained model beside the eval rows: rows and typed texts, and of each what is
followed, a `backend.tasks.task.Choice`: a class, a label there or not there, a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.data.dataset import Split
from backend.data.examples import Examples
from backend.data.messages import shown_value
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.tasks.registry import task_named
from backend.tasks.task import Choice
from backend.trials.outcome import Outcome

FOLLOWED = {
    "choose": "the class whose probability is followed",
    "choose many": "the label whose probability is followed, or 'not NAME'",
    "number": "high, low, or the number that is right",
}
"""What ``--label`` names, by `Space.edit`."""


@dataclass(frozen=True)
class Asked:
    """What is asked of every model of a trial: a row of eval, or a typed text, and the label to follow.

    Parameters
    ----------
    row
        Id of the row.
    text
        The text; or ``row``.
    text_b
        Its second sentence, where rows are pairs.
    label
        None: a row's own target, of several labels each; for a typed text it must be given.
    about
        What is asked of a language model, of the row or of what is typed there.

    Examples
    --------
    >>> from firstword.settings import Asked
    >>> Asked(text="a gorgeous film", label="good").label
    'good'
    """

    row: str | None = None
    text: str | None = None
    text_b: str | None = None
    label: str | None = None
    about: AboutAnswer | None = None

    @property
    def only_asks(self) -> bool:
        """Whether models are to answer, and no words of an answer are asked about."""
        return self.row is None and self.about is not None and self.about.only_asks


def resolved(
    asked: Sequence[Asked], evaluation: Split, space: Space
) -> tuple[list[dict[str, Any]], Examples]:
    """Records for the report (see `backend.trials.report`) and the texts to predict; raises
    `InputError`."""
    records: list[dict[str, Any]] = []
    texts: list[str] = []
    seconds: list[str] = []
    for each in asked:
        place = None if each.row is None else evaluation.position(each.row)
        record: dict[str, Any] = {"row": place, "typed": None, "id": each.row}
        if place is not None:
            record["text"] = evaluation.texts[place]
        else:
            record |= {"typed": len(texts), "text": each.text, "text_b": each.text_b}
        followed = list(_followed(each, place, evaluation, space))
        if place is None:
            texts.append(each.text or "")
            seconds.append(each.text_b or "")
        records += [{"label": choice_named(space, name).name, **record} for name in followed]
    return records, Examples((texts, seconds)[: len(evaluation.info.text_columns)])


def choice_named(space: Space, name: str, outputs: np.ndarray | None = None) -> Choice:
    """What is followed by that name, with the value that ``outputs`` (K) give it; `InputError` if nothing
    is."""
    said = np.zeros(len(space.names), dtype=np.float32) if outputs is None else outputs
    return task_named(space.task).choice(space, said, name)


def _followed(asked: Asked, place: int | None, evaluation: Split, space: Space) -> Iterator[str]:
    if place is not None:
        yield from [asked.label] if asked.label else _own(evaluation, place, space)
        return
    if not asked.text or asked.label is None:
        raise InputError(f"--text needs --label: {FOLLOWED[space.edit]}")
    pairs = evaluation.info.text_b is not None
    if (asked.text_b is not None) != pairs:
        need = "needs" if pairs else "has no"
        raise InputError(f"--text: this data {need} second text (--text-b)")
    yield asked.label


def _own(evaluation: Split, place: int, space: Space) -> Sequence[str]:
    """What a row's own target lets one follow."""
    target = evaluation.labels[place]
    if space.edit == "number":
        return [target]
    labels = space.labels_of(target)
    if not labels:
        row = shown_value(evaluation.ids[place])
        raise InputError(f"--row {row}: has no label to follow; say --label: {FOLLOWED[space.edit]}")
    return labels


def said_of(record: Mapping[str, Any], outcome: Outcome, space: Space) -> tuple[float, float]:
    """What a trained model says of a query, a probability or a number, and the loss of what is followed.

    Of words the probability that the model writes them, all of them, where they stand.
    """
    row = record.get("row")
    outputs = outcome.evaluation[row] if row is not None else outcome.queries[record["typed"]]
    if space.edit == "text":
        return float(np.exp(-outputs[0], dtype=np.float64)), float(outputs[0])
    choice = choice_named(space, record["label"], outputs)
    losses = task_named(space.task).losses_of(outputs[None], np.asarray(choice.number)[None])
    return choice.value, float(losses[0])
