"""Second moments of a checkpoint's rows: what `fisher`, `kfac` and `ekfac` precondition with
(docs/design.md, section 3.3).

All are means over training examples or rows, gathered from the stored rows while the index is built:
``shares`` a_w, the share of examples that contain token w; ``squares`` f_w, the mean over examples of
|g(x, w)|^2 / d; ``eigenvalues`` and ``basis`` of R, the second moment of the rows; and ``token_squares`` S,
the mean over examples of (g(x, w) . u_k)^2 for every token and eigendirection u_k. Beside them, for every
example, ``whitened``: sum_w g(x, w)^T (R + lambda)^-1 g(x, w), which `whitened` divides by.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from backend.files import replacing
from backend.influence.rowstore.compression import eigenbasis
from backend.influence.rowstore.store import RowStore

DAMPING = 1.0  # lambda over the mean of what it is added to


@dataclass(frozen=True)
class Moments:
    """See the module. ``tokens`` int64 (V'), ascending, are those that occur; r is the width of stored rows.

    ``shares``, ``squares`` float64 (V'); ``eigenvalues`` float64 (r), descending; ``basis`` float32 (r, r), a
    column per eigenvector; ``token_squares`` float32 (V', r); ``mean_eigenvalue`` float64 (1), the trace of
    R over d, with what the row store dropped; ``whitened`` float32 (n), with the default damping.
    """

    tokens: np.ndarray
    shares: np.ndarray
    squares: np.ndarray
    eigenvalues: np.ndarray
    basis: np.ndarray
    token_squares: np.ndarray
    mean_eigenvalue: np.ndarray
    whitened: np.ndarray

    @property
    def mean_square(self) -> float:
        """Of ``squares``; 0 where no token occurs."""
        return float(self.squares.mean()) if len(self.squares) else 0.0

    @property
    def mean_share(self) -> float:
        """Of ``shares``; 0 where no token occurs."""
        return float(self.shares.mean()) if len(self.shares) else 0.0

    def damped(self, damping: float = DAMPING) -> np.ndarray:
        """Eigenvalues of R + lambda: float64 (r)."""
        return self.eigenvalues + damping * self.mean_eigenvalue

    def whitened_squares(self, rows: np.ndarray) -> np.ndarray:
        """g^T (R + lambda)^-1 g of each of ``rows`` (m, r): float64 (m)."""
        return self._whitened_squares((rows @ self.basis) ** 2)

    def _whitened_squares(self, squares: np.ndarray) -> np.ndarray:
        damped = self.damped()
        return squares @ np.divide(1.0, damped, out=np.zeros(len(damped)), where=damped > 0)

    def places(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of ``tokens`` occur, bool (T), and the place of each that does, int64."""
        place = np.searchsorted(self.tokens, tokens)
        occurs = place < len(self.tokens)
        occurs[occurs] = self.tokens[place[occurs]] == tokens[occurs]
        return occurs, place[occurs]

    def write(self, path: Path, artifact: str) -> None:
        """Write them, whole or not at all."""
        with replacing(path) as temporary:
            tensors = {each.name: np.ascontiguousarray(getattr(self, each.name)) for each in fields(self)}
            save_file(tensors, temporary, {"artifact": artifact})

    @classmethod
    def read(cls, path: Path, artifact: str) -> Moments:
        """Read them; `ValueError` if they are damaged, missing or of another artifact."""
        try:
            with safe_open(path, "np") as file:
                if (file.metadata() or {}).get("artifact") != artifact:
                    raise ValueError(f"{path}: belongs to another index")
                return cls(**{each.name: file.get_tensor(each.name) for each in fields(cls)})
        except (OSError, SafetensorError) as error:
            raise ValueError(f"{path}: damaged or missing") from error


def moments_path(index: Path, channel: int | str) -> Path:
    """Where the moments of a channel lie in the index folder."""
    return index / f"moments-{channel}.safetensors"


def gather(store: RowStore, width: int) -> Moments:
    """The moments of one channel, in two passes over its rows; ``width`` is d."""
    tokens = np.unique(np.concatenate([np.unique(each.tokens) for each in store.shards])).astype(np.int64)
    counts, squares = np.zeros(len(tokens)), np.zeros(len(tokens))
    moment, rows = np.zeros((store.width, store.width)), 0
    for shard in store.passing():
        place = np.searchsorted(tokens, shard.tokens)
        counts += np.bincount(place, minlength=len(tokens))
        squares += np.bincount(place, shard.row_norms.astype(np.float64) ** 2, minlength=len(tokens))
        stored = shard.rows()
        moment += stored.T @ stored
        rows += len(stored)
    eigenvalues, vectors = eigenbasis(moment / max(rows, 1))
    found = Moments(
        tokens=tokens,
        shares=counts / store.count,
        squares=squares / (store.count * width),
        eigenvalues=eigenvalues,
        basis=vectors.astype(np.float32),
        token_squares=np.zeros((len(tokens), store.width), dtype=np.float32),
        mean_eigenvalue=np.array([squares.sum() / max(rows, 1) / width]),
        whitened=np.zeros(store.count, dtype=np.float32),
    )
    _add_squares(store, found)
    return found


def _add_squares(store: RowStore, moments: Moments) -> None:
    """Fill in ``token_squares`` and ``whitened``: the second pass, in the eigenbasis that the first found."""
    for shard, positions in store.placed():
        squares = (shard.rows() @ moments.basis) ** 2
        order = np.argsort(shard.tokens, kind="stable")
        found, starts = np.unique(shard.tokens[order], return_index=True)
        if len(found):
            sums = np.add.reduceat(squares[order], starts, axis=0)
            moments.token_squares[np.searchsorted(moments.tokens, found)] += sums
        sums = np.bincount(shard.owners, moments._whitened_squares(squares), minlength=len(shard))
        moments.whitened[positions.start : positions.stop] = sums
    moments.token_squares[:] /= np.float32(store.count)
