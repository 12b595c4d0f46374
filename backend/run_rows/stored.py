"""The table ``scores/run_rows.parquet`` of a workspace: what its run made of the training rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from backend.errors import InputError
from backend.folder import Folder
from backend.keyed_table import read_keyed
from backend.program import COMMAND

NAME = "run_rows"


def table_path(folder: Folder) -> Path:
    """Where it lies."""
    return folder.scores / f"{NAME}.parquet"


def read_run_rows(folder: Folder) -> pa.Table:
    """A line a training row, in their order (columns: `backend.run_rows.fates.SCHEMA`).

    `InputError` if it is missing, stale or damaged.
    """
    artifact, path = folder.require(NAME, "run-rows"), table_path(folder)
    table = read_keyed(path, artifact.id, artifact.details.get("files", {}).get(path.name))
    if table is None:
        raise InputError(f"{path}: damaged or missing; run `{COMMAND} run-rows {folder.path}`")
    return table
