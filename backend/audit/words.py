"""The table of words as culprits: which tokens carry harm to the eval rows that the model gets wrong, and in
which training rows; beside them how strongly their words go with a label (the artefact finder).

``scores/words.parquet``: one row per token that a misclassified eval row and a training row share. What
words say of labels is joined when the table is read, so that it is never stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from backend.audit.hindrances import words_hindrance
from backend.errors import InputError
from backend.files import digest, file_digest
from backend.folder import Folder
from backend.influence.answers.culprits import TOP_ROWS, Errors, TokenTally, error_query, misclassified, tally
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.entries import EntryBuilder
from backend.influence.answers.explain import Explainer
from backend.influence.answers.explanation import TokenScore, WordScore
from backend.influence.answers.summed_query import SummedQuery, summed_query
from backend.influence.answers.token_words import TokenWord, token_words
from backend.influence.index.modes import ScoreMode, score_mode
from backend.influence.rowstore.opening import open_rows
from backend.keyed_table import key_of, read_keyed, write_keyed
from backend.model.tokenization import special_ids
from backend.progress import Progress, silent
from backend.scores.clean_set import clean_set
from backend.scores.context import Context
from backend.scores.token_label import read_token_labels
from backend.tasks.heads import CAUSAL_LM

_NAME = "words"
_SCHEMA = pa.schema(
    [
        ("token", pa.string()),
        ("token_id", pa.int64()),
        ("kind", pa.string()),
        ("word", pa.string()),
        ("harmful", pa.float64()),
        ("helpful", pa.float64()),
        ("net", pa.float64()),
        ("n_rows", pa.int64()),
        ("top_rows", pa.list_(pa.string())),
        ("top_terms", pa.list_(pa.float64())),
    ]
)


@dataclass(frozen=True)
class RowWords:
    """One training row word by word: ``words`` plus ``special`` add up to ``score``, and so do ``tokens``."""

    id: str
    label: str
    score: float
    tokens: list[TokenScore]
    words: list[WordScore]
    special: float


def compute_words(explainer: Explainer, score: str = DEFAULT_SCORE, progress: Progress = silent) -> None:
    """Make the table and record the artifact ``words``; call it with the workspace's lock held.

    Raises `InputError` for an unknown ``score``, or where no eval row is misclassified.
    """
    mode, folder = score_mode(score), explainer.folder
    _refuse_language(folder)
    key = digest(_NAME, 2, explainer.index_artifact.id, mode.name, TOP_ROWS)
    if _is_there(folder, key):
        return
    folder.forget(_NAME)
    why_not = words_hindrance(folder)
    if why_not is not None:
        raise InputError(why_not)
    errors = misclassified(explainer)
    found = tally(explainer.searcher, error_query(explainer, errors, mode), mode, progress)
    table = _table(explainer, found, _uses(explainer, errors))
    write_keyed(_path(folder), table, key)
    count, files = len(errors.positions), {_path(folder).name: file_digest(_path(folder))}
    folder.record(_NAME, ("index", "predictions"), id=key, score=mode.name, errors=count, files=files)


def read_words(folder: Folder) -> pa.Table:
    """The table, most harmful tokens first: those with the lowest sum of all terms (``net``).

    By harm alone the commonest tokens would lead, which help as much as they harm. Three more columns are
    about each token's ``word``: ``z_label``, the label that it goes with most, ``z_count``, rows with both,
    and ``z``; null where the word is not counted.

    Raises `InputError` if it is missing, stale or damaged.
    """
    artifact = folder.require(_NAME, _NAME)
    content = artifact.details.get("files", {}).get(_path(folder).name)
    table = read_keyed(_path(folder), artifact.id, content)
    if table is not None:
        return _with_labels(folder, table)
    raise InputError(f"{_path(folder)}: damaged or missing; run `python -m backend words {folder.path}`")


def rows_with_token(folder: Folder, token_id: int) -> np.ndarray:
    """Places of the training rows that have a token, ascending: int64. Reads the stored rows' tokens."""
    found = [
        positions.start + shard.owners[np.flatnonzero(shard.tokens == token_id)]
        for shard, positions in open_rows(folder).stores[0].placed()
    ]
    return np.concatenate(found).astype(np.int64)


def words_of_row(explainer: Explainer, row: str, score: str = DEFAULT_SCORE) -> RowWords:
    """A training row's influence on the misclassified eval rows, word by word."""
    mode = score_mode(score)
    _refuse_language(explainer.folder)
    query = explainer.keep(
        f"errors in {mode.name}", lambda: error_query(explainer, misclassified(explainer), mode)
    )
    return _row_words(explainer, row, query, mode)


def aligned_words_of_row(context: Context, row: str) -> RowWords:
    """A training row's alignment with the clean set's mean loss at the word embeddings, word by word.

    ``sum_c eta_c <g_c(x, w), V_c(w)>``, V_c the gradient of that loss.
    """
    explainer, mode = context.explainer, score_mode("dot")
    _refuse_language(context.folder)
    clean = clean_set(context)

    def make() -> SummedQuery:
        encoded = explainer.checkpoints.encode(clean.examples)
        labels = explainer.space.numbers(clean.examples.targets)
        return summed_query(explainer, encoded, labels, mode, 1 / len(clean))

    return _row_words(explainer, row, explainer.keep(f"clean set {clean.mark}", make), mode)


def _row_words(explainer: Explainer, row: str, query: SummedQuery, mode: ScoreMode) -> RowWords:
    train, searcher = explainer.train, explainer.searcher
    position = train.position(row)
    ranked = searcher.scored(query, mode, np.array([position]))
    builder = EntryBuilder(explainer.checkpoints, searcher.stores, train, query, ())
    (entry,) = builder.build(ranked, [1], [0.0])
    return RowWords(entry.id, entry.label, entry.score, entry.tokens, entry.words, entry.special)


def _refuse_language(folder: Folder) -> None:
    """Rows of a language model lie apart by side, and the tables here are of one."""
    why_not = words_hindrance(folder) if folder.manifest().task.name == CAUSAL_LM else None
    if why_not is not None:
        raise InputError(why_not)


def _uses(explainer: Explainer, errors: Errors) -> dict[int, TokenWord]:
    split = explainer.splits["eval"]
    texts = [split.texts_of(each) for each in errors.positions]
    checkpoints = explainer.checkpoints
    return token_words(checkpoints.as_read(errors.encoded), texts, special_ids(checkpoints.tokenizer))


def _table(explainer: Explainer, found: TokenTally, uses: dict[int, TokenWord]) -> pa.Table:
    shared = np.flatnonzero(found.counts)
    net = found.harmful + found.helpful
    order = shared[np.lexsort((found.tokens[shared], net[shared]))]
    tokens, ids = found.tokens[order].tolist(), explainer.train.ids
    tops = [
        [(ids[row], term) for row, term in zip(rows, terms, strict=True) if row >= 0]
        for rows, terms in zip(
            found.top_positions[order].tolist(), found.top_terms[order].tolist(), strict=True
        )
    ]
    return pa.table(
        [
            explainer.checkpoints.tokenizer.convert_ids_to_tokens(tokens),
            tokens,
            [uses[each].kind for each in tokens],
            [uses[each].word for each in tokens],
            found.harmful[order],
            found.helpful[order],
            net[order],
            found.counts[order],
            [[row for row, _ in each] for each in tops],
            [[term for _, term in each] for each in tops],
        ],
        schema=_SCHEMA,
    )


def _with_labels(folder: Folder, table: pa.Table) -> pa.Table:
    strongest: dict[str, tuple[str, int, float]] = {}
    wanted = set(table["word"].to_pylist())
    for batch in read_token_labels(folder).to_batches():
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
