"""Which scores find planted errors in label sets and in numbers.

    python -m benchmarks.task_noise [exchanged] [goemotions] [stsb] [--rows 1500] [--share 0.1] [--layers 3]
        [--epochs 3]

In a share of the training rows the label set is replaced by that of another row, which leaves the sizes of
sets as they are (``exchanged``); or a label is dropped, added or put in the place of another, each a third
(``goemotions``: labels by how common they are; what would leave none is put in another's place); or the
number is replaced by another row's that is at least one away (``stsb``). Each is
trained and scored as a user would do it, cheap scores only. The truth stays in this script. Prints AUROC and
precision in the first hundred of every score and of the queue's order (``suspicion``), and writes
``cache/bench/task_noise.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from backend.data.columns import Columns
from backend.evaluation.detection import detect
from backend.model.training_settings import TrainingSettings
from backend.scores.settings import ScoreSettings
from backend.scores.suspicion import suspicions
from backend.workspace import Workspace
from benchmarks.report import HOME, machine

SHARED = Path("../shared/data")
_EVAL = 200
_APART = 1.0  # by which a planted number differs at least
Rows = list[dict[str, Any]]


def wrong_sets(rows: Rows, places: np.ndarray, generator: np.random.Generator) -> None:
    """Drop, add or swap a label of the rows at ``places``."""
    counts: dict[str, int] = {}
    for row in rows:
        for label in row["labels"]:
            counts[label] = counts.get(label, 0) + 1
    for number, place in enumerate(places.tolist()):
        given, kind = list(rows[place]["labels"]), ("drop", "add", "swap")[number % 3]
        if kind == "drop" and len(given) < 2:
            kind = "swap"
        lacking = sorted(set(counts) - set(given))
        chances = np.array([counts[each] for each in lacking], dtype=np.float64)
        new = str(generator.choice(lacking, p=chances / chances.sum()))
        if kind != "add" and given:
            given.remove(str(generator.choice(given)))
        if kind != "drop":
            given.append(new)
        rows[place]["labels"] = given


def exchanged_sets(rows: Rows, places: np.ndarray, generator: np.random.Generator) -> None:
    """Give the rows at ``places`` the label set of another row."""
    known = [row["labels"] for row in rows]
    for place in places.tolist():
        others = [each for each in known if set(each) != set(known[place])]
        rows[place]["labels"] = list(others[int(generator.integers(len(others)))])


def wrong_numbers(rows: Rows, places: np.ndarray, generator: np.random.Generator) -> None:
    """Give the rows at ``places`` the number of another row."""
    known = [row["label"] for row in rows]
    for place in places.tolist():
        far = [each for each in known if abs(each - known[place]) >= _APART]
        rows[place]["label"] = float(generator.choice(far))


Plant = Callable[[Rows, np.ndarray, np.random.Generator], None]
_EMOTIONS = ("goemotions_multilabel", {"label": "labels", "task": "multilabel"})
SETS: dict[str, tuple[str, dict[str, Any], Plant]] = {
    "exchanged": (*_EMOTIONS, exchanged_sets),
    "goemotions": (*_EMOTIONS, wrong_sets),
    "stsb": ("stsb_en", {"label": "label", "text_b": "text_b", "task": "regression"}, wrong_numbers),
}


def run(name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Plant, train and score one set; what every score finds."""
    file, columns, plant = SETS[name]
    generator = np.random.default_rng(options.seed)
    with gzip.open(SHARED / f"{file}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == "train"]
    drawn = [rows[each] for each in generator.permutation(len(rows))[: options.rows + _EVAL].tolist()]
    train, evaluation = drawn[_EVAL:], drawn[:_EVAL]
    places = np.sort(generator.permutation(len(train))[: round(options.share * len(train))])
    plant(train, places, generator)
    for number, row in enumerate(train):
        row["id"] = f"t{number}"
    for number, row in enumerate(evaluation):
        row["id"], row["split"] = f"e{number}", "validation"
    workspace = _workspace(folder, [*train, *evaluation], columns, options.layers)
    settings = TrainingSettings(epochs=options.epochs, lr=options.lr, checkpoints=2, seed=options.seed)
    workspace.train(settings)
    workspace.precompute()
    left_out = workspace.scores.compute((), ScoreSettings(seed=options.seed))
    table = workspace.scores.table()
    wrong = np.zeros(len(train), dtype=bool)
    wrong[[workspace.train_split.position(f"t{each}") for each in places.tolist()]] = True
    seen = suspicions(table, workspace.train_split.strata)
    out = HOME / f"task_noise-{name}.npz"
    np.savez_compressed(out, allow_pickle=False, wrong_=wrong, **seen)
    figures = {each.name: each.value for each in workspace.measured("eval") or ()}
    return {"set": name, "left_out": left_out, "figures": figures, "scores": _found(seen, wrong)}


def _workspace(folder: Path, rows: Rows, columns: dict[str, Any], layers: int) -> Workspace:
    source = folder / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    named = Columns(text="text", id="id", split="split", **columns)
    workspace, _ = Workspace.create(
        folder / "ws", train=str(source), eval=None, columns=named, model="minilm", layers=layers
    )
    return workspace


def _found(seen: dict[str, np.ndarray], wrong: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"score": each.name, "auroc": each.auroc, "precision_at_100": _first_hundred(seen[each.name], wrong)}
        for each in detect(seen, wrong)
    ]


def _first_hundred(values: np.ndarray, wrong: np.ndarray) -> float:
    """Share of planted errors among the most suspicious hundred; rows without a value come last."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")[:100]
    return float(wrong[order].mean())


def main() -> None:
    """Run the chosen sets and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=[], choices=[*SETS, []])
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    results = []
    for name in options.sets or list(SETS):
        with tempfile.TemporaryDirectory() as folder:
            results.append(run(name, options, Path(folder)))
        print(f"\n{name}: {results[-1]['figures']} {results[-1]['left_out'] or ''}", flush=True)
        for each in results[-1]["scores"]:
            print(
                f"{each['score']:24} AUROC {each['auroc']:.3f}   first hundred {each['precision_at_100']:.2f}"
            )
    content = {"machine": machine(), "options": vars(options), "results": results}
    (HOME / "task_noise.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
