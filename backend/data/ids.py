"""Ids for rows that have none: hashes of their content, stable when rows are added or reordered."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Literal


def content_ids(
    prefix: Literal["t", "e"], texts: Sequence[str], texts_b: Sequence[str] | None, labels: Sequence[str]
) -> list[str]:
    """``prefix`` and 12 hex digits for each row; a repeated row gets -2, -3, ... appended."""
    seen: Counter[str] = Counter()
    ids = []
    for i, (text, label) in enumerate(zip(texts, labels, strict=True)):
        content = json.dumps([text, None if texts_b is None else texts_b[i], label])
        plain = prefix + hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
        seen[plain] += 1
        ids.append(plain if seen[plain] == 1 else f"{plain}-{seen[plain]}")
    return ids
