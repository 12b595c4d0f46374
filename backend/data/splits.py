"""Making a train and an eval split where one source holds both."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from backend.data.equal_texts import TextKey, text_keys
from backend.data.examples import Examples
from backend.data.messages import listing
from backend.data.rows import Rows
from backend.errors import InputError

TRAIN = ("train", "training")
VALIDATION = ("validation", "valid", "val", "dev")
TEST = ("test",)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(%?)")


def parse_fraction(text: str | None) -> float | None:
    """The share to hold out if ``text`` is a number ("0.2", "20%"), None if it names a source."""
    match = _NUMBER.fullmatch(text or "")
    if text is None or match is None:
        return None
    share = float(text.rstrip("%")) / (100 if match[2] else 1)
    if not 0 < share < 1:
        raise InputError(f"--eval {text}: the share to hold out must lie between 0 and 1, such as 0.2")
    return share


def train_rows(rows: Rows, column: str) -> tuple[Rows, dict[str, int]]:
    """The rows that ``column`` assigns to train, and the number of others by value."""
    return _select(rows, column, (TRAIN,))


def eval_rows(rows: Rows, column: str) -> tuple[Rows, dict[str, int]]:
    """The validation rows, or the test rows where there are none; and the number of others by value."""
    return _select(rows, column, (VALIDATION, TEST))


def unused(left_out_by_role: list[dict[str, int]]) -> dict[str, int]:
    """The values that serve no role when one table gives both splits: left out by each of them."""
    first, *rest = left_out_by_role
    return {value: n for value, n in first.items() if all(value in other for other in rest)}


def _select(rows: Rows, column: str, choices: tuple[tuple[str, ...], ...]) -> tuple[Rows, dict[str, int]]:
    rows.require((column,))
    values = ["" if value is None else str(value) for value in rows.values(column)]
    plain = [value.strip().lower() for value in values]
    present = set(plain)
    wanted = next((names for names in choices if present.intersection(names)), None)
    if wanted is None:
        names = " or ".join(f"'{names[0]}'" for names in choices)
        there = listing(sorted(set(values))) or "no rows"
        raise InputError(f"{rows.file}, column {column!r}: no row is {names}; the values there are {there}")
    mask = np.array([value in wanted for value in plain], dtype=bool)
    return rows.where(mask), dict(
        Counter(value for value, taken in zip(values, mask, strict=True) if not taken)
    )


def held_out(
    rows: Examples,
    fraction: float,
    seed: int,
    strata: Sequence[Hashable] | None = None,
    labels: Sequence[Sequence[str]] | None = None,
) -> np.ndarray:
    """Which rows to hold out (bool, one per row): ``fraction`` of each stratum, by default of each target.

    Rows whose texts are equal up to case and white space stay on one side. The choice depends on
    texts and ``seed``, not on the order of rows. Of the ``labels`` of each row, by default its target, every
    one keeps at least one row in train.
    """
    strata = rows.targets if strata is None else strata
    labels = [[each] for each in rows.targets] if labels is None else labels
    groups = _equal_texts(rows, seed)
    # The last group with a label stays in train, so that train lacks none.
    pinned = {label: place for place, members in enumerate(groups) for i in members for label in labels[i]}
    classes = [_usual(strata, members) for members in groups]
    sizes: Counter[Hashable] = Counter()
    for members, name in zip(groups, classes, strict=True):
        sizes[name] += len(members)
    quota = {name: round(fraction * size) for name, size in sizes.items()}
    mask, kept = np.zeros(len(rows), dtype=bool), set(pinned.values())
    for place, (members, name) in enumerate(zip(groups, classes, strict=True)):
        if place not in kept and len(members) <= quota[name]:
            mask[members] = True
            quota[name] -= len(members)
    return mask


def _equal_texts(rows: Examples, seed: int) -> list[list[int]]:
    """Row positions grouped by text, the groups in an order that ``seed`` and texts determine."""
    groups: dict[TextKey, list[int]] = defaultdict(list)
    for i, key in enumerate(text_keys(rows)):
        groups[key].append(i)
    salt = str(seed).encode()

    def place(key: TextKey) -> tuple[bytes, TextKey]:
        return hashlib.blake2b(" ".join(key).strip().encode(), key=salt).digest(), key

    return [groups[key] for key in sorted(groups, key=place)]


def _usual(strata: Sequence[Hashable], members: list[int]) -> Hashable:
    counts = Counter(strata[i] for i in members)
    return min(counts, key=lambda name: (-counts[name], name))
