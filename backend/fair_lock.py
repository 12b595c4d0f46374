"""A lock that goes round: nobody who lets go of it between two steps gets it again before those who wait."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class FairLock:
    """Reentrant, and given to whoever has waited longest.

    With a lock of `threading`, a thread that takes it step by step may never let another in: the next step
    begins before those who wait have woken up.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        me, ticket = threading.get_ident(), object()
        with self._changed:
            if self._owner != me:
                self._waiting.append(ticket)
                try:
                    self._changed.wait_for(lambda: self._owner is None and self._waiting[0] is ticket)
                except BaseException:  # waiting was interrupted: the next may be first now
                    self._waiting.remove(ticket)
                    self._changed.notify_all()
                    raise
                self._waiting.remove(ticket)
                self._owner = me
            self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with self._changed:
            self._depth -= 1
            if not self._depth:
                self._owner = None
                self._changed.notify_all()
