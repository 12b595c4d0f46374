"""The most similar training rows of a row: what mere similarity would have found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.data.dataset import Split
from backend.errors import InputError
from backend.folder import Folder
from backend.model.embeddings import Encoder, embeddings_are_stored, stored_embeddings
from backend.program import COMMAND


@dataclass(frozen=True)
class Neighbour:
    """A training row by its place, the cosine of its sentence embedding, and its rank by that."""

    position: int
    similarity: float
    rank: int


def nearest_rows(folder: Folder, rows: Split, row: str, k: int) -> list[Neighbour]:
    """The ``k`` training rows most similar to ``row`` of a split, itself aside; ties by place."""
    places, similarities = (each[:k].tolist() for each in _ordered(folder, rows, row))
    return [Neighbour(*each) for each in zip(places, similarities, range(1, k + 1), strict=False)]


def rank_among_neighbours(folder: Folder, rows: Split, row: str, position: int) -> Neighbour | None:
    """Where the training row at ``position`` stands among the neighbours of ``row``; None for itself."""
    places, similarities = _ordered(folder, rows, row)
    found = np.flatnonzero(places == position)
    return Neighbour(position, float(similarities[found[0]]), int(found[0]) + 1) if len(found) else None


def _ordered(folder: Folder, rows: Split, row: str) -> tuple[np.ndarray, np.ndarray]:
    """Places and cosines of all other training rows, most similar first."""
    if not all(embeddings_are_stored(folder, each) for each in {"train", rows.name}):
        raise InputError(f"{folder.path}: no sentence embeddings yet; run `{COMMAND} scores {folder.path}`")
    own = rows.position(row)
    train = stored_embeddings(folder, "train", Encoder())
    vector = train[own] if rows.name == "train" else stored_embeddings(folder, rows.name, Encoder())[own]
    similarities = train @ vector
    order = np.argsort(-similarities, kind="stable")
    if rows.name == "train":
        order = order[order != own]
    return order, similarities[order]
