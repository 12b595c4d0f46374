"""Alignment of every training row with the clean set at every checkpoint, as the audit of sources takes it.

Of most tasks it is a score. A language model has no such score, since a long row pulls more than a short one
whatever it says, but groups of its rows can be compared: ``a_i`` is that of a row's loss as trained, the sum
over its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.files import digest
from backend.folder import Folder
from backend.keyed_table import read_keyed, write_keyed
from backend.scores.alignment import measure_products
from backend.scores.clean_set import clean_content
from backend.scores.compute import compute_scores
from backend.scores.context import Context
from backend.scores.producers.alignment import PER_CHECKPOINT
from backend.scores.producers.alignment import PRODUCER as ALIGNMENT
from backend.scores.table import artifact_name, table_path

_INPUTS = ("data", "checkpoints")


@dataclass(frozen=True)
class Alignments:
    """``values`` float64 (C, n), NaN for a row without tokens; ``id`` changes whenever they do; ``inputs``:
    the artifacts that they are made from."""

    values: np.ndarray
    id: str
    inputs: tuple[str, ...]


def row_alignments(context: Context) -> Alignments:
    """Computed where they are not there; `InputError` where the clean set is too small."""
    folder = context.folder
    if context.explainer.checkpoints.language:
        return _kept(context)
    compute_scores(context, [ALIGNMENT.name])
    name = artifact_name(ALIGNMENT)
    column = pq.read_table(table_path(folder, ALIGNMENT), columns=[PER_CHECKPOINT])[0]
    return Alignments(_values(column), folder.manifest().artifacts[name].id, (name,))


def _kept(context: Context) -> Alignments:
    """Those of a language model, which lie in a file of their own, so that another step is quick."""
    folder, settings = context.folder, context.settings
    made_from = {name: folder.manifest().artifacts[name].id for name in _INPUTS}
    content = clean_content(folder, settings)
    key = digest("source alignments", made_from, settings.clean, settings.seed, content)
    table = read_keyed(_path(folder), key)
    if table is None:
        column = pa.array(list(measure_products(context).T), pa.list_(pa.float64()))
        table = pa.table({PER_CHECKPOINT: column})
        write_keyed(_path(folder), table, key)
    return Alignments(_values(table[PER_CHECKPOINT]), key, _INPUTS)


def _values(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.to_pylist(), dtype=np.float64).T


def _path(folder: Folder) -> Path:
    return folder.scores / "source_alignments.parquet"
