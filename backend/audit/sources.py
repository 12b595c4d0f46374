"""Audit of sources by dynamic gradient alignment (DGA, arXiv 2410.02498): which groups of training rows pull
the model towards the target, and how one step of DGA would weigh them.

A source is a group of the ``--group`` column, or a class where there is none (label sets, numbers and what a
language model writes are no classes); the target is the clean set. At every checkpoint: the mean over the
source's rows of ``a_i = <grad l_i, v>`` (see `backend.scores.alignment`), the cosines between the gradients
of sources and with the target's, and the weights of one step. Errors are those of sampling rows of the
source, not of the clean set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from backend.audit.hindrances import sources_hindrance
from backend.audit.source_alignments import row_alignments
from backend.audit.source_gradients import SAMPLE_ROWS, as_cosines, source_products, step_weights
from backend.data.dataset import Split
from backend.errors import InputError
from backend.files import digest, file_digest
from backend.folder import Folder
from backend.keyed_table import read_keyed, write_keyed
from backend.manifest import CheckpointInfo
from backend.program import COMMAND
from backend.scores.context import Context

MOST_SOURCES = 20
REST = "all other sources"
ETA = 1.0
_NAME = "sources"
_TABLE = pa.schema(
    [
        ("step", pa.int64()),
        ("source", pa.string()),
        ("rows", pa.int64()),
        *((name, pa.float64()) for name in ("mean", "standard_error", "negative", "cosine", "weight")),
    ]
)
_COSINES = pa.schema(
    [("step", pa.int64()), ("source", pa.string()), ("other", pa.string()), ("cosine", pa.float64())]
)


@dataclass(frozen=True)
class Sources:
    """What `compute_sources` found. ``step`` is null for all checkpoints together, each times its weight.

    ``table``: step, source, rows, mean and standard_error of a_i, negative (share of rows with a_i < 0),
    cosine with the target, weight. ``cosines``: step, source, other, cosine.
    """

    table: pa.Table
    cosines: pa.Table


def compute_sources(context: Context, eta: float = ETA) -> None:
    """Compute the audit, and the alignment that it needs; call it with the workspace's lock held.

    ``eta`` is the size of the step. Raises `InputError` unless it is above 0, there are at least two sources,
    and the clean set is large enough.
    """
    if not 0 < eta < 1e6:
        raise InputError(f"--eta {eta}: must be above 0, such as 1")
    folder = context.folder
    why_not = sources_hindrance(folder, context.settings)
    if why_not is not None:
        raise InputError(why_not)
    names = source_names(context.train)
    kinds = sorted(set(names), key=lambda name: (name == REST, name))
    aligned = row_alignments(context)
    key = digest(_NAME, aligned.id, eta, SAMPLE_ROWS, MOST_SOURCES)
    if _is_there(folder, key):
        return
    folder.forget(_NAME)
    products = source_products(context, names, kinds)
    looks = list(_looks(context.manifest.checkpoints, aligned.values, products))
    table = [row for look in looks for row in _rows(*look, names, kinds, eta)]
    pairs = [pair for step, _, each in looks for pair in _pairs(step, each, kinds)]
    _write(folder, key, pa.Table.from_pylist(table, _TABLE), pa.Table.from_pylist(pairs, _COSINES))
    settings = context.settings
    clean, seed = settings.clean, settings.seed
    files = {path.name: file_digest(path) for path in _paths(folder)}
    folder.record(_NAME, aligned.inputs, id=key, eta=eta, clean=clean, seed=seed, files=files)


def read_sources(folder: Folder) -> Sources:
    """Read what `compute_sources` wrote; `InputError` if it is missing, stale or damaged."""
    artifact = folder.require(_NAME, _NAME)
    known = artifact.details.get("files", {})
    table, cosines = (read_keyed(path, artifact.id, known.get(path.name)) for path in _paths(folder))
    if table is not None and cosines is not None:
        return Sources(table, cosines)
    raise InputError(f"{_paths(folder)[0]}: damaged or missing; run `{COMMAND} sources {folder.path}`")


def source_names(split: Split) -> list[str]:
    """The source of every row: its group, else its class; those beyond the largest are `REST`."""
    names = split.labels if split.groups is None else split.groups
    largest = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))[:MOST_SOURCES]
    kept = {name for name, _ in largest}
    return [name if name in kept else REST for name in names]


_Look = tuple[int | None, np.ndarray, np.ndarray]
"""A step (None: all), a_i of every row (n), and the cosines of target and sources (k + 1, k + 1)."""


def _looks(
    checkpoints: Sequence[CheckpointInfo], alignments: np.ndarray, products: np.ndarray
) -> Iterator[_Look]:
    for each, values, of_step in zip(checkpoints, alignments, products, strict=True):
        yield each.step, values, as_cosines(of_step)
    weights = np.array([each.weight for each in checkpoints])
    yield None, weights @ alignments, as_cosines(np.tensordot(weights, products, axes=1))


def _rows(
    step: int | None,
    values: np.ndarray,
    cosines: np.ndarray,
    names: Sequence[str],
    kinds: Sequence[str],
    eta: float,
) -> Iterator[dict[str, object]]:
    with_target = cosines[0, 1:]
    source_of = np.array(names, dtype=object)
    for kind, cosine, weight in zip(kinds, with_target, step_weights(with_target, eta), strict=True):
        own = values[source_of == kind]
        own = own[np.isfinite(own)]
        yield {
            "step": step,
            "source": kind,
            "rows": names.count(kind),
            "mean": own.mean() if len(own) else None,
            "standard_error": own.std(ddof=1) / len(own) ** 0.5 if len(own) > 1 else None,
            "negative": (own < 0).mean() if len(own) else None,
            "cosine": cosine,
            "weight": weight,
        }


def _pairs(step: int | None, cosines: np.ndarray, kinds: Sequence[str]) -> Iterator[dict[str, object]]:
    for number, kind in enumerate(kinds, start=1):
        for other, name in enumerate(kinds, start=1):
            yield {"step": step, "source": kind, "other": name, "cosine": cosines[number, other]}


def _paths(folder: Folder) -> tuple[Path, Path]:
    return folder.scores / "sources.parquet", folder.scores / "source_cosines.parquet"


def _write(folder: Folder, key: str, *tables: pa.Table) -> None:
    for path, table in zip(_paths(folder), tables, strict=True):
        write_keyed(path, table, key)


def _is_there(folder: Folder, key: str) -> bool:
    if folder.state(_NAME) != "current" or folder.manifest().artifacts[_NAME].id != key:
        return False
    try:
        read_sources(folder)
    except InputError:
        return False
    return True
