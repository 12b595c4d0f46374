"""Sentence embeddings of both splits: mean-pooled, unit norm, by an encoder that was not fine-tuned here.

Computed once and kept in ``embeddings/``; they serve near-duplicates, neighbours, probes and the attribution
method ``embedding``. The default encoder is the embedded all-MiniLM-L6-v2, a sentence encoder.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from backend.data.dataset import SplitName, load_split
from backend.data.examples import Examples
from backend.data.readable import readable
from backend.files import array_digest, digest, replacing
from backend.folder import Folder
from backend.model.embedded import EMBEDDED, encoder_mark
from backend.model.source import resolve
from backend.progress import Progress, silent

if TYPE_CHECKING:  # whether embeddings are there is asked by commands that need no model
    import torch
    from transformers import PreTrainedModel

_MAX_LENGTH = 256
_BATCH_EXAMPLES, _BATCH_TOKENS = 64, 16_384


class Encoder:
    """Turns texts into sentence embeddings; model and tokenizer are loaded on first use."""

    def __init__(self, name: str = EMBEDDED, device: torch.device | None = None) -> None:
        """``name``: folder, hub id or ``minilm``. Raises `InputError` when it can't be loaded, on use."""
        self.name, self._device = name, device

    @cached_property
    def _model(self) -> PreTrainedModel:
        from backend.model.loading import load_encoder

        model = load_encoder(resolve(self.name))
        model.to(self._device or "cpu")  # type: ignore[arg-type]
        return model

    def encode(
        self, examples: Examples, progress: Progress = silent, stage: str = "sentence embeddings"
    ) -> np.ndarray:
        """Embeddings float32 (n, e) of unit norm; zero for a text without tokens.

        Conversations are read as one text, all that is said in them.
        """
        import torch

        from backend.model.batching import batch_kinds, length_sorted_batches
        from backend.model.loading import load_tokenizer, max_input_length
        from backend.model.model_inputs import accepted_inputs
        from backend.model.tokenization import collate, encode_ids

        model, tokenizer = self._model, load_tokenizer(resolve(self.name))
        length = min(max_input_length(tokenizer, model), _MAX_LENGTH)
        encoded = encode_ids(tokenizer, readable(examples), length)
        found = np.zeros((len(encoded), int(model.config.hidden_size)), dtype=np.float32)
        filled = [position for position, each in enumerate(encoded) if len(each)]
        lengths = [len(encoded[position]) for position in filled]
        done = len(encoded) - len(filled)
        progress(stage, done, len(encoded))
        kinds = batch_kinds(tokenizer, model, [encoded[position] for position in filled])
        batches = length_sorted_batches(lengths, _BATCH_EXAMPLES, _BATCH_TOKENS, kinds)
        with torch.inference_mode():
            for batch in batches:
                rows = [filled[index] for index in batch]
                inputs = collate([encoded[row] for row in rows], tokenizer, model.device)
                hidden = model(**accepted_inputs(model, inputs)).last_hidden_state.float()
                mask = inputs["attention_mask"][..., None].float()
                pooled = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
                found[rows] = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
                done += len(rows)
                progress(stage, done, len(encoded))
        return found


def stored_embeddings(
    folder: Folder, split: SplitName, encoder: Encoder, progress: Progress = silent
) -> np.ndarray:
    """Embeddings of a split, float32 (n, e): read where they are current, else computed and kept."""
    path, key = _path(folder, split), _key(folder, split, encoder.name)
    if embeddings_are_stored(folder, split, encoder.name) and whole_embeddings(path):
        with safe_open(path, "np") as file:
            return file.get_tensor("embeddings")
    rows = load_split(folder, split)
    with folder.lock():  # whoever takes it sweeps away what is half-written
        found = encoder.encode(rows.examples, progress, f"sentence embeddings of {split}")
        with replacing(path) as temporary:
            save_file({"embeddings": found}, temporary, {"key": key, "digest": array_digest({"": found})})
    return found


def whole_embeddings(path: Path) -> bool:
    """Whether a file of embeddings can be read and holds what was written."""
    try:
        with safe_open(path, "np") as file:
            return (file.metadata() or {}).get("digest") == array_digest({"": file.get_tensor("embeddings")})
    except (OSError, SafetensorError):
        return False


def embeddings_are_stored(folder: Folder, split: SplitName, encoder: str = EMBEDDED) -> bool:
    """Whether those of a split are kept and current."""
    try:
        with safe_open(_path(folder, split), "np") as file:
            return (file.metadata() or {}).get("key") == _key(folder, split, encoder)
    except (OSError, SafetensorError):
        return False


def _path(folder: Folder, split: SplitName) -> Path:
    return folder.embeddings / f"{split}.safetensors"


def _key(folder: Folder, split: SplitName, encoder: str) -> str:
    return digest("embeddings", 2, split, folder.manifest().data.fingerprint, encoder_mark(encoder))
