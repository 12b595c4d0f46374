"""The planned training against a small grid of hand-tuned ones, and the forecast of time against the clock.

    python -m benchmarks.training [SET ...] [--rows 3000] [--layers 2] [--seed 0] [--quick]

Sets: ``intents`` (77 made-up intents), ``trec-fine`` (50 kinds of question), ``trec``, ``noisyag``, ``sms``,
``sst2``. Each is trained as ``train``
does by default, as it did before (2 epochs at 5e-5), and on a grid of epochs and rates, of which the best
accuracy on eval counts as hand-tuned. Every training leaves its figures in ``cache/bench/training/`` and is
not repeated. Prints accuracy, macro-F1, what was warned of beforehand, and forecast and actual time; writes
``cache/bench/training.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backend.data.columns import Columns
from backend.files import digest, write_json
from backend.model.training_plan import make_plan
from backend.progress import silent
from backend.workspace import Workspace
from benchmarks.intents import intents
from benchmarks.noise import SHARED, noisy_set
from benchmarks.report import HOME, machine

SETS = ("intents", "trec-fine", "trec", "noisyag", "sms", "sst2")
BEFORE = {"epochs": 2.0, "lr": 5e-5, "batch_size": 32, "warmup": 0.0}
GRID = [{"epochs": epochs, "lr": rate} for epochs in (4.0, 16.0) for rate in (1e-4, 3e-4, 1e-3)]
QUICK = [{"epochs": epochs, "lr": rate} for epochs, rate in ((4.0, 3e-4), (16.0, 3e-4), (16.0, 1e-3))]
_LENGTH = 64


def rows_of(name: str, count: int, seed: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Training and eval rows of a set: text and label."""
    if name == "intents":
        return intents(count, 770, seed)
    if name == "trec-fine":
        return _fine_questions(count, seed)
    made = noisy_set(name, count, seed)
    return made.rows, made.eval_rows


def _fine_questions(count: int, seed: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """TREC's questions by kind, and its own test questions."""
    with gzip.open(SHARED / "trec.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    named = [{"text": row["text"], "label": row["meta"]["fine"], "split": row["split"]} for row in rows]
    train = [row for row in named if row["split"] == "train"]
    drawn = np.random.default_rng(seed).permutation(len(train))[:count].tolist()
    kept = [train[place] for place in drawn]
    known = {row["label"] for row in kept}
    return kept, [row for row in named if row["split"] == "test" and row["label"] in known]


def trained(workspace: Workspace, asked: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Train a copy as asked, the rest as planned; forecast first."""
    copy = workspace.copy(scratch / digest("copy", asked)[:12])
    given = {**asked, "max_length": _LENGTH}
    plan, settings = copy.plan_training(given), copy.planned_settings(given)
    forecast = copy.forecast_training(settings)
    result = copy.train(settings, silent)
    if result.figures is None:
        raise RuntimeError("a benchmark's set has eval rows")
    return {
        "asked": asked,
        "settings": {name: getattr(settings, name) for name in ("epochs", "lr", "batch_size")},
        "warnings": plan.warnings,
        "accuracy": result.figures.accuracy,
        "majority": result.figures.majority,
        "macro_f1": result.figures.macro_f1,
        "forecast": forecast.seconds,
        "seconds": result.seconds,
    }


def measure(name: str, rows: int, layers: int, seed: int, grid: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All trainings of one set; those done before are read."""
    home = HOME / "training"
    home.mkdir(parents=True, exist_ok=True)
    wanted = [{}, BEFORE, *grid]
    rules = make_plan(rows, 77, layers=layers).to_json()  # the figures are of these, warnings too
    names = [digest(rows, layers, seed, each, rules)[:16] for each in wanted]
    places = [home / f"{name}-{each}.json" for each in names]
    if not all(each.is_file() for each in places):
        with tempfile.TemporaryDirectory() as scratch:
            workspace = made(name, rows, layers, seed, Path(scratch))
            for asked, place in zip(wanted, places, strict=True):
                if not place.is_file():
                    write_json(place, trained(workspace, asked, Path(scratch)))
                    print(place.read_text(encoding="utf-8"), flush=True)
    planned, before, *tuned = [json.loads(each.read_text(encoding="utf-8")) for each in places]
    best = max([planned, *tuned], key=lambda each: each["accuracy"])
    return {"set": name, "planned": planned, "before": before, "tuned": best}


def made(name: str, rows: int, layers: int, seed: int, scratch: Path) -> Workspace:
    """A workspace of a set that waits for a model."""
    train, evaluation = rows_of(name, rows, seed)
    for split, content in (("train", train), ("eval", evaluation)):
        lines = [json.dumps({"text": row["text"], "label": row["label"]}) for row in content]
        (scratch / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    workspace, _ = Workspace.create(
        scratch / "rows",
        train=str(scratch / "train.jsonl"),
        eval=str(scratch / "eval.jsonl"),
        columns=Columns("text", "label"),
        model="minilm",
        layers=layers,
        skip_bad_rows=True,
    )
    return workspace


def table(found: Sequence[dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| set | majority | 2 epochs at 5e-5 | planned (macro-F1) | best of the grid | planned / best "
        "| forecast / actual |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in found:
        planned, before, tuned = each["planned"], each["before"], each["tuned"]
        tuning = f"{tuned['settings']['epochs']:g} epochs at {tuned['settings']['lr']:g}"
        lines.append(
            f"| {each['set']} | {planned['majority']:.3f} | {before['accuracy']:.3f} | "
            f"{planned['accuracy']:.3f} ({planned['macro_f1']:.3f}), "
            f"{planned['settings']['epochs']:g} epochs at {planned['settings']['lr']:g} | "
            f"{tuned['accuracy']:.3f}, {tuning} | {planned['accuracy'] / tuned['accuracy']:.2f} | "
            f"{planned['forecast']:.0f} s / {planned['seconds']:.0f} s |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET")
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="three points of the grid")
    given = parser.parse_args()
    grid = QUICK if given.quick else GRID
    found = [measure(name, given.rows, given.layers, given.seed, grid) for name in given.sets]
    print(table(found))
    write_json(HOME / "training.json", {"machine": machine(), "options": vars(given), "sets": found})


if __name__ == "__main__":
    main()
