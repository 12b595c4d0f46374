"""How long a page takes to be there, what its server works and reads for it, how soon a decision is stored.

    python -m benchmarks.pages WORKSPACE [--times 5] [--only pair,review]
        [--against PATH [--against-workspace OTHER]]

In a real browser. Each page is opened by its address once to warm the server, then ``--times`` times: a full
load in the same browser, until the app rests and nothing is drawn stale (less the 0.4 s for which that is
watched). Pair is opened with another training example each time, since an answer is kept. Beside the seconds
stand those of the server's processor, the megabytes that it read by system calls, and those of the memory
pages that it touched first (files that are mapped among them).

A decision is timed on every page that decides, from the click on Keep (on Explore, on Flag for all rows
listed), then on the sidebar's Undo, by turns, to the line in the log. The workspace itself stays as it is:
decisions are made in a copy that shares all but the log.

``--against``: another checkout, such as a git worktree of an older commit, runs beside this one with this
Python; both serve a copy of the same workspace, and are asked by turns. Where it takes what was computed for
stale, as scores may be, ``--against-workspace`` names one of the same rows that it has computed itself.
Writes ``HOME/pages.json`` and ``HOME/decisions.json``.
"""

from __future__ import annotations

import argparse
import re
import resource
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

from backend.workspace import Workspace
from benchmarks.report import HOME, publish, spread
from tests.e2e.screenshots import LOG, shared_copy
from tests.e2e.server import ROOT, WATCHED, browsing, serving, settled

PAGES = (
    *("overview", "inspect", "pair", "review", "explore", "words", "sources", "scores", "changes"),
    *("retrain", "export", "new", "jobs", "help"),
)
DECIDING = ("inspect", "pair", "review", "review, focus", "explore", "words", "scores")
WAIT_MS = 15_000  # for a button to decide with; a page without one is left out
HEADER = ("seconds", "server's processor, s", "read, MB", "touched first, MB")
DIGITS = (2, 2, 1, 1)


@dataclass(frozen=True)
class Load:
    """A page's load: what it took, in the order of `HEADER`."""

    seconds: float
    processor: float
    read_mb: float
    touched_mb: float


@dataclass(frozen=True)
class Side:
    """A checkout's server: its ``address``, its process, the log of its copy of the workspace."""

    address: str
    process: psutil.Process
    log: Path

    def spent(self) -> Load:
        """What the server has spent so far; the seconds are those of the clock."""
        times, read = self.process.cpu_times(), self.process.io_counters().read_chars
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        touched = (int(fields[7]) + int(fields[9])) * resource.getpagesize()  # minor and major faults
        return Load(time.perf_counter(), times.user + times.system, read / 1e6, touched / 1e6)

    def entries(self) -> int:
        """Lines of the log."""
        if not self.log.exists():
            return 0
        with closing(sqlite3.connect(self.log)) as connection:
            return int(connection.execute("SELECT count(*) FROM log").fetchone()[0])


@contextmanager
def side(workspace: Path, checkout: Path) -> Iterator[Side]:
    """A checkout's app on a copy of the workspace."""
    with shared_copy(workspace) as copy, serving(copy, checkout=checkout) as address:
        port = address.rpartition(":")[2]
        (process,) = (each for each in psutil.Process().children() if port in each.cmdline())
        yield Side(address, process, copy / LOG)


class Addresses:
    """Where pages are found, after the server's address."""

    def __init__(self, workspace: Workspace) -> None:
        self.eval_row = workspace.eval_split.ids[0]
        self.train_rows = workspace.train_split.ids
        self.word = max(workspace.train_split.texts[0].split(), key=len)

    def page(self, name: str, number: int = 0) -> str:
        """A page's; ``number`` counts the loads of Pair, each of which is asked something else."""
        if name == "pair":
            train = self.train_rows[(7 * number + 3) % len(self.train_rows)]
            return f"pair?{urlencode({'test': self.eval_row, 'train': train})}"
        return "" if name == "overview" else name

    def deciding(self, name: str) -> str:
        """A page's where there is something to decide about."""
        query = {
            "review, focus": {"view": "Focus"},
            "explore": {"rows-find": self.word},
            "scores": {"about": self.train_rows[0]},
        }.get(name)
        page = name.partition(",")[0]
        return f"{page}?{urlencode(query)}" if query else self.page(page)


def loads(page: Any, sides: Sequence[Side], address: Callable[[int], str], times: int) -> list[list[Load]]:
    """``times`` full loads of each side after a first, by turns."""
    found: list[list[Load]] = [[] for _ in sides]
    for number in range(times + 1):
        for each, kept in zip(sides, found, strict=True):
            before = each.spent()
            page.goto(f"{each.address}/{address(number)}")
            page.wait_for_selector("h1")
            settled(page)
            took = [end - start for end, start in zip(astuple(each.spent()), astuple(before), strict=True)]
            if number:
                kept.append(Load(took[0] - WATCHED, *took[1:]))
    return found


def decisions(page: Any, at: Side, name: str, address: str, times: int) -> list[float]:
    """Seconds from a click that decides, then on Undo, by turns, to the log's new entry.

    Nothing where the page shows nothing to decide about.
    """
    page.goto(f"{at.address}/{address}")
    page.wait_for_selector("h1")
    settled(page)
    deciding = _all_listed if name == "explore" else _keep
    found: list[float] = []
    for number in range(times):
        button = page.locator(".st-key-sidebar-undo button").first if number % 2 else deciding(page)
        if button is None:
            return found
        settled(page)
        before = at.entries()
        start = time.perf_counter()
        button.click()
        while at.entries() == before:
            time.sleep(0.002)
        found.append(time.perf_counter() - start)
        settled(page)
    return found


def _keep(page: Any) -> Any:
    """The first button that keeps a row."""
    button = page.get_by_test_id("stMain").get_by_role("button", name="Keep").first
    return button if _comes(button) else None


def _all_listed(page: Any) -> Any:
    """The button that flags all rows that are listed, with all that it asks for filled in."""
    opening = page.get_by_role("button", name=re.compile("Decide about .* listed"))
    if not _comes(opening):
        return None
    opening.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("timed")
    dialog.get_by_label("Reason").press("Tab")
    return dialog.get_by_role("button", name=re.compile(r"Flag [\d,]+ row"))


def _comes(button: Any) -> bool:
    from playwright.sync_api import TimeoutError as Late

    try:
        button.wait_for(timeout=WAIT_MS)
    except Late:
        return False
    return True


def load_rows(raw: dict[str, list[list[Load]]]) -> list[tuple[str, ...]]:
    """A line a page; with two sides also how many times less this one takes, by medians."""
    rows = []
    for name, of_sides in raw.items():
        columns = [list(zip(*map(astuple, kept), strict=True)) for kept in of_sides]
        cells = [
            cell
            for number, digits in enumerate(DIGITS)
            for cell in _cells([c[number] for c in columns], digits)
        ]
        rows.append((name, *cells))
    return rows


def decision_rows(raw: dict[str, list[list[float]]]) -> list[tuple[str, ...]]:
    """A line a page that decides."""
    return [
        (name, *_cells(of_sides, 3)) if all(of_sides) else (name, *["nothing to decide"] * len(of_sides))
        for name, of_sides in raw.items()
    ]


def _cells(of_sides: Sequence[Sequence[float]], digits: int) -> list[str]:
    cells = [spread(each, digits) for each in of_sides]
    if len(of_sides) == 2:
        here, there = map(statistics.median, of_sides)
        cells.append(f"{there / here:.1f}" if here else "-")
    return cells


def header(first: str, names: Sequence[str], n_sides: int) -> list[str]:
    """Names of columns."""
    own = [[name] if n_sides == 1 else [name, "there", "there / here"] for name in names]
    return [first, *(each for part in own for each in part)]


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--against-workspace", type=Path)
    parser.add_argument("--only", type=lambda text: text.split(","), help="pages, divided by commas")
    parser.add_argument("--home", type=Path, default=HOME)
    options = parser.parse_args()
    wanted = options.only or (*PAGES, *DECIDING)
    opened = Workspace.open(options.workspace)
    addresses, count = Addresses(opened), len(opened.train_split)
    served = [(options.workspace, ROOT)]
    if options.against:
        served.append((options.against_workspace or options.workspace, options.against.resolve()))
    raw: dict[str, list[list[Load]]] = {}
    stored: dict[str, list[list[float]]] = {}
    with ExitStack() as stack:
        sides = [stack.enter_context(side(*each)) for each in served]
        page = stack.enter_context(browsing())
        for name in (each for each in PAGES if each in wanted):
            raw[name] = loads(page, sides, partial(addresses.page, name), options.times)
        for name in (each for each in DECIDING if each.partition(",")[0] in wanted):
            address = addresses.deciding(name)
            stored[name] = [decisions(page, each, name, address, 2 * options.times) for each in sides]
    title = f"{count:,} training rows, median (least-most)"
    if options.against:
        title += f", beside {options.against}"
    plain = {name: [[asdict(each) for each in kept] for kept in of_sides] for name, of_sides in raw.items()}
    for name, title_, names, rows, content in (
        ("pages", "pages", HEADER, load_rows(raw), plain),
        ("decisions", "until a decision is stored", ("seconds",), decision_rows(stored), stored),
    ):
        columns = header("page, warm", names, len(sides))
        publish(name, f"{title_}: {title}", columns, rows, content, options.home)


if __name__ == "__main__":
    main()
