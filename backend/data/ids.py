"""Ids for rows that have none: hashes of their content, stable when rows are added or reordered."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal


def content_ids(
    prefix: Literal["t", "e"],
    texts: Sequence[str],
    texts_b: Sequence[str] | None,
    labels: Sequence[str],
    taken: Iterable[str] = (),
) -> list[str]:
    """``prefix`` and 12 hex digits for each row; a repeated row gets -2, -3, ... appended.

    ``taken`` are the ids that this function gave the rows before these: the result is what it would give
    for the rows after them if it saw all together.
    """
    seen = Counter(each.partition("-")[0] for each in taken)
    ids = []
    for i, (text, label) in enumerate(zip(texts, labels, strict=True)):
        content = json.dumps([text, None if texts_b is None else texts_b[i], label])
        plain = prefix + hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
        seen[plain] += 1
        ids.append(plain if seen[plain] == 1 else f"{plain}-{seen[plain]}")
    return ids
