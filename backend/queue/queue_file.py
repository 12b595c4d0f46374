"""The queue as a file: one line per row, in the order in which to look at them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.write_table import write_csv
from backend.errors import InputError
from backend.files import replacing
from backend.queue.queue import Queue
from backend.queue.queue_item import QueueItem

_TYPES = {
    "rank": pa.int64(),
    "id": pa.string(),
    "suspicion": pa.float64(),
    "label": pa.string(),
    "action": pa.string(),
    "suggested_label": pa.string(),
    "confidence": pa.float64(),
    "state": pa.string(),
    "group": pa.string(),
    "reasons": pa.string(),
    "text": pa.string(),
    "text_b": pa.string(),
}
ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")


def check_target(path: Path) -> None:
    """`InputError` for an ending that says no format, a folder that is not there, or a file that is."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"--out {path}: the name must end in {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise InputError(f"--out {path}: there is no folder {path.parent}")
    if path.exists():
        raise InputError(f"--out {path}: exists; choose another name or delete it first")


def write_queue(queue: Queue, path: Path) -> int:
    """Write every row of the queue; CSV cells that a spreadsheet would run are defused. Returns the number.

    Reasons are sentences, joined by "; " in a table, a list in JSON Lines.
    """
    check_target(path)
    with replacing(path) as temporary:
        if path.suffix.lower() == ".jsonl":
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(each.to_json(), ensure_ascii=False) + "\n" for each in queue)
        elif path.suffix.lower() == ".parquet":
            pq.write_table(_table(queue), temporary)
        else:
            write_csv(_table(queue), temporary, defuse=True, delimiter="\t" if path.suffix == ".tsv" else ",")
    return len(queue)


def _table(queue: Queue) -> pa.Table:
    rows = [_cells(each) for each in queue]
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in _TYPES.items()})


def _cells(item: QueueItem) -> dict[str, Any]:
    sentences = "; ".join(each.sentence for each in item.reasons)
    content = item.to_json()
    return {**{name: content[name] for name in _TYPES if name != "reasons"}, "reasons": sentences}
