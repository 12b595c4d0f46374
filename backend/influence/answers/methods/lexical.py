"""TF-IDF and BM25: what any text search would find, as a yardstick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bm25s
import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from backend.data.conversation_text import plain_texts
from backend.data.dataset import Split
from backend.influence.answers.method import Asked
from backend.influence.answers.plain_entries import lexical_words
from backend.influence.answers.similarity import Similarity


def words_of(text: str) -> list[str]:
    """The words of a text, lower-cased."""
    return [word for word, _, _ in lexical_words(text)]


def _documents(split: Split) -> list[str]:
    return plain_texts(split.examples)


@dataclass(frozen=True)
class _Weights:
    """``matrix`` (n, V): the weight of each word in each training text; ``vocabulary``: its column."""

    matrix: sparse.csc_matrix
    vocabulary: dict[str, int]

    def terms(self, weights: dict[str, float], positions: np.ndarray) -> list[dict[str, float]]:
        """Products of the query's weights with those of the texts at ``positions``, word by word."""
        words = [word for word in weights if word in self.vocabulary]
        columns = [self.vocabulary[word] for word in words]
        part = self.matrix[:, columns].tocsr()[positions].toarray()
        part *= np.array([weights[word] for word in words])
        return [{word: float(share) for word, share in zip(words, row, strict=True) if share} for row in part]

    def similarities(self, weights: dict[str, float]) -> np.ndarray:
        """The sums of these products for all texts: float64 (n)."""
        words = [word for word in weights if word in self.vocabulary]
        columns = [self.vocabulary[word] for word in words]
        if not words:
            return np.zeros(self.matrix.shape[0])
        return np.asarray(self.matrix[:, columns] @ np.array([weights[word] for word in words])).ravel()


class TfIdf(Similarity):
    """Cosine of TF-IDF vectors times the agreement of residuals: the paper's TR-TFIDF."""

    name = "tfidf"
    title = "TF-IDF (TR-TFIDF)"
    formula = "cos(tfidf(x), tfidf(q)) * sum_c eta_c (p_c(x) - y_x) . (p_c(q) - y_q)"
    source = "Yeh et al. 2022, appendix A; scikit-learn"
    cost = "milliseconds"
    limits = "knows words by their spelling, not what the model makes of them"

    def similarities(self, asked: Asked) -> np.ndarray:
        """Cosines."""
        weights, vectorizer = self._fitted(asked)
        return weights.similarities(_row(vectorizer, asked.said))

    def terms(self, asked: Asked, positions: np.ndarray) -> list[dict[str, float]]:
        """Products of weights."""
        weights, vectorizer = self._fitted(asked)
        return weights.terms(_row(vectorizer, asked.said), positions)

    def _fitted(self, asked: Asked) -> tuple[_Weights, TfidfVectorizer]:
        def make() -> tuple[_Weights, TfidfVectorizer]:
            vectorizer = TfidfVectorizer(analyzer=words_of)
            try:
                matrix = vectorizer.fit_transform(_documents(asked.engine.train)).tocsc()
            except ValueError:  # no text has a word
                return _Weights(sparse.csc_matrix((len(asked.engine.train), 0)), {}), vectorizer
            return _Weights(matrix, vectorizer.vocabulary_), vectorizer

        return asked.engine.keep("tfidf", make)


def _row(vectorizer: TfidfVectorizer, texts: Sequence[str]) -> dict[str, float]:
    if not hasattr(vectorizer, "vocabulary_"):
        return {}
    row = vectorizer.transform(["\n".join(texts)]).tocoo()
    known = sorted({each for text in texts for each in words_of(text)} & vectorizer.vocabulary_.keys())
    names = {vectorizer.vocabulary_[each]: each for each in known}
    return {names[column]: float(value) for column, value in zip(row.col, row.data, strict=True)}


class Bm25(Similarity):
    """BM25 (Lucene's variant, k1 = 1.5, b = 0.75), signed by whether the labels agree."""

    name = "bm25"
    title = "BM25"
    formula = "bm25(q, x), negative where the example has another class than the explained one"
    source = "Robertson & Zaragoza 2009; library bm25s"
    cost = "milliseconds"
    limits = "knows words by their spelling and nothing of the model"
    scores = ("label", "residual", "plain")

    def similarities(self, asked: Asked) -> np.ndarray:
        """BM25 of every training text for the query."""
        return self._weights(asked).similarities(_counts(asked.said))

    def terms(self, asked: Asked, positions: np.ndarray) -> list[dict[str, float]]:
        """BM25 is a sum over the query's words."""
        return self._weights(asked).terms(_counts(asked.said), positions)

    def _weights(self, asked: Asked) -> _Weights:
        def make() -> _Weights:
            documents = [words_of(text) for text in _documents(asked.engine.train)]
            if not any(documents):
                return _Weights(sparse.csc_matrix((len(documents), 0)), {})
            index = bm25s.BM25()
            index.index(documents, show_progress=False)
            scores = index.scores
            shape = (len(documents), len(scores["indptr"]) - 1)
            matrix = sparse.csc_matrix((scores["data"], scores["indices"], scores["indptr"]), shape=shape)
            return _Weights(matrix, index.vocab_dict)

        return asked.engine.keep("bm25", make)


def _counts(texts: Sequence[str]) -> dict[str, float]:
    counts: dict[str, float] = {}
    for word in words_of("\n".join(texts)):
        counts[word] = counts.get(word, 0.0) + 1.0
    return counts


METHODS = (TfIdf(), Bm25())
