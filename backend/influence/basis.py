"""The codec of a checkpoint's rows; for ``pca:N`` its basis is fitted once and kept beside the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from transformers import PreTrainedTokenizerFast

from backend.files import array_digest, digest, replacing
from backend.folder import CheckpointInfo, Folder
from backend.influence.capture import gradient_rows, load_for_tracing
from backend.influence.compression import RowCodec, fit_basis, kept_dimensions
from backend.influence.plan import Sample
from backend.influence.settings import TraceSettings
from backend.model.fingerprint import recorded_digest


def row_codec(
    folder: Folder,
    checkpoint: CheckpointInfo,
    row_store: str,
    tokenizer: PreTrainedTokenizerFast,
    sample: Sample,
    trace: TraceSettings,
) -> RowCodec:
    """The codec of ``row_store`` at a checkpoint. A basis stays as long as the checkpoint's weights do."""
    dimensions = kept_dimensions(row_store)
    if dimensions is None:
        return RowCodec(row_store)
    key = digest(row_store, recorded_digest(folder.manifest(), checkpoint))
    path = basis_path(folder.rows, checkpoint.step)
    basis = read_basis(path, key)
    if basis is None:
        model = load_for_tracing(folder.checkpoint_path(checkpoint), trace)
        rows, _ = gradient_rows(model, tokenizer, sample.examples, sample.labels, trace)
        basis = fit_basis(rows.rows, dimensions)
        with replacing(path) as temporary:
            save_file({"basis": basis}, temporary, {"key": key, "content": array_digest({"basis": basis})})
    return RowCodec(row_store, basis)


def stored_codec(rows: Path, step: int, row_store: str) -> RowCodec:
    """The codec that the stored rows of a checkpoint were written with; `ValueError` if its basis is lost."""
    if kept_dimensions(row_store) is None:
        return RowCodec(row_store)
    path = basis_path(rows, step)
    basis = read_basis(path)
    if basis is None:
        raise ValueError(f"{path}: damaged or missing")
    return RowCodec(row_store, basis)


def basis_path(rows: Path, step: int) -> Path:
    """Where the basis of a checkpoint's rows lies."""
    return rows / str(step) / "basis.safetensors"


def read_basis(path: Path, key: str | None = None) -> np.ndarray | None:
    """The basis in a file, if it is whole and has the key (any if None)."""
    try:
        with safe_open(path, "np") as file:
            metadata, basis = file.metadata() or {}, file.get_tensor("basis")
    except (OSError, SafetensorError):
        return None
    whole = metadata.get("content") == array_digest({"basis": basis})
    return basis if whole and key in (None, metadata.get("key")) else None
