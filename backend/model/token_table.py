"""The tokens of a split, tokenised once for all checkpoints and kept in files: memory does not grow with
rows.

One safetensors file per shard of rows: ``offsets`` int64 (n + 1), ``ids`` int32 (t) and, where the
tokenizer gives them, ``types`` int32 (t); of language models ``flags`` uint8 (t). A file is kept as long as
texts, tokenizer and max length are the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from backend.data.conversation import Reading, reading_of
from backend.data.dataset import SplitName
from backend.data.examples import Examples
from backend.data.shards import locate, read_shards, shard_ranges
from backend.files import array_digest, digest, replacing
from backend.folder import Folder
from backend.model.chat_template import asks_the_day
from backend.model.tokenization import Tokens, encode
from backend.progress import Progress, silent, track


@dataclass(frozen=True)
class TokenShard:
    """Tokens of consecutive rows of a split. ``key`` changes whenever a token does."""

    offsets: np.ndarray
    ids: np.ndarray
    types: np.ndarray | None
    key: str
    flags: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def examples(self, rows: range | None = None) -> list[Tokens]:
        """All rows of the shard, or some."""
        chosen = range(len(self)) if rows is None else rows
        return [self._example(slice(*self.offsets[row : row + 2])) for row in chosen]

    def _example(self, span: slice) -> Tokens:
        types, flags = (None if each is None else each[span].tolist() for each in (self.types, self.flags))
        return Tokens(self.ids[span].tolist(), types, flags)

    def count_rows(self) -> tuple[int, int]:
        """How many (example, distinct token) pairs and how many tokens there are."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        pairs = owner * (int(self.ids.max(initial=0)) + 1) + self.ids
        return len(np.unique(pairs)), len(self.ids)


class TokenTable:
    """The tokens of a split of ``count`` rows; ``rules``: what made tokens of texts."""

    def __init__(self, folder: Path, split: str, count: int, rules: str) -> None:
        self._folder, self._split, self.count, self._rules = folder, split, count, rules

    def keys(self) -> Iterator[str]:
        """The key of every shard."""
        return (shard.key for shard in self.shards())

    def part_key(self, shard: TokenShard, rows: range) -> str:
        """What changes whenever a token of these rows, all of one shard, does."""
        start = locate(rows.start)[1]
        tokens = slice(*shard.offsets[[start, start + len(rows)]])
        kept = {"ids": shard.ids, "types": shard.types, "flags": shard.flags}
        found = {name: each[tokens] for name, each in kept.items() if each is not None}
        found["lengths"] = np.diff(shard.offsets[start : start + len(rows) + 1])
        return digest(self._rules, array_digest(found))

    def span(self, rows: range) -> list[Tokens]:
        """Consecutive rows of one shard."""
        number, start = locate(rows.start)
        return self.shard(number).examples(range(start, start + len(rows)))

    def sample(self, count: int, seed: int = 0) -> tuple[np.ndarray, list[Tokens]]:
        """Up to ``count`` rows drawn at random: their positions, int64, ascending, and tokens."""
        chosen = np.sort(np.random.default_rng(seed).permutation(self.count)[:count])
        examples: list[Tokens] = []
        for number, positions in enumerate(shard_ranges(self.count)):
            here = chosen[(chosen >= positions.start) & (chosen < positions.stop)]
            if len(here):
                every = self.shard(number).examples()
                examples += [every[each - positions.start] for each in here]
        return chosen, examples

    def without_own(self, special: Collection[int]) -> int:
        """How many rows have no token but ``special`` ones: the model sees nothing of their texts."""
        ids, found = np.array(sorted(special), dtype=np.int64), 0
        for shard in self.shards():
            own = np.concatenate([[0], np.cumsum(~np.isin(shard.ids, ids))])
            found += int((np.diff(own[shard.offsets]) == 0).sum())
        return found

    def shards(self) -> Iterator[TokenShard]:
        """One shard after the other; only one is in memory."""
        for number in range(len(shard_ranges(self.count))):
            yield self.shard(number)

    def shard(self, number: int) -> TokenShard:
        """Shard ``number``, as `tokenise` left it."""
        with safe_open(_path(self._folder, self._split, number), "np") as file:
            there = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return TokenShard(
                there["offsets"],
                there["ids"],
                there.get("types"),
                file.metadata()["key"],
                there.get("flags"),
            )


_RULES = 2
"""Counts up when other tokens of the same rows of a language model are learnt."""


def tokenise(
    folder: Folder,
    split: SplitName,
    tokenizer: PreTrainedTokenizerFast,
    max_length: int,
    progress: Progress = silent,
) -> TokenTable:
    """Tokenise what has not been tokenised yet, as `encode` does."""
    manifest = folder.manifest()
    info = manifest.data
    count = info.n_train if split == "train" else info.n_eval
    ranges = shard_ranges(count)
    rules = tokenizer_id(tokenizer, reading_of(manifest.task))
    for number, rows in enumerate(
        track(read_shards(folder, split), f"tokens of {split}", len(ranges), progress)
    ):
        key = digest(rules, max_length, *rows.examples.pair, *_learnt(rows.examples))
        path = _path(folder.tokens, split, number)
        if _key(path) != key:
            _write(path, tokenizer, rows.examples, max_length, key)
    wanted = {_path(folder.tokens, split, number) for number in range(len(ranges))}
    for path in folder.tokens.glob(f"{split}-*.safetensors"):
        if path not in wanted:
            path.unlink()
    return TokenTable(folder.tokens, split, count, digest(rules, max_length))


def _learnt(examples: Examples) -> tuple[object, ...]:
    """What else decides on the tokens of a language model's rows."""
    return () if examples.reading is None else (list(examples.targets),)


def tokenizer_id(tokenizer: PreTrainedTokenizerFast, reading: Reading | None = None) -> str:
    """Digest of everything that decides which tokens a text has; ``reading``: of language models' rows."""
    rules: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    rules.pop("truncation", None)  # set anew by every call
    rules.pop("padding", None)
    return digest(rules, tokenizer.truncation_side, tokenizer.padding_side, *_of_rows(tokenizer, reading))


def _of_rows(tokenizer: PreTrainedTokenizerFast, reading: Reading | None) -> list[object]:
    """What else decides on the tokens of language models' rows; the day only where the template asks it."""
    if reading is None:
        return []
    how = {"rules": _RULES, "loss": reading.loss, **({"day": reading.day} if asks_the_day(tokenizer) else {})}
    return [tokenizer.chat_template, tokenizer.special_tokens_map, how]


def _path(folder: Path, split: str, number: int) -> Path:
    return folder / f"{split}-{number:06d}.safetensors"


def _key(path: Path) -> str | None:
    """The key of a whole file, None if it is damaged or missing."""
    try:
        with safe_open(path, "np") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (OSError, SafetensorError):
        return None
    return metadata.get("key") if metadata.get("content") == array_digest(tensors) else None


def _write(
    path: Path,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    max_length: int,
    key: str,
) -> None:
    encoded = encode(tokenizer, examples, max_length)
    tensors: dict[str, np.ndarray] = {
        "offsets": np.concatenate([[0], np.cumsum([len(each) for each in encoded])]).astype(np.int64),
        "ids": np.array([token for each in encoded for token in each.input_ids], dtype=np.int32),
    }
    if encoded and encoded[0].token_type_ids is not None:
        types = [each.token_type_ids or [] for each in encoded]
        tensors["types"] = np.array([kind for each in types for kind in each], dtype=np.int32)
    if encoded and encoded[0].flags is not None:
        flags = [each.flags or [] for each in encoded]
        tensors["flags"] = np.array([flag for each in flags for flag in each], dtype=np.uint8)
    with replacing(path) as temporary:
        save_file(tensors, temporary, {"key": key, "content": array_digest(tensors)})
