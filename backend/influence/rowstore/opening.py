"""Opening the rows that precompute has written; `InputError` where they are missing or damaged."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import InputError
from backend.folder import Folder
from backend.influence.gradients.sides import channels_of
from backend.influence.rowstore.basis import stored_codec
from backend.influence.rowstore.compression import RowCodec
from backend.influence.rowstore.layout import RowsInfo
from backend.influence.rowstore.store import RowStore
from backend.program import COMMAND


@dataclass(frozen=True)
class StoredRows:
    """The rows of all channels, in order, and how they are encoded."""

    stores: list[RowStore]
    codecs: list[RowCodec]


def open_rows(folder: Folder) -> StoredRows:
    """The rows of all channels; `InputError` if they are missing, stale or damaged."""
    artifact = folder.require("rows", "precompute")
    manifest = folder.manifest()
    try:
        info = RowsInfo.read(folder.rows, artifact.id)
        channels = channels_of(manifest)
        stores = [RowStore(folder.rows, each.name, manifest.data.n_train, info) for each in channels]
        return StoredRows(stores, [stored_codec(folder, each, info.row_store) for each in channels])
    except ValueError as error:
        raise damaged(folder, error) from error


def damaged(folder: Folder, error: ValueError) -> InputError:
    """What to say of it, and the command that makes it anew."""
    return InputError(f"{error}; run `{COMMAND} precompute {folder.path}`")
