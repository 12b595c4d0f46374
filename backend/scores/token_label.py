"""Association of words with labels: how far their joint count is from what chance would give.

For every word that at least two training rows have, and every label: z = (O - E) / sd, where O rows have
both, and E and sd are mean and standard deviation of O under independence (the hypergeometric distribution).
A row has a word once, however often it repeats it. After Gardner et al. 2021, "Competency Problems".

``scores/token_label.parquet``: word, label, count (O), z; by word, labels in class order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from backend.data.dataset import Split, load_split
from backend.data.shards import target_numbers
from backend.files import digest, file_digest, replacing
from backend.folder import Folder
from backend.keyed_table import keyed, read_keyed
from backend.scores.word_presence import label_matrix, word_presence

_WORDS = pa.schema(
    [("word", pa.string()), ("label", pa.string()), ("count", pa.int32()), ("z", pa.float64())]
)
_NAME = "token_label"
_BLOCK = 4096  # words written at a time


@dataclass(frozen=True)
class TokenLabels:
    """``present`` (n, V): which rows have which of ``words``, sparse, 1 where they have.

    ``counts`` int32 (V, K): rows that have word and label; ``z`` float64 (V, K).
    """

    present: sparse.csr_matrix
    words: list[str]
    counts: np.ndarray
    z: np.ndarray


def token_labels(split: Split, labels: np.ndarray, classes: int) -> TokenLabels:
    """The words of a split and what they say of ``labels``, int64 (n) below ``classes``."""
    present, words = word_presence(split.examples)
    counts = (present.T @ label_matrix(labels, classes)).toarray().astype(np.int32)
    return TokenLabels(present, words, counts, z_scores(counts, np.bincount(labels, minlength=classes)))


def z_scores(counts: np.ndarray, per_label: np.ndarray) -> np.ndarray:
    """z of joint counts (V, K), given how many rows each label has (K); 0 where nothing can vary."""
    rows = per_label.sum()
    per_word, share = counts.sum(axis=1, keepdims=True), per_label / rows
    variance = per_word * share * (1 - share) * (rows - per_word) / max(rows - 1, 1)
    deviation = np.sqrt(variance)
    return np.divide(counts - per_word * share, deviation, out=np.zeros(counts.shape), where=deviation > 0)


def write_token_labels(folder: Folder, found: TokenLabels) -> None:
    """Write the table of a workspace's training rows, and record it as the artifact ``token_label``."""
    path, key = _path(folder), _table_key(folder)
    schema, classes = keyed(_WORDS, key), folder.manifest().classes
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for part in _tables(found, classes):
            writer.write_table(part.cast(schema))
    folder.record(_NAME, ("data",), id=key, files={path.name: file_digest(path)})


def read_token_labels(folder: Folder) -> pa.Table:
    """The table of a workspace's training rows; made now where it is not there, and kept if that can be."""
    path, key, recorded = _path(folder), _table_key(folder), folder.manifest().artifacts.get(_NAME)
    files = recorded.details.get("files", {}) if recorded and recorded.id == key else {}
    table = read_keyed(path, key, files.get(path.name))
    if table is not None:
        return table
    classes = folder.manifest().classes
    found = token_labels(load_split(folder, "train"), target_numbers(folder, "train"), len(classes))
    with suppress(OSError):  # a workspace that can only be read
        write_token_labels(folder, found)
    return pa.concat_tables([_WORDS.empty_table(), *_tables(found, classes)])


def _tables(found: TokenLabels, classes: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of the table, some words at a time."""
    for start in range(0, len(found.words), _BLOCK):
        part = slice(start, start + _BLOCK)
        words = np.repeat(np.array(found.words[part], dtype=object), len(classes))
        columns = [words, list(classes) * len(found.words[part]), found.counts[part].ravel()]
        yield pa.table([*columns, found.z[part].ravel()], schema=_WORDS)


def _path(folder: Folder) -> Path:
    return folder.scores / "token_label.parquet"


def _table_key(folder: Folder) -> str:
    manifest = folder.manifest()
    return digest("token_label", 1, manifest.data.fingerprint, manifest.classes)
