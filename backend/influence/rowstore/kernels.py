"""The inner loops of search: dot products of stored rows with query rows, added up per example.

Compiled by numba on first use (kept in ``__pycache__``), without the GIL, so that threads share the work.
Sums may be reordered for vector instructions; on one machine the order is always the same.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_SUMS = {"reassoc", "contract", "nsz"}


@njit(nogil=True, fastmath=_SUMS, cache=True)
def _dot(codes: np.ndarray, query: np.ndarray) -> np.float32:  # (r) int8, uint8 or float32; (r) float32
    total = np.float32(0)
    for j in range(query.shape[0]):
        total += np.float32(codes[j]) * query[j]
    return total


@njit(nogil=True, cache=True)
def _slot(slots: np.ndarray, token: int) -> int:
    """The slot of a token; -1 for what a damaged file may hold instead of one."""
    return slots[token] if 0 <= token < slots.shape[0] else -1


@njit(nogil=True, fastmath=_SUMS, cache=True)
def add_scores(
    codes: np.ndarray,  # (rows, r)
    scales: np.ndarray,  # (rows)
    tokens: np.ndarray,  # (rows)
    offsets: np.ndarray,  # (n + 1): the rows of each example
    slots: np.ndarray,  # (vocabulary): slot of a token, -1 where the query lacks it
    query: np.ndarray,  # (slots, r)
    scores: np.ndarray,  # (n), added to
) -> None:
    """Add to ``scores[i]`` the dot products of example i's rows with the query's rows of the same token."""
    for example in range(offsets.shape[0] - 1):
        total = 0.0
        for row in range(offsets[example], offsets[example + 1]):
            slot = _slot(slots, tokens[row])
            if slot >= 0:
                total += scales[row] * _dot(codes[row], query[slot])
        scores[example] += total


@njit(nogil=True, fastmath=_SUMS, cache=True)
def add_terms(
    codes: np.ndarray,
    scales: np.ndarray,
    tokens: np.ndarray,
    offsets: np.ndarray,
    examples: np.ndarray,  # (m): which examples
    slots: np.ndarray,
    query: np.ndarray,
    terms: np.ndarray,  # (m, slots), added to
) -> None:
    """As `add_scores`, for some examples and kept apart by query token."""
    for place in range(examples.shape[0]):
        example = examples[place]
        for row in range(offsets[example], offsets[example + 1]):
            slot = _slot(slots, tokens[row])
            if slot >= 0:
                terms[place, slot] += scales[row] * _dot(codes[row], query[slot])


@njit(nogil=True, fastmath=_SUMS, cache=True)
def add_row_terms(
    codes: np.ndarray,
    scales: np.ndarray,
    tokens: np.ndarray,
    slots: np.ndarray,
    query: np.ndarray,
    terms: np.ndarray,  # (rows), added to
) -> None:
    """As `add_scores`, for every row by itself."""
    for row in range(tokens.shape[0]):
        slot = _slot(slots, tokens[row])
        if slot >= 0:
            terms[row] += scales[row] * _dot(codes[row], query[slot])


@njit(nogil=True, fastmath=_SUMS, cache=True)
def add_group_sums(
    codes: np.ndarray,
    scales: np.ndarray,
    tokens: np.ndarray,
    offsets: np.ndarray,
    slots: np.ndarray,
    ranges: np.ndarray,  # (slots + 1): a slot's rows are queries[ranges[slot]:ranges[slot + 1]]
    queries: np.ndarray,  # (entries, r): rows of one token, summed over the queries of one group
    groups: np.ndarray,  # (entries): the group of each
    sums: np.ndarray,  # (n, groups), added to
) -> None:
    """As `add_scores`, for groups of queries that have been added up."""
    for example in range(offsets.shape[0] - 1):
        for row in range(offsets[example], offsets[example + 1]):
            slot = _slot(slots, tokens[row])
            if slot >= 0:
                for entry in range(ranges[slot], ranges[slot + 1]):
                    sums[example, groups[entry]] += scales[row] * _dot(codes[row], queries[entry])


@njit(nogil=True, fastmath=_SUMS, cache=True)
def scan_lists(
    data: np.ndarray,  # uint8: the inverted lists, each its codes and then its ids (int64, ascending)
    starts: np.ndarray,  # (L) int64: where each list begins
    sizes: np.ndarray,  # (L) int64: how many rows it has
    code_size: int,
    ranges: np.ndarray,  # (L + 1) int64: list l is asked by terms ranges[l] .. ranges[l + 1]
    queries: np.ndarray,  # (terms, code_size) float32
    constants: np.ndarray,  # (terms) float32
    owners: np.ndarray,  # (terms) int64: the query that each term belongs to
    first: int,
    last: int,
    scores: np.ndarray,  # (queries, last - first) float32, added to
) -> None:
    """For the examples ``first <= id < last``: add ``codes . query + constant`` of every term's list."""
    row = np.empty(code_size, dtype=np.float32)
    for place in range(starts.shape[0]):
        size, start = sizes[place], starts[place]
        middle = start + size * code_size
        codes = data[start:middle].reshape(size, code_size)
        ids = data[middle : middle + 8 * size].view(np.int64)
        terms = range(ranges[place], ranges[place + 1])
        for entry in range(np.searchsorted(ids, first), np.searchsorted(ids, last)):
            example = ids[entry] - first
            if not 0 <= example < scores.shape[1]:  # only in a damaged file
                continue
            if len(terms) == 1:
                term = ranges[place]
                scores[owners[term], example] += _dot(codes[entry], queries[term]) + constants[term]
                continue
            for j in range(code_size):
                row[j] = np.float32(codes[entry, j])
            for term in terms:
                scores[owners[term], example] += _dot(row, queries[term]) + constants[term]
