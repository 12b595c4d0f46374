"""Which rows have which words, and which labels: what token statistics and the word classifier count."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from backend.data.examples import Examples
from backend.influence.answers.methods.lexical import words_of

_LEAST_ROWS = 2  # that have a word: what one row has alone says nothing about others


def word_presence(rows: Examples) -> tuple[sparse.csr_matrix, list[str]]:
    """1 where a row has a word, float64 (n, V), and the words; of those that at least two rows have.

    A word counts once in a row, however often it is repeated; of a pair, the words of both texts count.
    """
    texts = rows.joined()
    vectorizer = CountVectorizer(analyzer=words_of, binary=True, min_df=_LEAST_ROWS, dtype=np.float64)
    try:
        present = vectorizer.fit_transform(texts).tocsr()
    except ValueError:  # no word is in two rows
        return sparse.csr_matrix((len(texts), 0)), []
    return present, vectorizer.get_feature_names_out().tolist()


def label_matrix(labels: np.ndarray, classes: int | None = None) -> sparse.csr_matrix:
    """1 where a row has a label: float64 (n, K), from int (n); K is the largest + 1 if not given.

    Label sets, (n, K) of 0 and 1, are that already.
    """
    if labels.ndim > 1:
        return sparse.csr_matrix(labels.astype(np.float64))
    shape = (len(labels), int(labels.max()) + 1 if classes is None else classes)
    return sparse.csr_matrix((np.ones(len(labels)), (np.arange(len(labels)), labels)), shape)
