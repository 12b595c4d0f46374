"""Time, disk and peak memory of the whole precompute over the number of training examples.

    python -m benchmarks.growth [--sizes 5000 20000 100000] [--layers 2] [--row-store int8]

Every size runs in a process of its own, whose peak memory is that of `precompute` and nothing else.
``--layers`` fewer than 6 save time; the growth is the same. Prints a table and writes ``HOME/growth.json``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from backend.influence.rowstore.settings import PrecomputeSettings
from benchmarks.report import HOME, OwnMemory, peak_mb, publish
from benchmarks.resampled import resampled


def measure(home: Path, size: int, layers: int, row_store: str) -> dict[str, Any]:
    """Precompute in this process and report what it took."""
    workspace = resampled(home, size, layers)
    before = peak_mb()
    with OwnMemory() as memory:
        workspace.precompute(PrecomputeSettings("cpu", precision="fp32", row_store=row_store))
    rows, index = (workspace.manifest.artifacts[name].details for name in ("rows", "index"))
    return {
        "size": size,
        "checkpoints": len(workspace.manifest.checkpoints),
        "rows_seconds": rows["seconds"],
        "index_seconds": index["seconds"],
        "rows_bytes": rows["bytes"],
        "predicted_bytes": rows["predicted_bytes"],
        "index_bytes": index["bytes"],
        "recall": index["recall"],
        "dimensions": index["dimensions"],
        "candidates": index["candidates"],
        "peak_mb_before": before,
        "peak_mb": peak_mb(),
        "own_mb": memory.peak_mb,
    }


def apart(home: Path, size: int, layers: int, row_store: str) -> dict[str, Any]:
    """`measure` in a process of its own."""
    resampled(home, size, layers)
    arguments = ["--home", home, "--sizes", size, "--layers", layers, "--row-store", row_store, "--worker"]
    command = [sys.executable, "-m", "benchmarks.growth", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    """Measure all sizes and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 20_000, 100_000])
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--row-store", default="int8")
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(measure(options.home, options.sizes[0], options.layers, options.row_store)))
        return
    found = [apart(options.home, size, options.layers, options.row_store) for size in options.sizes]
    table = [
        (
            f"{each['size']:,}",
            each["rows_seconds"],
            f"{each['size'] * each['checkpoints'] / each['rows_seconds']:,.0f}",
            each["index_seconds"],
            f"{each['rows_bytes'] / 1e6:,.0f}",
            f"{each['index_bytes'] / 1e6:,.0f}",
            f"{each['own_mb']:,.0f} / {each['peak_mb']:,.0f}",
            f"{each['recall']['proponents']:.3f} / {each['recall']['opponents']:.3f}",
        )
        for each in found
    ]
    header = (
        *(
            "training examples",
            "rows, s",
            "examples x checkpoints a second",
            "index, s",
            "rows, MB",
            "index, MB",
        ),
        *("peak memory, MB: own / with mapped files", "recall@10 helpful / harmful"),
    )
    checkpoints = found[0]["checkpoints"]
    title = (
        f"Growth: MiniLM with {options.layers} layers, {checkpoints} checkpoints, {options.row_store} rows"
    )
    publish("growth", title, header, table, found, options.home)


if __name__ == "__main__":
    main()
