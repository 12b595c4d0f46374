"""Similarity of sentence embeddings: what means the same, whatever the words."""

from __future__ import annotations

import numpy as np

from backend.data.examples import Examples
from backend.folder import Folder
from backend.influence.answers.engine import Engine
from backend.influence.answers.method import Asked
from backend.influence.answers.similarity import Similarity
from backend.model.embeddings import Encoder, embeddings_are_stored, stored_embeddings
from backend.progress import Progress, silent


class SentenceEmbedding(Similarity):
    """Cosine of sentence embeddings, signed by whether the labels agree."""

    name = "embedding"
    title = "sentence embeddings"
    formula = "cos(s(x), s(q)), negative where the example has another class than the explained one"
    source = "Reimers & Gurevych 2019; encoder all-MiniLM-L6-v2"
    cost = "one pass of the encoder over the training texts, once"
    limits = "knows nothing of the model that is explained; no words"
    scores = ("label", "residual", "plain")
    words = False

    def similarities(self, asked: Asked) -> np.ndarray:
        """Cosines."""
        encoder = _encoder(asked.engine)
        stored = asked.engine.keep("embeddings", lambda: self._stored(asked.engine))
        return (stored @ encoder.encode(_query(asked))[0]).astype(np.float64)

    def is_ready(self, folder: Folder) -> bool:
        """Whether the embeddings are kept."""
        return embeddings_are_stored(folder, "train")

    def prepare(self, engine: Engine, progress: Progress = silent) -> None:
        """Embed the training texts."""
        self._stored(engine, progress)

    def _stored(self, engine: Engine, progress: Progress = silent) -> np.ndarray:
        return stored_embeddings(engine.folder, "train", _encoder(engine), progress)


def _query(asked: Asked) -> Examples:
    """What is asked about; a conversation as one text, as training rows are read."""
    return Examples.one("\n".join(asked.said)) if asked.language else Examples.one(*asked.texts)


def _encoder(engine: Engine) -> Encoder:
    return engine.keep("encoder", lambda: Encoder(device=engine.settings.torch_device))


METHODS = (SentenceEmbedding(),)
