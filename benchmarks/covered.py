"""How much of the code the tests run: in all, and the modules of which they run least.

    make coverage                                    the suite, then this table
    python -m benchmarks.covered cache/coverage.json [--least 15]

Lines are counted by SlipCover, which puts its marks into the code once (Python 3.12 and later: asks the
interpreter), so that the suite takes seconds longer, not half as long again. What other processes run
(the command line as a process, jobs, the server of the browser journeys) is not counted. Left out are what
Streamlit runs itself (``pages/NAME.py``) and what numba compiles (``kernels.py``).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path, PurePosixPath
from typing import Any


def table(report: dict[str, Any], least: int) -> list[tuple[str, int, int, float]]:
    """Rows of (module, lines, of them run, share in percent): the total, then the ``least`` covered.

    ``report`` is SlipCover's JSON. Of modules covered alike, the one with more lines not run comes first.
    """
    counts = {
        name: (len(each["executed_lines"]), len(each["missing_lines"]))
        for name, each in report["files"].items()
        if PurePosixPath(name).parent != PurePosixPath("pages")
    }
    counts = {name: (run, missing) for name, (run, missing) in counts.items() if run + missing}
    ordered = sorted(counts, key=lambda name: (counts[name][0] / sum(counts[name]), -counts[name][1], name))
    run, missing = (sum(each[place] for each in counts.values()) for place in (0, 1))
    rows = [
        (f"all {len(counts)} modules", run, missing),
        *((name, *counts[name]) for name in ordered[:least]),
    ]
    return [(name, run + missing, run, 100 * run / max(run + missing, 1)) for name, run, missing in rows]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--least", type=int, default=15)
    options = parser.parse_args()
    report = json.loads(options.report.read_text(encoding="utf-8"))
    print(f"{'module':<52}{'lines':>8}{'run':>8}{'percent':>9}")
    for name, lines, run, share in table(report, options.least):
        print(f"{name:<52}{lines:>8,}{run:>8,}{share:>9.1f}")


if __name__ == "__main__":
    main()
