"""How a model cuts texts, from its tokenizer's file alone: no weights, no torch, no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backend.data.examples import Examples
from backend.errors import InputError
from backend.model.source import resolve

_FILE = "tokenizer.json"
_UNLIMITED = 1_000_000  # tokenizers without a limit say 1e30
_BATCH = 1_000
_MOST = 5_000  # texts that are cut up to know how many are too long


class QuickTokens:
    """Counts tokens as the model's tokenizer does; ``limit``: how many of them are read of a text."""

    def __init__(self, tokenizer: Any, limit: int) -> None:
        self._tokenizer, self.limit = tokenizer, limit

    @classmethod
    def of(cls, model: str, wanted: int) -> QuickTokens | None:
        """That of a local model; ``wanted`` tokens as far as it can read them; None where it has no file."""
        try:
            folder = Path(resolve(model))
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(folder / _FILE))
        except Exception:  # not here, damaged, or of a kind that needs transformers: then it is guessed
            return None
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(tokenizer, min(wanted, _longest(folder)))

    def longer(self, rows: Examples) -> tuple[list[int], float]:
        """Places of texts (or pairs) of more than ``limit`` tokens, special ones included; of which share.

        A text has hardly more tokens than UTF-8 bytes, so short ones are not cut up. Of very many others a
        share is, evenly spaced.
        """
        pairs: list[Any] = list(rows.fields[0] if len(rows.fields) == 1 else zip(*rows.fields, strict=True))
        special = self._tokenizer.num_special_tokens_to_add(len(rows.fields) > 1)
        places = [i for i, each in enumerate(pairs) if _bytes(each) + special > self.limit]
        looked_at = places[:: max(1, -(-len(places) // _MOST))]
        share = len(looked_at) / max(len(places), 1) if places else 1.0
        long, places = [], looked_at
        for start in range(0, len(places), _BATCH):
            part = places[start : start + _BATCH]
            encoded = self._tokenizer.encode_batch([pairs[i] for i in part])
            long += [i for i, each in zip(part, encoded, strict=True) if len(each.ids) > self.limit]
        return long, share

    def without_own(self, texts: Sequence[str]) -> list[int]:
        """Places of the texts of which the model sees special tokens only, the unknown one among them."""
        unknown = {self._tokenizer.token_to_id(each) for each in ("[UNK]", "<unk>")}
        encoded = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [i for i, each in enumerate(encoded) if set(each.ids) <= unknown]


def check_hub(model: str) -> None:
    """`InputError` in one line if a hub model cannot be had; no weights are fetched."""
    name = resolve(model)
    if Path(name).is_dir():
        return
    from huggingface_hub import HfApi, constants, try_to_load_from_cache
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(try_to_load_from_cache(name, "config.json"), str):
        return
    if constants.HF_HUB_OFFLINE:
        raise InputError(f"model {model!r}: not here, and the hub is not asked (HF_HUB_OFFLINE is set)")
    try:
        found = HfApi().model_info(name, timeout=10)
    except GatedRepoError as error:
        raise InputError(f"model {model!r}: the hub gives it only to those who accepted its terms") from error
    except RepositoryNotFoundError as error:
        raise InputError(f"model {model!r}: the hub has no model of that name, or it is private") from error
    except Exception as error:  # of the network, of many unrelated types
        raise InputError(
            f"model {model!r}: not here, and the hub cannot be reached: offline? ({type(error).__name__})"
        ) from error
    files = [each.rfilename for each in found.siblings or ()]
    if files and not any(each.endswith(".safetensors") for each in files):
        raise InputError(f"model {model!r}: the hub has no safetensors weights of it; pickles are never read")


def _longest(folder: Path) -> int:
    """How many tokens the model can read at most, as far as its files say."""
    limits = []
    said = (("tokenizer_config.json", "model_max_length"), ("config.json", "max_position_embeddings"))
    for file, key in said:
        try:
            value = json.loads((folder / file).read_text(encoding="utf-8")).get(key)
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(value, int | float) and 0 < value < _UNLIMITED:
            limits.append(int(value))
    return min(limits, default=_UNLIMITED)


def _bytes(text: str | tuple[str, str]) -> int:
    return len(text.encode()) if isinstance(text, str) else sum(len(each.encode()) for each in text)
