"""The tables of `benchmarks.peers`: medians, agreement, extrapolation, Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

OURS = "firstword"
MANY = 10
NAMES = {
    OURS: "Firstword",
    "dattri-llm": "dattri-llm, live",
    "dattri-llm-store": "dattri-llm, from its store",
    "dattri-llm-sparse": "dattri-llm, live, sparse",
    "dattri-llm-store-sparse": "dattri-llm, from its store, sparse",
    "captum": "captum",
    "captum-cached": "captum, weights in memory, rest frozen",
    "dattri": "dattri",
}
Found = dict[str, Any]
Figure = Callable[[Found], float | None]


@dataclass(frozen=True)
class Outcome:
    """What became of one contender at one size; ``found`` holds all that its worker wrote."""

    name: str
    size: int
    status: str
    found: Found = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)


def agreement(scores: np.ndarray, ours: np.ndarray) -> dict[str, float]:
    """How far score matrices (queries, n) differ, on the part that both have."""
    queries, size = (min(each) for each in zip(scores.shape, ours.shape, strict=True))
    theirs, reference = scores[:queries, :size], ours[:queries, :size]
    found = {
        "max_relative": float(np.abs(theirs - reference).max() / np.abs(reference).max()),
        "scores": int(reference.size),
    }
    if reference.size > 2:
        found["pearson"] = float(np.corrcoef(theirs.ravel(), reference.ravel())[0, 1])
    return found


def first_seconds(count: int) -> Figure:
    """Seconds to the scores of ``count`` queries, all training gradients included."""

    def figure(found: Found) -> float | None:
        times = found.get("first", {}).get(str(count))
        return statistics.median(times) if times else None

    return figure


def further_seconds(queries: int, *, together: bool) -> Figure:
    """Seconds for ``queries`` further queries: one by one, or ``together`` in one call.

    What keeps nothing does everything again. A call with many queries is drawn as a line through the
    calls with the fewest and the most queries that were measured.
    """

    def figure(found: Found) -> float | None:
        times = found.get("further" if found.get("keeps") else "first", {})
        if not times.get("1"):
            return None
        one = statistics.median(times["1"])
        if found.get("one_by_one") or not together:
            return queries * one
        most = max(map(int, times))
        if most == 1 or not times[str(most)]:
            return None
        slope = max(statistics.median(times[str(most)]) - one, 0.0) / (most - 1)
        return one + (queries - 1) * slope

    return figure


def at_size(outcomes: Iterable[Outcome], name: str, size: int, figure: Figure) -> tuple[float | None, bool]:
    """A contender's figure at ``size``, and whether it was measured there.

    Else it lies on the line through its two largest sizes, or is proportional to its only one.
    """
    points = {each.size: figure(each.found) for each in outcomes if each.name == name}
    known = sorted((at, value) for at, value in points.items() if value is not None)
    if not known:
        return None, False
    if (measured := points.get(size)) is not None:
        return measured, True
    (last, value), *before = reversed(known)
    if not before:
        return value * size / last, False
    slope = max((value - before[0][1]) / (last - before[0][0]), 0.0)
    return value + slope * (size - last), False


def tables(outcomes: Sequence[Outcome], sizes: Sequence[int], queries: int, baseline: float) -> str:
    """Both tables and what their signs mean."""
    return "\n\n".join(
        (
            "### Time to first scores: from the model on disk, training gradients included",
            _markdown(_first_header(), _first_rows(outcomes, sizes, baseline)),
            f"### {queries} further queries",
            _markdown(_further_header(), _further_rows(outcomes, sizes, queries)),
            _LEGEND.format(queries=queries, baseline=baseline),
        )
    )


_LEGEND = """Medians (lowest..highest of n repeats). `~`: extrapolated; over sizes along the line through
the two largest sizes that the contender finished (proportionally where it finished one), over queries to
{queries}. `x`: times Firstword's figure at the same size. Memory: peak of the process above the
{baseline:.0f} MB that importing torch and loading the model take. Difference: the largest absolute
difference to Firstword's scores, over the largest score. Firstword's first scores need its rows only; the
index is built once, in the time given (`index`). Its further queries are answered from the index one by
one, the query's own gradients included. In one call, the others share one pass over the training side among
all queries; captum and dattri then hold a dense gradient per query and checkpoint, whatever memory that
takes. "Sparse": dattri-llm with a private method replaced, so that it uses its own sparse product; as it
comes it does not."""


def _first_header() -> list[str]:
    return [
        *("training examples", "contender", "1 query, s", "x", f"{MANY} queries, s", "x", "index, s"),
        *(f"memory 1 / {MANY} queries, MB", "difference", "Pearson", "status"),
    ]


def _first_rows(
    outcomes: Sequence[Outcome], sizes: Sequence[int], baseline: float
) -> Iterable[Sequence[str]]:
    own = sorted({each.size for each in outcomes} | set(sizes))
    for size in own:
        for name in _present(outcomes):
            outcome = next((each for each in outcomes if (each.name, each.size) == (name, size)), None)
            if outcome is None and size not in sizes:
                continue
            outcome = outcome or Outcome(name, size, "not run at this size")
            cells = [
                cell
                for count in (1, MANY)
                for cell in (
                    _times(outcomes, outcome, count),
                    _factor(outcomes, name, size, first_seconds(count)),
                )
            ]
            yield (
                *(f"{size:,}", NAMES[name], *cells, _index(outcome), _memory(outcome, baseline)),
                *_agreement(outcome),
                outcome.status,
            )


def _further_header() -> list[str]:
    return [
        *("training examples", "contender", "one by one, s", "x", "in one call, s", "x"),
        "bytes on disk per example and checkpoint",
    ]


def _further_rows(outcomes: Sequence[Outcome], sizes: Sequence[int], queries: int) -> Iterable[Sequence[str]]:
    for size in sizes:
        for name in _present(outcomes):
            cells = []
            for together in (False, True):
                figure = further_seconds(queries, together=together)
                value, measured = at_size(outcomes, name, size, figure)
                whole = measured and _all_asked(outcomes, name, size, queries, together)
                cells += [_number(value, not whole), _factor(outcomes, name, size, figure)]
            yield (f"{size:,}", NAMES[name], *cells, _bytes(outcomes, name, size))


def _present(outcomes: Sequence[Outcome]) -> list[str]:
    return [name for name in NAMES if any(each.name == name for each in outcomes)]


def _all_asked(outcomes: Sequence[Outcome], name: str, size: int, queries: int, together: bool) -> bool:
    found = next(each.found for each in outcomes if (each.name, each.size) == (name, size))
    return len(found.get("further", {}).get("1", [])) >= queries and (
        not together or bool(found.get("one_by_one"))
    )


def _times(outcomes: Sequence[Outcome], outcome: Outcome, count: int) -> str:
    times = outcome.found.get("first", {}).get(str(count), [])
    if len(times) > 1:
        middle = statistics.median(times)
        return f"{middle:.3g} ({min(times):.3g}..{max(times):.3g}, n = {len(times)})"
    value, measured = at_size(outcomes, outcome.name, outcome.size, first_seconds(count))
    return _number(value, not measured)


def _number(value: float | None, guessed: bool) -> str:
    return "" if value is None else f"{'~' if guessed else ''}{_digits(value)}"


def _digits(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _factor(outcomes: Sequence[Outcome], name: str, size: int, figure: Figure) -> str:
    theirs, theirs_measured = at_size(outcomes, name, size, figure)
    ours, ours_measured = at_size(outcomes, OURS, size, figure)
    if name == OURS or theirs is None or not ours or not ours_measured:
        return ""
    return _number(theirs / ours, not theirs_measured)


def _index(outcome: Outcome) -> str:
    times = [each for part in outcome.found.get("aside", {}).values() for each in part.get("index", [])]
    return f"{statistics.median(times):.3g}" if times else ""


def _memory(outcome: Outcome, baseline: float) -> str:
    peaks = outcome.found.get("rss_mb", {})
    return " / ".join(f"{peaks[key] - baseline:,.0f}" for key in sorted(peaks, key=int))


def _agreement(outcome: Outcome) -> list[str]:
    found = outcome.agreement
    if not found or outcome.name == OURS:
        return ["", ""]
    return [f"{found['max_relative']:.1e}", f"{found['pearson']:.7f}" if "pearson" in found else ""]


def _bytes(outcomes: Sequence[Outcome], name: str, size: int) -> str:
    found = next((each.found for each in outcomes if (each.name, each.size) == (name, size)), {})
    count = found.get("checkpoints", 0) * size
    return " + ".join(
        f"{kind} {value / count:,.0f}" for kind, value in found.get("disk", {}).items() if count
    )


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (header, *rows)]
    return "\n".join((lines[0], "|" + "---|" * len(header), *lines[1:]))
