"""The demos of label sets and of numbers: seconds, and where the planted wrong rows stand.

    python -m benchmarks.planted_demos [--task multilabel] [--out FOLDER]

Builds the demo at FOLDER as `demo --task TASK --first` does, asks for the evaluation's rows about what the
planted rows are about, computes what `all` computes, and looks at the queue before anything is decided.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from backend.demos.build import REQUESTS, REVIEWS, build_demo
from backend.demos.planted import PlantedDemo
from backend.everything import compute_everything
from backend.experiments import planted_requests, planted_reviews
from backend.workspace import Workspace

WORDS = {REQUESTS.task: planted_requests.HABIT_WORD, REVIEWS.task: planted_reviews.HABIT_WORD}
FIRST = (10, 20, 40)
K = 10


def measured(demo: PlantedDemo, folder: Path) -> dict[str, Any]:
    """Seconds, figures of the model, planted rows among proponents and in the queue."""
    started = time.perf_counter()
    workspace = build_demo(folder, task=demo.task)
    built = time.perf_counter()
    asked = _asked(demo, workspace)
    answered = time.perf_counter()
    compute_everything(workspace)
    found = {"first": built - started, "rest": time.perf_counter() - answered}
    return {
        "task": demo.task,
        "seconds": {name: round(each, 1) for name, each in found.items()},
        "figures": {
            name: round(each, 3)
            for name, each in workspace.status()["figures"].items()
            if isinstance(each, float)
        },
        "asked": asked,
        "queue": _queue(demo, workspace),
    }


def _asked(demo: PlantedDemo, workspace: Workspace) -> dict[str, Any]:
    """Of the eval rows about it: how far they are off, and how many of their proponents are planted."""
    split, habit = workspace.eval_split, demo.rows().habit
    places = [place for place, text in enumerate(split.examples.fields[0]) if WORDS[demo.task] in text]
    wrong = workspace.predictions("eval").wrong[places]
    shares = []
    for place in places:
        answer = workspace.explain(row=split.ids[place], split="eval", k=K)
        shares.append(sum(each.id in habit for each in answer.proponents) / K)
    return {"rows": len(places), "wrong or far off": int(wrong.sum()), "planted of proponents": shares}


def _queue(demo: PlantedDemo, workspace: Workspace) -> dict[int, dict[str, int]]:
    rows = demo.rows()
    ids = [each.id for each in workspace.scores.queue()]
    kinds = {"habit": rows.habit, "slips": rows.slips}
    return {
        first: {name: sum(row in kind for row in ids[:first]) for name, kind in kinds.items()}
        for first in FIRST
    }


def main() -> None:
    """One line of JSON for each demo."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", choices=list(WORDS))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    for demo in (REQUESTS, REVIEWS):
        if asked.task in (None, demo.task):
            with tempfile.TemporaryDirectory() as scratch:
                folder = (asked.out or Path(scratch)) / demo.task
                print(json.dumps(measured(demo, folder)), flush=True)


if __name__ == "__main__":
    main()
