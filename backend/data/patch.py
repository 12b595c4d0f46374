"""Reading a patch: the decisions of a workspace as `export --what patch` writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from backend.data.columns import Columns
from backend.data.messages import listing, shown_name, shown_value
from backend.data.rejected import Rejections
from backend.data.rows import Rows
from backend.data.rowstate import Action
from backend.data.sources import CSV, file_kind, is_local, read
from backend.data.validate import as_text
from backend.data.write_table import undefused
from backend.errors import InputError

NEEDED = ("id", "action", "new_label", "reason")
# What identifies a row beside its id: ids of the user's own may mean another row elsewhere.
KNOWN_BY = ("old_label", "text", "text_b")


@dataclass(frozen=True)
class PatchRow:
    """What a patch decides about one row; None for what it does not say. ``where``: its place in the file."""

    where: str
    id: str
    action: Action
    label: str | None
    reason: str
    old_label: str | None = None
    text: str | None = None
    text_b: str | None = None


def read_patch(source: str, *, texts: bool = False) -> list[PatchRow]:
    """The rows of a patch: CSV, TSV, JSON Lines, Parquet, or a saved `datasets` folder.

    ``texts``: targets are texts, of which CSV may hold one with an apostrophe before it.

    `InputError` naming row and column for what is no patch: a column that is missing, an action that is
    none, a relabel without a label, an id that is missing or stands there twice.
    """
    name = shown_name(source)
    if not is_local(source):
        raise InputError(f"{name}: no such file; give a patch that `export --what patch` wrote")
    rejections = Rejections(advice="correct it")
    # Ids stay text, as they are written; of the other columns, `as_text` gives the same cells back.
    rows = read(source, "train", Columns(text="id", label="action"), rejections).rows
    if odd := rejections.sorted():
        raise InputError(f"{odd[0]}; correct it")
    rows.require(NEEDED)
    columns = {key: _texts(rows, key) for key in (*NEEDED, *KNOWN_BY)}
    if file_kind(Path(source).name) in CSV:
        for key in ("reason", "text", "text_b", *(("old_label", "new_label") if texts else ())):
            columns[key] = [undefused(each) for each in columns[key]]
    found = [_row(rows, at, {key: each[at] for key, each in columns.items()}) for at in range(len(rows))]
    _check_unique(rows, found)
    if not found:
        raise InputError(f"{name}: holds no decision")
    return found


def _texts(rows: Rows, column: str) -> list[str]:
    there = column in rows.table.column_names
    return [as_text(each) for each in rows.values(column)] if there else [""] * len(rows)


def _row(rows: Rows, at: int, cells: dict[str, str]) -> PatchRow:
    action, label = cells["action"], cells["new_label"] or None
    if not cells["id"]:
        raise InputError(f"{rows.rejected(at, 'id', 'is empty')}; correct it")
    if action not in get_args(Action):
        wrong = f"{shown_value(action)} is none of {listing(get_args(Action))}"
        raise InputError(f"{rows.rejected(at, 'action', wrong)}; correct it")
    if action == "relabel" and label is None:
        raise InputError(
            f"{rows.rejected(at, 'new_label', 'is empty, and the action is relabel')}; correct it"
        )
    known = {key: cells[key] or None for key in KNOWN_BY}
    where = f"{rows.unit} {int(rows.numbers[at])}"
    return PatchRow(where, cells["id"], cast(Action, action), label, cells["reason"], **known)


def _check_unique(rows: Rows, found: list[PatchRow]) -> None:
    first: dict[str, str] = {}
    for at, each in enumerate(found):
        if each.id in first:
            twice = f"{shown_value(each.id)} stands in {first[each.id]} already"
            raise InputError(f"{rows.rejected(at, 'id', twice)}; correct it")
        first[each.id] = each.where
