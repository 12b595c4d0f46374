"""Whether two checkouts explain the same workspace alike, to the last bit.

    python -m benchmarks.same_numbers --against PATH [--workspace WS] [--queries 5]

PATH is another checkout, such as a git worktree of an older commit; both run with this Python. Without a
workspace the older checkout makes one (60 rows, a tiny BERT, three checkpoints). Each explains a copy of its
own: the first eval rows, with `we` in every score mode and `--exact`, with `we-topk`, `tfidf` and
`last-layer`, and beside a few training rows. Prints how many numbers were compared and every difference;
ends with 1 where there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MAKE = """
import sys
from pathlib import Path
from tests.conftest import build_tiny
build_tiny(Path(sys.argv[1]))
"""
ASK = """
import json, sys
from dataclasses import asdict
try:
    from backend.influence.index.modes import MODES
except ModuleNotFoundError:  # before it had rooms
    from backend.influence.modes import MODES
from backend.workspace import Workspace
workspace, queries, found = Workspace.open(sys.argv[1]), int(sys.argv[2]), {}
asked = [("we", mode, exact) for mode in MODES if mode != "adam" for exact in (False, True)]
asked += [(method, None, False) for method in ("we-topk", "tfidf", "last-layer")]
for row in workspace.eval_split.ids[:queries]:
    for method, mode, exact in asked:
        given = {"score": mode} if mode else {}
        answer = workspace.explain(row=row, method=method, exact=exact, device="cpu", **given)
        found[f"{row} {method} {mode} {exact}"] = answer.to_json()
    for train in workspace.train_split.ids[::9]:
        found[f"{row} {train}"] = asdict(workspace.explain_pair(train, row=row, device="cpu"))
json.dump(found, open(sys.argv[3], "w"))
"""


def run(checkout: Path, script: str, *arguments: str) -> None:
    """Run a script in a checkout with this Python; raises where it fails."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", script, *arguments], cwd=checkout, env=environment, check=True)


def answers(checkout: Path, workspace: Path, queries: int, scratch: Path) -> dict[str, Any]:
    """What a checkout says of a copy of the workspace, by question."""
    copy, out = scratch / "ws", scratch / "answers.json"
    shutil.copytree(workspace, copy)
    run(checkout, ASK, str(copy), str(queries), str(out))
    content: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return content


def differences(one: Any, other: Any, place: str = "") -> tuple[int, list[str]]:
    """How many numbers both have, and where they (or anything else that both have) differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        lost = [f"{place}/{key}: lost" for key in one if key not in other]
        shared = [key for key in one if key in other and key != "elapsed_ms"]
        parts = [(0, lost), *(differences(one[key], other[key], f"{place}/{key}") for key in shared)]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        parts = [differences(a, b, f"{place}/{number}") for number, (a, b) in pairs]
    else:
        return isinstance(one, float), [] if one == other else [f"{place}: {one!r} / {other!r}"]
    return sum(count for count, _ in parts), [line for _, lines in parts for line in lines]


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", type=Path, required=True)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--queries", type=int, default=5)
    given = parser.parse_args()
    here, there = Path.cwd(), given.against.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        workspace = given.workspace
        if workspace is None:
            run(there, MAKE, str(place / "made"))
            workspace = place / "made" / "ws"
        for name in ("old", "new"):
            (place / name).mkdir()
        old = answers(there, workspace, given.queries, place / "old")
        new = answers(here, workspace, given.queries, place / "new")
    count, lines = differences(old, new)
    for line in lines[:20]:
        print(line)
    print(f"{len(old):,} answers, {count:,} numbers compared, {len(lines):,} differences")
    return 1 if lines or old.keys() != new.keys() else 0


if __name__ == "__main__":
    raise SystemExit(main())
