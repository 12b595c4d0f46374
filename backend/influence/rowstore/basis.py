"""The codec of a channel's rows; for ``pca:N`` its basis is fitted once and kept beside the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from transformers import PreTrainedTokenizerFast

from backend.files import array_digest, digest, replacing
from backend.folder import Folder
from backend.influence.gradients.capture import load_for_tracing, sided_rows
from backend.influence.gradients.settings import TraceSettings
from backend.influence.gradients.sides import READ, Channel, sides_of
from backend.influence.rowstore.compression import RowCodec, fit_basis, kept_dimensions
from backend.influence.rowstore.plan import Sample
from backend.manifest import Manifest
from backend.model.fingerprint import recorded_digest


def row_codec(
    folder: Folder,
    channel: Channel,
    row_store: str,
    tokenizer: PreTrainedTokenizerFast,
    sample: Sample,
    trace: TraceSettings,
) -> RowCodec:
    """The codec of ``row_store`` in a channel. A basis stays as long as the checkpoint's weights do."""
    dimensions = kept_dimensions(row_store)
    if dimensions is None:
        return RowCodec(row_store)
    manifest = folder.manifest()
    key = _key(manifest, channel, row_store)
    path = basis_path(folder.rows, channel.name, row_store)
    basis = read_basis(path, key)
    if basis is None:
        model = load_for_tracing(folder.checkpoint_path(manifest.checkpoints[channel.checkpoint]), trace)
        rows = sided_rows(model, tokenizer, sample.examples, sample.labels, trace)[0]
        basis = fit_basis(rows[sides_of(manifest.task.name).index(channel.side)].rows, dimensions)
        with replacing(path) as temporary:
            save_file({"basis": basis}, temporary, {"key": key, "content": array_digest({"basis": basis})})
    return RowCodec(row_store, basis)


def stored_codec(folder: Folder, channel: Channel, row_store: str) -> RowCodec:
    """The codec that the stored rows of a channel were written with; `ValueError` if its basis is lost."""
    if kept_dimensions(row_store) is None:
        return RowCodec(row_store)
    path = basis_path(folder.rows, channel.name, row_store)
    basis = read_basis(path, _key(folder.manifest(), channel, row_store))
    if basis is None:
        raise ValueError(f"{path}: damaged or missing")
    return RowCodec(row_store, basis)


def basis_path(rows: Path, channel: int | str, row_store: str) -> Path:
    """Where the basis of a channel's rows lies: one file a store, so that none takes another's place."""
    return rows / str(channel) / f"basis-{row_store.replace(':', '-')}.safetensors"


def _key(manifest: Manifest, channel: Channel, row_store: str) -> str:
    side = () if channel.side == READ else (channel.side,)
    return digest(row_store, recorded_digest(manifest, manifest.checkpoints[channel.checkpoint]), *side)


def read_basis(path: Path, key: str) -> np.ndarray | None:
    """The basis in a file, if it is whole and has the key."""
    try:
        with safe_open(path, "np") as file:
            metadata, basis = file.metadata() or {}, file.get_tensor("basis")
    except (OSError, SafetensorError):
        return None
    whole = metadata.get("content") == array_digest({"basis": basis})
    return basis if whole and metadata.get("key") == key else None
