"""How splits and rejected rows are stored: the table, its file, the fingerprint over both splits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.columns import ID, LABEL, TEXT
from backend.data.examples import Examples
from backend.data.messages import first_line
from backend.data.rejected import Rejected
from backend.errors import InputError
from backend.manifest import TaskInfo

REJECTED = "rejected.jsonl"


@dataclass(frozen=True)
class Content:
    """What results depend on of the n rows of a split: n ids, and the examples."""

    ids: Sequence[str]
    examples: Examples


def fingerprint(task: TaskInfo, train: Content, evaluated: Content) -> str:
    """16 hex digits over all that results depend on: classes, ids, texts, labels, and their order."""
    state = hashlib.blake2b(json.dumps(list(task.classes)).encode(), digest_size=8)
    if task.name != "classification":
        state.update(f"{task.name}{task.loss}".encode())
    for part in (train, evaluated):
        for column in (part.ids, *part.examples.pair, part.examples.targets):
            state.update(json.dumps(column).encode())
    return state.hexdigest()


def with_own_columns(table: pa.Table, ids: Sequence[str], examples: Examples) -> pa.Table:
    """``table`` (n rows) with our columns at its end: `ID`, `LABEL`, of language models `TEXT` too."""
    table = table.append_column(ID, pa.array(ids, pa.string()))
    table = table.append_column(LABEL, pa.array(examples.targets, pa.string()))
    if examples.reading is None:
        return table
    return table.append_column(TEXT, pa.array(examples.fields[0], pa.string()))


def write_split(path: Path, table: pa.Table, source: str) -> None:
    """Write a split; `InputError` naming ``source`` where Parquet has no form for a column."""
    try:
        # The "compliant" names of list items would change the column's type.
        pq.write_table(table, path, use_compliant_nested_type=False)
    except pa.ArrowException as error:
        raise InputError(f"{source}: a column cannot be stored ({first_line(error)})") from error


def rejected_lines(rejected: Iterable[Rejected]) -> str:
    """Rejected rows as JSON Lines."""
    return "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in rejected)
