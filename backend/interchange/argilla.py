"""Argilla 2: records as `Dataset.records.to_json`, `to_list(flatten=True)` and `to_datasets` write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend.errors import InputError
from backend.interchange.said import Judged, Judgements, Said

_UNSAID = (
    "this export does not say which responses were submitted (to_json leaves it out): of completed records "
    "drafts and discarded ones count, too, of pending ones none; "
    "`dataset.records.to_datasets().to_parquet(FILE)` says it"
)
_RESPONSES = ".responses"


def is_record(record: Mapping[str, Any]) -> bool:
    """Whether it looks like a record of Argilla, nested or flat."""
    nested = isinstance(record.get("fields"), dict) and isinstance(record.get("responses"), dict | None)
    return (nested and "responses" in record) or "_server_id" in record or _is_flat(record)


def _is_flat(record: Mapping[str, Any]) -> bool:
    return any(key.endswith(_RESPONSES) for key in record)


def read(records: Sequence[tuple[str, Mapping[str, Any]]]) -> Judgements:
    """The submitted responses; `InputError` naming a record that is none."""
    found = [_judged(where, record) for where, record in records]
    notes = (_UNSAID,) if any(unsaid for _, unsaid in found) else ()
    return Judgements("argilla", tuple(each for each, _ in found), notes)


def _judged(where: str, record: Mapping[str, Any]) -> tuple[Judged, bool]:
    """The record, and whether it does not say which of its responses were submitted."""
    if _is_flat(record) or "fields" not in record:
        shown = {key: each for key, each in record.items() if "." not in key}
        responses = {
            key.removesuffix(_RESPONSES): _flat(where, record, key)
            for key in record
            if key.endswith(_RESPONSES) and record[key]
        }
    else:
        parts = [record.get(name) or {} for name in ("fields", "metadata", "responses")]
        if not all(isinstance(each, dict) for each in parts):
            raise InputError(f"{where}: no record of Argilla; fields, metadata and responses are objects")
        shown, responses = {**parts[1], **parts[0]}, parts[2]
    # By person; those without a name by their place in the list.
    answers: dict[tuple[str, int], dict[str, Any]] = {}
    unsaid = False
    for question, given in responses.items():
        for at, each in enumerate(given or (), start=1):
            if not isinstance(each, dict) or "value" not in each:
                raise InputError(f"{where}: responses of {question!r} are no list of objects with a value")
            status = each.get("status")
            unsaid |= status is None
            if status in (None, "submitted") and each["value"] is not None:
                who = "" if each.get("user_id") is None else str(each["user_id"])
                answers.setdefault((who, 0 if who else at), {})[question] = each["value"]
    if unsaid and record.get("status") == "pending":
        answers = {}
    said = tuple(Said(who, given) for (who, _), given in answers.items())
    row = record.get("id")
    return Judged(where, None if row is None else str(row), shown, said), unsaid


def _flat(where: str, record: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The responses of one question, of three lists side by side."""
    values = record[key]
    users = record.get(f"{key}.users") or [None] * len(values)
    status = record.get(f"{key}.status") or [None] * len(values)
    if not isinstance(values, list) or not len(values) == len(users) == len(status):
        raise InputError(f"{where}: {key}, its users and its status are lists of different lengths")
    return [
        {"value": value, "user_id": user, "status": state}
        for value, user, state in zip(values, users, status, strict=True)
    ]
