"""Ids for rows that have none: hashes of their content, stable when rows are added or reordered."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from itertools import repeat
from typing import Literal

from backend.data.examples import Examples

_BYTES = 8  # of the hash, two hex digits each


def content_ids(
    prefix: Literal["t", "e"],
    examples: Examples,
    taken: Iterable[str] = (),
) -> list[str]:
    """``prefix`` and 16 hex digits for each row; a repeated row gets -2, -3, ... appended.

    ``taken`` are the ids that this function gave the rows before these: the result is what it would give
    for the rows after them if it saw all together. An earlier Firstword gave 12 digits, of which two of a
    million rows may be the same (1 in 600); where ``taken`` has them, the new ones have as many.
    """
    seen = Counter(each.partition("-")[0] for each in taken)
    size = (len(next(iter(seen))) - len(prefix)) // 2 if seen else _BYTES
    ids = []
    texts, texts_b = examples.pair
    seconds = repeat(None, len(texts)) if texts_b is None else texts_b
    for text, second, label in zip(texts, seconds, examples.targets, strict=True):
        content = json.dumps([text, second, label])
        plain = prefix + hashlib.blake2b(content.encode(), digest_size=size).hexdigest()
        seen[plain] += 1
        ids.append(plain if seen[plain] == 1 else f"{plain}-{seen[plain]}")
    return ids
