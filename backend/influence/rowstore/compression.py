"""How gradient rows are stored: in full, as 8-bit integers, or as 8-bit integers of their main directions.

A stored row is ``scale * codes``. With a basis it stands for ``basis @ (scale * codes)``, so that the dot
product with a query's row is that of the codes with ``query @ basis``: queries are projected, rows never
back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.errors import InputError
from backend.files import digest

DEFAULT_ROW_STORE = "int8"
_LEVELS = 127


def check_row_store(name: str) -> None:
    """`InputError` unless ``name`` is full, int8 or pca:N."""
    if name in ("full", "int8"):
        return
    kind, _, size = name.partition(":")
    if kind != "pca" or not size.isdecimal() or int(size) < 1:
        raise InputError(f"--row-store {name}: must be int8, full, or pca:N such as pca:64")


def kept_dimensions(name: str) -> int | None:
    """N of ``pca:N``; None for the stores that keep the full width."""
    return int(name.partition(":")[2]) if name.startswith("pca:") else None


@dataclass(frozen=True)
class RowCodec:
    """Encodes rows of one checkpoint. ``basis`` float32 (d, r) with orthonormal columns, for ``pca:r``
    only."""

    name: str
    basis: np.ndarray | None = None

    @property
    def id(self) -> str:
        """Changes whenever the same rows would be stored as other codes."""
        return digest(self.name, None if self.basis is None else self.basis.tobytes().hex())

    def encode(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n, r), int8 or float32, and scales float32 (n) of rows float32 (n, d)."""
        kept = self.project(rows)
        if self.name == "full":
            return np.ascontiguousarray(kept, dtype=np.float32), np.ones(len(kept), dtype=np.float32)
        return quantise(kept)

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (..., d) in the coordinates of stored rows: (..., r)."""
        return vectors if self.basis is None else vectors @ self.basis

    def restore(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (..., r) in the coordinates of stored rows as vectors of the embeddings: (..., d)."""
        return vectors if self.basis is None else vectors @ self.basis.T


def quantise(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest ``scale * codes`` with |codes| <= 127: codes int8 (n, r), scales float32 (n)."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    scales = (largest / _LEVELS).astype(np.float32)
    codes = rows / np.where(scales > 0, scales, 1.0)[:, None]
    return np.rint(codes).clip(-_LEVELS, _LEVELS).astype(np.int8), scales


def decode(codes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Stored rows as numbers: float32 (n, r)."""
    return codes.astype(np.float32) * scales[:, None]


def fit_basis(rows: np.ndarray, dimensions: int) -> np.ndarray:
    """The main directions of rows (n, d), uncentred: float32 (d, dimensions), orthonormal columns.

    Raises `InputError` if there are not that many dimensions.
    """
    if dimensions > rows.shape[1]:
        raise InputError(
            f"--row-store pca:{dimensions}: the embeddings have {rows.shape[1]} dimensions; "
            "use fewer, or int8"
        )
    return eigenbasis(rows.T.astype(np.float64) @ rows)[1][:, :dimensions].astype(np.float32)


def eigenbasis(moment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, descending and not negative, float64 (d), and eigenvectors as columns, float64 (d, d)."""
    values, vectors = np.linalg.eigh(moment)
    return np.maximum(values[::-1], 0.0), np.ascontiguousarray(vectors[:, ::-1])
