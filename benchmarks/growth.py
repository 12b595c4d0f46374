"""Time, disk and peak memory of the whole precompute over the number of training examples.

    python -m benchmarks.growth [--sizes 5000 20000 100000] [--layers 2] [--row-store int8]
        [--joined 1] [--shard-mb 128]

Every size runs in a process of its own, whose peak memory is that of `precompute` and nothing else.
``--layers`` fewer than 6 save time; the growth is the same. ``--joined``: sentences in a text;
``--shard-mb``: another bound of the gradients in a shard. Prints a table and writes ``HOME/growth.json``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from backend.influence.rowstore import layout
from backend.influence.rowstore.settings import PrecomputeSettings
from benchmarks.report import HOME, OwnMemory, peak_mb, publish
from benchmarks.resampled import resampled


def measure(home: Path, size: int, layers: int, row_store: str, joined: int) -> dict[str, Any]:
    """Precompute in this process and report what it took."""
    workspace = resampled(home, size, layers, joined=joined)
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


def apart(options: argparse.Namespace, size: int) -> dict[str, Any]:
    """`measure` in a process of its own."""
    made = resampled(options.home, size, options.layers, joined=options.joined)
    shutil.rmtree(made.folder.rows, ignore_errors=True)  # of another bound
    given = {name: getattr(options, name) for name in ("home", "layers", "row_store", "joined", "shard_mb")}
    named = [each for name, value in given.items() for each in (f"--{name.replace('_', '-')}", value)]
    arguments = [*named, "--sizes", size, "--worker"]
    command = [sys.executable, "-m", "benchmarks.growth", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    """Measure all sizes and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 20_000, 100_000])
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--row-store", default="int8")
    parser.add_argument("--joined", type=int, default=1)
    parser.add_argument("--shard-mb", type=int, default=layout.SHARD_BYTES // 2**20)
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        layout.SHARD_BYTES = options.shard_mb * 2**20
        size, store = options.sizes[0], options.row_store
        print(json.dumps(measure(options.home, size, options.layers, store, options.joined)))
        return
    found = [apart(options, size) for size in options.sizes]
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
