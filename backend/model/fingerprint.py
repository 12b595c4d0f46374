"""What identifies a checkpoint's content."""

from __future__ import annotations

import hashlib
from pathlib import Path


def weights_digest(checkpoint: Path) -> str:
    """Digest of all safetensors files of a checkpoint folder, 32 hex digits."""
    state = hashlib.blake2b(digest_size=16)
    for path in sorted(checkpoint.glob("*.safetensors")):
        state.update(path.name.encode())
        with path.open("rb") as file:
            state.update(hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest())
    return state.hexdigest()
