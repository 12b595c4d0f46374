"""Which rows TRL's SFTTrainer puts into one sequence (`trl.data_utils.pack_dataset` of TRL 1.16).

Packs are made of 1,000 rows at a time, as `datasets.Dataset.map` hands them over, and of every process's
share of the rows apart.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_AT_ONCE = 1000


@dataclass(frozen=True)
class Piece:
    """Tokens [start, stop) of a row."""

    row: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


Pack = list[Piece]


def pack(
    order: Sequence[int], lengths: Sequence[int], size: int, strategy: str, processes: int | None = None
) -> list[Pack]:
    """Packs of at most ``size`` tokens in the trainer's order.

    ``order``: rows as they came to be packed; ``lengths``: tokens of each row, by row. ``strategy``:
    ``bfd`` (rows are cut to ``size``), ``bfd_split`` (longer ones are split) or ``wrapped`` (one stream, cut
    anywhere).
    """
    wrapped = strategy == "wrapped"
    made: list[Pack] = []
    for rows in _shares(order, processes):
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            if wrapped:
                made += _wrapped(part, lengths, size)
            else:
                made += _best_fit(list(_pieces(part, lengths, size, strategy == "bfd_split")), size)
    return made


def _shares(order: Sequence[int], processes: int | None) -> Iterator[Sequence[int]]:
    """Contiguous shares as `datasets.Dataset.shard` cuts them."""
    count = max(min(processes or 1, len(order)), 1)
    least, more = divmod(len(order), count)
    start = 0
    for index in range(count):
        stop = start + least + (index < more)
        yield order[start:stop]
        start = stop


def _pieces(rows: Sequence[int], lengths: Sequence[int], size: int, split: bool) -> Iterator[Piece]:
    for row in rows:
        stop = lengths[row] if split else min(lengths[row], size)
        for start in range(0, stop, size):
            yield Piece(row, start, min(start + size, stop))


def _best_fit(pieces: Sequence[Piece], size: int) -> list[Pack]:
    """Best fit decreasing: longest first, each into the fullest pack that has room, the oldest of equals."""
    packs: list[Pack] = []
    rooms: list[int] = []  # the sizes of room that some pack has, ascending
    by_room: defaultdict[int, deque[Pack]] = defaultdict(deque)
    for piece in sorted(pieces, key=len, reverse=True):  # stable, as Arrow's
        at = bisect_left(rooms, len(piece))
        room = rooms[at] if at < len(rooms) else size
        if room < size:
            into = by_room[room].popleft()
            if not by_room[room]:
                rooms.pop(at)
        else:
            into = []
            packs.append(into)
        into.append(piece)
        left = room - len(piece)
        if left and not by_room[left]:
            insort(rooms, left)
        if left:
            by_room[left].append(into)
    return packs


def _wrapped(rows: Sequence[int], lengths: Sequence[int], size: int) -> list[Pack]:
    packs: list[Pack] = []
    room = 0
    for row in rows:
        start = 0
        while start < lengths[row]:
            if not room:
                packs.append([])
                room = size
            piece = Piece(row, start, min(start + room, lengths[row]))
            packs[-1].append(piece)
            room -= len(piece)
            start = piece.stop
    return packs
