"""What a pair of a question and a training example costs: time, and bytes of rows and index that it reads.

    python -m benchmarks.pair WS [--pairs 10] [--against PATH [--against-workspace OTHER]]

In a process of its own with models, rows and index open, as the app has them. Each pair is asked for twice
in a row with another training example: *first* is the first pair of a question, *next* a further one. Before
each, all mapped rows are let go of; after it, what is resident of the workspace's mapped files is what it has
touched, in the system's steps (64 KB or so). ``--against``: another checkout, such as a git worktree of an
older commit, answers the same with this Python.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from backend.workspace import Workspace
from benchmarks.report import HOME, publish

_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ +(/.*)$")


def resident(folder: Path) -> float:
    """MB of mapped files below a folder that are in this process's memory."""
    inside, found = False, 0
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        mapping = _MAPPING.match(line)
        if mapping:
            inside = mapping[1].startswith(str(folder))
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found / 1024


def measure(path: Path, count: int) -> list[dict[str, Any]]:
    """Seconds and megabytes of each of so many pairs, at which only what old checkouts have is used."""
    workspace = Workspace.open(path)
    queries, ids = workspace.eval_split.ids, workspace.train_split.ids
    shards = [each for store in workspace.explainer("cpu").searcher.stores for each in store.shards]
    let_go = type(shards[0]).release
    type(shards[0]).release = lambda self: None  # type: ignore[method-assign]  # what is read stays, to be seen
    workspace.explain_pair(ids[0], row=queries[-1], device="cpu")
    step, found = len(ids) // count, []
    for number in range(2 * count):
        for shard in shards:
            let_go(shard)
        before, start = resident(path), time.perf_counter()
        pair = workspace.explain_pair(
            ids[number // 2 * step + 1 + number % 2], row=queries[number // 2], device="cpu"
        )
        seconds, kind = time.perf_counter() - start, ("first", "next")[number % 2]
        read = resident(path) - before
        found.append({"kind": kind, "seconds": seconds, "mb": read, "score": pair.entry.score})
    return found


def apart(checkout: Path, workspace: Path, count: int) -> list[dict[str, Any]]:
    """`measure` of this file in another checkout."""
    code = Path(__file__).read_text(encoding="utf-8").partition("\ndef apart(")[0]
    code += f"\nprint(json.dumps(measure(Path({str(workspace.resolve())!r}), {count})))\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print a line for each checkout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workspace", type=Path)
    for name in ("--against", "--against-workspace"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--pairs", type=int, default=10)
    options = parser.parse_args()
    sides = [("here", Path.cwd(), options.workspace)]
    if options.against:
        other = options.against_workspace or options.workspace
        sides.append((str(options.against), options.against.resolve(), other))
    found = {name: apart(checkout, each, options.pairs) for name, checkout, each in sides}
    rows = []
    for name, kind in ((name, kind) for kind in ("first", "next") for name in found):
        pairs = [each for each in found[name] if each["kind"] == kind]
        times, read = [1000 * each["seconds"] for each in pairs], [each["mb"] for each in pairs]
        shown = [
            f"{statistics.median(each):,.{digits}f} ({min(each):,.{digits}f}-{max(each):,.{digits}f})"
            for each, digits in ((times, 0), (read, 1))
        ]
        rows.append((f"{kind} pair, {name}", *shown))
    header = ("", "ms: median (least-most)", "rows and index touched, MB")
    title = (
        f"pair: {len(Workspace.open(options.workspace).train_split):,} training rows, {options.pairs} pairs"
    )
    publish("pair", title, header, rows, found, options.home)


if __name__ == "__main__":
    main()
