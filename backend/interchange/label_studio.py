"""Label Studio: the exports JSON, JSON_MIN and CSV.

JSON has a task with all its annotations; the other two have a record for each annotation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend.errors import InputError
from backend.interchange.said import Judged, Judgements, Said, values_in

# What JSON_MIN and CSV write beside the data and the answers.
_OWN = ("annotation_id", "annotator", "created_at", "updated_at", "lead_time", "agreement", "id")
_LISTS = ("annotations", "completions")


def is_task(record: Mapping[str, Any]) -> bool:
    """Whether it looks like a task, or like the record of an annotation."""
    whole = isinstance(record.get("data"), dict) and any(key in record for key in _LISTS)
    return whole or ("annotation_id" in record and "annotator" in record)


def read(records: Sequence[tuple[str, Mapping[str, Any]]]) -> Judgements:
    """The annotations that were not skipped; `InputError` naming a task that is none."""
    mixed = any(_is_one(record) for _, record in records)
    return Judgements("label-studio", tuple(_judged(where, each) for where, each in records), mixed=mixed)


def _is_one(record: Mapping[str, Any]) -> bool:
    """Whether it is the record of one annotation."""
    return "annotation_id" in record and not isinstance(record.get("data"), dict)


def _judged(where: str, record: Mapping[str, Any]) -> Judged:
    if _is_one(record):
        return _one(where, record)
    data = record.get("data")
    made: Any = next((record[key] for key in _LISTS if record.get(key) is not None), [])
    if not isinstance(data, dict) or not isinstance(made, list) or not all(isinstance(m, dict) for m in made):
        raise InputError(
            f"{where}: no task of Label Studio; data is an object, annotations a list of objects"
        )
    said = [_said(where, each) for each in made if not (each.get("was_cancelled") or each.get("skipped"))]
    return Judged(where, None, data, tuple(said))


def _said(where: str, annotation: Mapping[str, Any]) -> Said:
    result = annotation.get("result") or []
    if not isinstance(result, list) or not all(isinstance(each, dict) for each in result):
        raise InputError(f"{where}: the result of an annotation is no list of objects")
    answers: dict[str, list[Any]] = {}
    for each in result:
        name = each.get("from_name")
        if isinstance(name, str):
            answers.setdefault(name, []).extend(values_in(each.get("value")))
    when = annotation.get("updated_at") or annotation.get("created_at") or ""
    return Said(_person(annotation.get("completed_by")), answers, str(when))


def _one(where: str, record: Mapping[str, Any]) -> Judged:
    """A record of one annotation, in which data and answers stand side by side."""
    mixed = {key: each for key, each in record.items() if key not in _OWN}
    when = record.get("updated_at") or record.get("created_at") or ""
    return Judged(where, None, mixed, (Said(_person(record["annotator"]), mixed, str(when)),))


def _person(given: Any) -> str:
    if isinstance(given, dict):
        given = given.get("email") or given.get("username") or given.get("id")
    return "" if given in (None, "") else str(given)
