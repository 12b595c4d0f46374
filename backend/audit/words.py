"""The table of words as culprits: which tokens carry harm to the eval rows that the model gets wrong, and in
which training rows; beside them how strongly their words go with a label (the artefact finder).

``scores/words.parquet``: one row per token that a misclassified eval row and a training row share. What
words say of labels is joined when the table is read, so that it is never stale.

Of a language model the eval rows are those that it says worst (`backend.influence.answers.culprits`), and a
token has one row per ``side``: ``written``, ``read`` and both of the template's, which each add up to the
influence of that side; and ``instead``: what training rows write where the eval row writes another word
(`backend.influence.answers.instead_query`). ``written`` and ``instead`` together are the product of gradients
at the output table, at all words that a training row writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from backend.audit.hindrances import words_hindrance
from backend.audit.word_table import uses_in, word_table
from backend.errors import InputError
from backend.files import digest, file_digest
from backend.folder import Folder
from backend.influence.answers.culprits import TOP_ROWS, Errors, error_query, misclassified, tally
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.explain import Explainer
from backend.influence.answers.instead_query import instead_query
from backend.influence.gradients.sides import WRITTEN, channels_by_side, channels_of
from backend.influence.index.modes import ScoreMode, score_mode
from backend.influence.rowstore.opening import open_rows
from backend.keyed_table import key_of, read_keyed, write_keyed
from backend.program import COMMAND
from backend.progress import Progress, silent
from backend.scores.token_label import read_token_labels
from backend.tasks.heads import CAUSAL_LM

_NAME = "words"
INSTEAD = "instead"


def compute_words(explainer: Explainer, score: str = DEFAULT_SCORE, progress: Progress = silent) -> None:
    """Make the table and record the artifact ``words``; call it with the workspace's lock held.

    Raises `InputError` for an unknown ``score``, or where no eval row is misclassified.
    """
    mode, folder = score_mode(score), explainer.folder
    key = digest(_NAME, 2, explainer.index_artifact.id, mode.name, TOP_ROWS)
    if _is_there(folder, key):
        return
    folder.forget(_NAME)
    why_not = words_hindrance(folder)
    if why_not is not None:
        raise InputError(why_not)
    errors = misclassified(explainer)
    found = _by_side if explainer.checkpoints.language else _of_one_side
    table = pa.concat_tables(list(found(explainer, errors, mode, progress)))
    table = table.sort_by([("net", "ascending")]) if table.num_rows else table
    write_keyed(_path(folder), table, key)
    count, files = len(errors.positions), {_path(folder).name: file_digest(_path(folder))}
    folder.record(_NAME, ("index", "predictions"), id=key, score=mode.name, errors=count, files=files)


def read_words(folder: Folder) -> pa.Table:
    """The table, most harmful tokens first: those with the lowest sum of all terms (``net``).

    By harm alone the commonest tokens would lead, which help as much as they harm. Three more columns are
    about each token's ``word``: ``z_label``, the label that it goes with most, ``z_count``, rows with both,
    and ``z``; null where the word is not counted, and where rows have no labels.

    Raises `InputError` if it is missing, stale or damaged.
    """
    artifact = folder.require(_NAME, _NAME)
    content = artifact.details.get("files", {}).get(_path(folder).name)
    table = read_keyed(_path(folder), artifact.id, content)
    if table is not None:
        return _with_labels(folder, table)
    raise InputError(f"{_path(folder)}: damaged or missing; run `{COMMAND} words {folder.path}`")


def rows_with_token(folder: Folder, token_id: int, side: str | None = None) -> np.ndarray:
    """Places of the training rows that have a token, ascending: int64. Reads the stored rows' tokens.

    ``side``: of a language model, on which; None: on the first that a task has.
    """
    sides = [each.side for each in channels_of(folder.manifest())]
    wanted = WRITTEN if side == INSTEAD else side
    if wanted is not None and wanted not in sides:
        raise InputError(f"side {wanted}: must be one of {', '.join(dict.fromkeys(sides))}")
    store = open_rows(folder).stores[0 if wanted is None else sides.index(wanted)]
    found = [
        positions.start + shard.owners[np.flatnonzero(shard.tokens == token_id)]
        for shard, positions in store.placed()
    ]
    return np.concatenate(found).astype(np.int64)


def _of_one_side(
    explainer: Explainer, errors: Errors, mode: ScoreMode, progress: Progress
) -> Iterator[pa.Table]:
    found = tally(explainer.searcher, error_query(explainer, errors, mode), mode, progress)
    uses = uses_in(explainer, explainer.splits["eval"], errors.positions, errors.encoded)
    yield word_table(explainer, found, uses)


def _by_side(explainer: Explainer, errors: Errors, mode: ScoreMode, progress: Progress) -> Iterator[pa.Table]:
    """A table of each side, and of what is written instead."""
    searcher, sides = explainer.searcher, channels_by_side(explainer.checkpoints.channels)
    query = error_query(explainer, errors, mode)
    uses = uses_in(explainer, explainer.splits["eval"], errors.positions, errors.encoded)
    for side, channels in sides.items():
        yield word_table(explainer, tally(searcher.on(channels), query, mode, progress), uses, side)
    other = instead_query(explainer, errors.encoded, mode)
    found = tally(searcher.on(sides[WRITTEN]), other, mode, progress)
    shown = np.unique(np.concatenate([found.worst.positions[:, 0], found.best.positions[:, 0]]))
    places = shown[shown >= 0].tolist()
    encoded = explainer.checkpoints.encode(explainer.train.take(places))
    yield word_table(explainer, found, uses_in(explainer, explainer.train, places, encoded), INSTEAD)


def _with_labels(folder: Folder, table: pa.Table) -> pa.Table:
    strongest: dict[str, tuple[str, int, float]] = {}
    wanted = set(table["word"].to_pylist())
    counted = [] if folder.manifest().task.name == CAUSAL_LM else read_token_labels(folder).to_batches()
    for batch in counted:
        for word, label, count, z in zip(*batch.to_pydict().values(), strict=True):
            if word in wanted and (word not in strongest or z > strongest[word][2]):
                strongest[word] = (label, count, z)
    found = [strongest.get(word, (None, None, None)) for word in table["word"].to_pylist()]
    labels, counts, scores = zip(*found, strict=True) if found else ((), (), ())
    return (
        table.append_column("z_label", pa.array(labels, pa.string()))
        .append_column("z_count", pa.array(counts, pa.int64()))
        .append_column("z", pa.array(scores, pa.float64()))
    )


def _path(folder: Folder) -> Path:
    return folder.scores / "words.parquet"


def _is_there(folder: Folder, key: str) -> bool:
    if folder.state(_NAME) != "current" or folder.manifest().artifacts[_NAME].id != key:
        return False
    return key_of(_path(folder)) == key
