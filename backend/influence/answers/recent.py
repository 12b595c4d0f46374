"""The last few results by what they are of: a question asked again asks neither models nor index."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import is_dataclass
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


class Recent:
    """Keeps ``size`` results whose arrays take at most ``most`` bytes together.

    The longest unused goes first; one that is larger by itself is not kept. Two who ask at once may both make
    one.
    """

    def __init__(self, size: int, most: int) -> None:
        self._size, self._most, self._lock = size, most, threading.Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def held(self) -> int:
        """Bytes of all arrays in what is kept, each counted once."""
        with self._lock:
            return _bytes(self._kept.values())

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` returned for this key: never change it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            if _bytes([made]) > self._most:
                return made
            self._kept[key] = made
            self._kept.move_to_end(key)
            while len(self._kept) > self._size or _bytes(self._kept.values()) > self._most:
                self._kept.popitem(last=False)
        return made

    def clear(self) -> None:
        """Keep nothing of what there is."""
        with self._lock:
            self._kept.clear()


def _bytes(values: Iterable[Any]) -> int:
    """Of the arrays in tuples and objects: what several of them share counts once."""
    arrays: dict[int, np.ndarray] = {}
    waiting = list(values)
    while waiting:
        each = waiting.pop()
        if isinstance(each, np.ndarray):
            whole = each.base if isinstance(each.base, np.ndarray) else each
            arrays[id(whole)] = whole
        elif isinstance(each, tuple):
            waiting += each
        elif is_dataclass(each):
            waiting += vars(each).values()  # also what was worked out since it was made
    return sum(each.nbytes for each in arrays.values())
