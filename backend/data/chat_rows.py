"""Reading the rows of a table as conversations, one by one, with a reason for each that is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from backend.data.columns import MASKED, Columns
from backend.data.conversation import Conversation, Reading
from backend.data.conversations import for_language_models
from backend.data.examples import Examples
from backend.data.messages import shown_type
from backend.data.rejected import Rejections
from backend.data.rows import Rows, is_json, is_text
from backend.data.turns import Cells, NotARow, conversation_of
from backend.errors import InputError
from backend.manifest import Form


def columns_by_role(form: Form, columns: Mapping[str, str | None]) -> dict[str, str]:
    """The column of each cell that makes a row; ``columns`` by what a `Columns` or `DataInfo` calls them."""
    names = {"text": ("text",), "messages": ("messages",), "pair": ("prompt", "completion")}[form]
    found = dict(zip(names, (columns["text"], columns["label"]), strict=False))
    found |= {role: columns[role] for role in ("system", "tools")}
    return {role: name for role, name in found.items() if name is not None}


def roles_of(columns: Columns) -> dict[str, str]:
    """The same of `Columns`."""
    return columns_by_role(columns.form, vars(columns))


def with_masks(form: Form, roles: Mapping[str, str], there: list[str]) -> dict[str, str]:
    """``roles`` and the column of masked words, where the columns that are there have it beside a text."""
    return {**roles, MASKED: MASKED} if form != "messages" and MASKED in there else dict(roles)


def read_conversations(rows: Rows, columns: Columns, ok: np.ndarray, rejections: Rejections) -> Examples:
    """A context and a target of every row, blank where it is none: then ``ok`` (bool, n) becomes false.

    `InputError` for columns whose type can hold no such cells.
    """
    roles = with_masks(columns.form, roles_of(columns), rows.table.column_names)
    for role, name in roles.items():
        _check_type(rows, role, name, columns.form)
    contexts, targets = [], []
    for place, cells in enumerate(cells_of(rows, roles)):
        found = _read(rows, place, columns.form, cells, roles, ok, rejections)
        contexts.append(found.context() if found else "")
        targets.append(found.target().text() if found else "")
    return Examples((contexts,), targets, Reading(columns.loss))


def cells_of(rows: Rows, roles: Mapping[str, str]) -> Iterator[Cells]:
    """The cells of every row by role."""
    values = [rows.values(name) for name in roles.values()]
    for row in zip(*values, strict=True):
        yield dict(zip(roles, row, strict=True))


def _read(
    rows: Rows,
    place: int,
    form: Form,
    cells: Cells,
    roles: Mapping[str, str],
    ok: np.ndarray,
    rejections: Rejections,
) -> Conversation | None:
    try:
        return conversation_of(form, cells)
    except NotARow as error:
        rejected = rows.rejected(place, roles.get(error.role, error.role), str(error))
        if ok[place]:
            (rejections.broken if error.broken else rejections.unusable)(rejected)
        ok[place] = False
        return None


def _check_type(rows: Rows, role: str, name: str, form: Form) -> None:
    field: pa.Field = rows.field(name)
    kind, json = field.type, is_json(field)
    if is_text(kind) or pa.types.is_null(kind) or json:
        return
    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if nested and (role in ("messages", "tools", MASKED) or (form == "pair" and role != "system")):
        return
    better = for_language_models({name: rows.head(name)})
    wanted = "messages" if role == "messages" else "text"
    hint = f"; {better}" if better else ""
    raise InputError(f"{rows.file}, column {name!r}: holds {shown_type(kind)}, not {wanted}{hint}")
