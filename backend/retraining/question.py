"""What is asked of every retrained model beside the eval rows: rows and typed texts, each for one label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.data.dataset import Split
from backend.data.examples import Examples
from backend.data.messages import listing, shown_value
from backend.errors import InputError


@dataclass(frozen=True)
class Asked:
    """A row of eval by id, or a typed text (with ``text_b`` for pairs), and the label to follow.

    ``label`` None: a row's own label; for a typed text it must be given.
    """

    row: str | None = None
    text: str | None = None
    text_b: str | None = None
    label: str | None = None


def resolved(
    asked: Sequence[Asked], evaluation: Split, classes: tuple[str, ...]
) -> tuple[list[dict[str, Any]], Examples]:
    """Records for the report (see `backend.retraining.report`) and the texts to predict; raises
    `InputError`."""
    records: list[dict[str, Any]] = []
    texts: list[str] = []
    seconds: list[str] = []
    for each in asked:
        label = _label(each, evaluation)
        if label not in classes:
            raise InputError(f"--label {shown_value(label)}: no class; the classes are {listing(classes)}")
        record: dict[str, Any] = {"label": classes.index(label), "row": None, "typed": None, "id": each.row}
        if each.row is not None:
            place = evaluation.position(each.row)
            record |= {"row": place, "text": evaluation.texts[place]}
        else:
            record |= {"typed": len(texts), "text": each.text, "text_b": each.text_b}
            texts.append(each.text or "")
            seconds.append(each.text_b or "")
        records.append(record)
    return records, Examples((texts, seconds)[: len(evaluation.info.text_columns)])


def _label(asked: Asked, evaluation: Split) -> str:
    if asked.row is not None:
        return asked.label or evaluation.labels[evaluation.position(asked.row)]
    if not asked.text or asked.label is None:
        raise InputError("--text needs --label: the class whose probability is followed")
    pairs = evaluation.info.text_b is not None
    if (asked.text_b is not None) != pairs:
        need = "needs" if pairs else "has no"
        raise InputError(f"--text: this data {need} second text (--text-b)")
    return asked.label
