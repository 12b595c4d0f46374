"""How long a page takes to be there, and a decision to be stored, in a real browser.

    python -m benchmarks.pages WORKSPACE [--times 5]

Each page is opened by its address once to warm the server, then ``--times`` times: a full load in the same
browser, until the app rests and nothing is drawn stale (less the 0.4 s for which that is watched). A
decision is timed from the click on Keep to the line in the log. The workspace itself stays as it is:
decisions are made in a copy that shares all but the log. Writes ``HOME/pages.json``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from backend.review.ledger import Ledger
from backend.workspace import Workspace
from benchmarks.report import HOME, publish, spread
from tests.e2e.screenshots import shared_copy
from tests.e2e.server import WATCHED, browsing, serving, settled

ADDRESSES = {
    **{name: name for name in ("inspect", "review", "explore", "words", "sources", "scores", "changes")},
    **{name: name for name in ("retrain", "export", "new", "jobs", "help")},
}


def loads(page: Any, url: str, times: int) -> list[float]:
    """Seconds of ``times`` full loads after a first."""
    found = []
    for number in range(times + 1):
        start = time.perf_counter()
        page.goto(url)
        page.wait_for_selector("h1")
        settled(page)
        if number:
            found.append(time.perf_counter() - start - WATCHED)
    return found


def decisions(page: Any, address: str, ledger: Ledger, times: int) -> list[float]:
    """Seconds from a click on Keep, then on Undo, to the log's new entry, by turns."""
    page.goto(f"{address}/inspect")
    bar = page.locator(".st-key-bar-helpful-1")
    bar.get_by_role("button", name="Keep").wait_for()
    found = []
    for number in range(times):
        settled(page)
        before = len(ledger.entries(limit=1000))
        button = bar.get_by_role("button", name="Undo" if number % 2 else "Keep")
        start = time.perf_counter()
        button.click()
        while len(ledger.entries(limit=1000)) == before:
            time.sleep(0.002)
        found.append(time.perf_counter() - start)
    return found


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--home", type=Path, default=HOME)
    options = parser.parse_args()
    raw: dict[str, list[float]] = {}
    with shared_copy(options.workspace) as copy, serving(copy) as address, browsing() as page:
        raw["overview"] = loads(page, address, options.times)
        for name, path in ADDRESSES.items():
            raw[name] = loads(page, f"{address}/{path}", options.times)
        ledger = Workspace.open(copy).ledger
        raw["a decision is stored"] = decisions(page, address, ledger, 2 * options.times)
    rows = [(name, spread(values, 2)) for name, values in raw.items()]
    count = len(Workspace.open(options.workspace).train_split)
    publish(
        "pages",
        f"seconds, {count:,} training rows",
        ("page, warm", "median (least-most)"),
        rows,
        raw,
        options.home,
    )


if __name__ == "__main__":
    main()
