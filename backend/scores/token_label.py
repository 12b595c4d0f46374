"""Association of words with labels: how far their joint count is from what chance would give.

For every word that at least two training rows have, and every label: z = (O - E) / sd, where O rows have
both, and E and sd are mean and standard deviation of O under independence (the hypergeometric distribution).
Of numbers, O is the sum of those of the rows with the word; "high" has this z, "low" its opposite.
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
from backend.data.targets.registry import space_of
from backend.files import digest, file_digest, replacing
from backend.folder import Folder
from backend.keyed_table import keyed, read_keyed
from backend.scores.word_presence import label_matrix, word_presence

_WORDS = pa.schema(
    [("word", pa.string()), ("label", pa.string()), ("count", pa.int32()), ("z", pa.float64())]
)
_NAME = "token_label"
SIDES = ("high", "low")
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
    """The words of a split and what they say of ``labels``: int64 (n) below ``classes``, or sets (n, K)."""
    present, words = word_presence(split.examples)
    given = label_matrix(labels, classes)
    counts = (present.T @ given).toarray().astype(np.int32)
    per_word, per_label = (np.asarray(each.sum(axis=0)).ravel() for each in (present, given))
    return TokenLabels(present, words, counts, z_scores(counts, per_word, per_label, len(split)))


def z_scores(counts: np.ndarray, per_word: np.ndarray, per_label: np.ndarray, rows: int) -> np.ndarray:
    """z of joint counts (V, K), given how many of the rows have each word (V) and label (K); 0 where nothing
    can vary."""
    of_word, share = per_word[:, None], per_label / rows
    variance = of_word * share * (1 - share) * (rows - of_word) / max(rows - 1, 1)
    deviation = np.sqrt(variance)
    return np.divide(counts - of_word * share, deviation, out=np.zeros(counts.shape), where=deviation > 0)


def token_numbers(split: Split, numbers: np.ndarray) -> TokenLabels:
    """The words of a split and what they say of ``numbers``, float (n): "high" and "low".

    ``counts``: rows with the word whose number is above, and below, the median.
    """
    present, words = word_presence(split.examples)
    values, middle = numbers.astype(np.float64), np.median(numbers)
    sides = sparse.csr_matrix(np.stack([values > middle, values < middle], axis=1).astype(np.float64))
    per_word = np.asarray(present.sum(axis=0)).ravel()
    # Of the sum of so many rows, drawn without putting back.
    variance = per_word * values.var() * (len(split) - per_word) / max(len(split) - 1, 1)
    deviation = np.sqrt(variance)
    over = present.T @ (values - values.mean())
    z = np.divide(over, deviation, out=np.zeros(len(words)), where=deviation > 0)
    counts = (present.T @ sides).toarray().astype(np.int32)
    return TokenLabels(present, words, counts, np.stack([z, -z], axis=1))


def tokens_of(folder: Folder) -> TokenLabels:
    """The words of the training rows and what they say of the targets, whatever the task."""
    split, numbers, task = (
        load_split(folder, "train"),
        target_numbers(folder, "train"),
        folder.manifest().task,
    )
    if space_of(task).edit == "number":
        return token_numbers(split, numbers)
    return token_labels(split, numbers, len(task.classes))


def write_token_labels(folder: Folder, found: TokenLabels) -> None:
    """Write the table of a workspace's training rows, and record it as the artifact ``token_label``."""
    path, key = _path(folder), _table_key(folder)
    schema, classes = keyed(_WORDS, key), _names(folder)
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
    found = tokens_of(folder)
    with suppress(OSError):  # a workspace that can only be read
        write_token_labels(folder, found)
    return pa.concat_tables([_WORDS.empty_table(), *_tables(found, _names(folder))])


def _names(folder: Folder) -> tuple[str, ...]:
    """What the words speak for, in the order of the columns of `TokenLabels`."""
    task = folder.manifest().task
    return SIDES if space_of(task).edit == "number" else task.classes


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
