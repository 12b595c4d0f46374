"""Two ways to read inverted lists and add products up per example: host threads, or a GPU that holds them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from backend.influence.rowstore import kernels

ID_BYTES = 8
_PARTIAL_SUMS = 1 << 18  # of a thread at a time: 1 MB
_SPARE = 0.8  # share of a GPU's free memory that lists may take
_PIECE = 1 << 28  # bytes copied to a GPU at a time: the file is mapped, no second copy on the host


@dataclass(frozen=True)
class Terms:
    """What queries ask of lists: see `kernels.scan_lists` for the arrays."""

    starts: np.ndarray
    sizes: np.ndarray
    ranges: np.ndarray
    queries: np.ndarray
    constants: np.ndarray
    owners: np.ndarray


class Scan(Protocol):
    """Reads the lists of an index."""

    def sums(self, terms: Terms, queries: int) -> np.ndarray:
        """Sums of the products of ``terms`` for every query and example: float32 (queries, n)."""


def open_scan(lists: Path, count: int, device: torch.device) -> Scan:
    """The scan of the file ``lists`` over ``count`` examples; on a GPU where its memory has room for them."""
    size = lists.stat().st_size
    data = np.memmap(lists, np.uint8, "r") if size else np.empty(0, np.uint8)
    if device.type == "cuda" and size < _SPARE * torch.cuda.mem_get_info(device)[0]:
        return DeviceScan(data, count, device)
    return HostScan(np.asarray(data), count)


class HostScan:
    """Threads, each with a range of examples of its own; lists stay mapped from disk."""

    def __init__(self, data: np.ndarray, count: int) -> None:
        self._data, self._count = data, count
        self._threads = ThreadPoolExecutor(torch.get_num_threads())

    def sums(self, terms: Terms, queries: int) -> np.ndarray:
        """See `Scan`."""
        total = np.zeros((queries, self._count), dtype=np.float32)

        def scan(examples: range) -> None:
            found = np.zeros((queries, len(examples)), dtype=np.float32)
            kernels.scan_lists(
                self._data,
                terms.starts,
                terms.sizes,
                terms.queries.shape[1],
                terms.ranges,
                terms.queries,
                terms.constants,
                terms.owners,
                examples.start,
                examples.stop,
                found,
            )
            total[:, examples.start : examples.stop] = found

        for _ in self._threads.map(scan, self._ranges(queries)):
            pass
        return total

    def _ranges(self, queries: int) -> list[range]:
        """Ranges of examples: at least one a thread, and none whose partial sums outgrow a cache."""
        most = max(_PARTIAL_SUMS // max(queries, 1), 1024)
        size = max(min(most, -(-self._count // torch.get_num_threads())), 1)
        return [range(start, min(start + size, self._count)) for start in range(0, self._count, size)]


class DeviceScan:
    """The same on a torch device that holds all lists in its memory."""

    def __init__(self, data: np.ndarray, count: int, device: torch.device) -> None:
        self._data = torch.empty(len(data), dtype=torch.uint8, device=device)
        for start in range(0, len(data), _PIECE):
            part = np.array(data[start : start + _PIECE])
            self._data[start : start + len(part)] = torch.from_numpy(part).to(device)
        self._count, self._device = count, device

    def sums(self, terms: Terms, queries: int) -> np.ndarray:
        """See `Scan`."""
        total = torch.zeros(queries, self._count, dtype=torch.float32, device=self._device)
        wanted = torch.from_numpy(terms.queries).to(self._device)
        constants = torch.from_numpy(terms.constants).to(self._device)
        owners = torch.from_numpy(terms.owners).to(self._device)
        width = wanted.shape[1]
        lists = zip(terms.starts.tolist(), terms.sizes.tolist(), strict=True)
        for place, (start, size) in enumerate(lists):
            span = slice(int(terms.ranges[place]), int(terms.ranges[place + 1]))
            middle = start + size * width
            codes = self._data[start:middle].view(size, width).float()
            examples = self._data[middle : middle + ID_BYTES * size].view(torch.int64)
            products = wanted[span] @ codes.T + constants[span, None]
            # An example has a token's row once and a query asks a list once: no two sums go to one place.
            total[owners[span, None], examples] += products
        return total.cpu().numpy()
