"""Which scores find wrong labels: planted ones and real ones, against cleanlab, plain loss and the queue.

    python -m benchmarks.noise [SET ...] [--seeds 3] [--rows 1500] [--layers 6] [--epochs 3] [--quick]

Sets: ``trec-20`` and ``sst2-20`` (a fifth of the labels replaced by another class, ``-10`` and ``-30``
alike), and real noise with known truth: ``noisyag``, ``vader``, ``trec-weak``. Each is trained and scored as
a user would do it, once per seed (of the rows drawn, of what is planted and of the training). The truth
stays in this script: no workspace contains it. Every run leaves its scores in
``cache/bench/noise/OPTIONS/`` and is not repeated with the same options. ``--quick`` computes only what needs
no gradients, the queue among it. Prints AUROC, average precision, recall in the first tenth and precision in
the first hundred, mean and standard deviation over seeds, and writes ``cache/bench/noise.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backend.data.columns import Columns
from backend.evaluation.detection import detect
from backend.experiments.mislabel import MislabelSettings, Scored, flip, scored
from backend.model.training_settings import TrainingSettings
from backend.progress import silent
from backend.queue.queue import class_numbers
from backend.scores.settings import ScoreSettings
from backend.scores.suspicion import suspicions
from backend.workspace import Workspace
from benchmarks.report import HOME, machine

SHARED = Path("../shared/data")
FILES = {
    "trec": "trec",
    "sst2": "sst2_sentences",
    "sms": "sms_spam",
    "noisyag": "noisyag_3annotators",
    "vader": "vader_amazon",
    "trec-weak": "trec_weakrules",
}
DEFAULT = ("trec-20", "sst2-20", "noisyag", "vader", "trec-weak")
OPTIONS = ("rows", "layers", "epochs", "lr", "checkpoints")
MEASURES = ("auroc", "average_precision", "recall", "precision_at_100")
QUICK = ("dynamics", "pvi", "label_quality", "association", "neighbours", "label_noise")  # producers
_EVAL = 400


@dataclass(frozen=True)
class NoisySet:
    """Training rows with labels as a user has them; ``truth`` per row, None where it is not known."""

    rows: list[dict[str, str]]
    truth: list[str | None]
    eval_rows: list[dict[str, str]]


def noisy_set(name: str, count: int, seed: int) -> NoisySet:
    """Up to ``count`` training rows, those whose truth is known first, and eval rows with labels as noisy."""
    base, _, percent = name.partition("-") if name[-2:].isdigit() else (name, "", "")
    with gzip.open(SHARED / f"{FILES[base]}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rows = [row for row in rows if row["split"] == "train"]
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    known = [place for place in order if "true_label" in rows[place] or percent]
    others = [place for place in order if place not in set(known)]
    chosen = [*known, *others][: count + _EVAL]
    eval_places = set([*others, *reversed(known)][:_EVAL])
    train = [rows[place] for place in chosen if place not in eval_places][:count]
    labels = [row["label"] for row in train]
    truth = [row.get("true_label") for row in train]
    if percent:
        truth = list(labels)
        settings = MislabelSettings(int(percent) / 100, seed)
        labels = flip(labels, sorted(set(labels)), settings)
    return NoisySet(
        [
            _row(f"t{n}", row["text"], label, "train")
            for n, (row, label) in enumerate(zip(train, labels, strict=True))
        ],
        truth,
        [
            _row(f"e{place}", rows[place]["text"], rows[place]["label"], "validation")
            for place in sorted(eval_places)
        ],
    )


def _row(row: str, text: str, label: str, split: str) -> dict[str, str]:
    return {"id": row, "text": text, "label": label, "split": split}


def workspace_of(noisy: NoisySet, folder: Path, layers: int) -> Workspace:
    """A workspace that knows the labels as the user has them."""
    source = folder / "rows.jsonl"
    lines = [json.dumps(row) + "\n" for row in [*noisy.rows, *noisy.eval_rows]]
    source.write_text("".join(lines), encoding="utf-8")
    columns = Columns(text="text", label="label", id="id", split="split")
    workspace, _ = Workspace.create(
        folder / "ws", train=str(source), eval=None, columns=columns, model="minilm", layers=layers
    )
    return workspace


def run(name: str, seed: int, options: argparse.Namespace, folder: Path, out: Path) -> None:
    """Train and score one set with one seed; writes every score of every row, and which labels are wrong."""
    noisy = noisy_set(name, options.rows, seed)
    workspace = workspace_of(noisy, folder, options.layers)
    training = TrainingSettings(
        epochs=options.epochs, seed=seed, checkpoints=options.checkpoints, lr=options.lr
    )
    if options.quick:
        accuracy = workspace.train(training).eval_accuracy
        workspace.scores.compute(QUICK, ScoreSettings(seed=seed))
        table = workspace.scores.table()
        found = Scored(table.ids, suspicions(table, class_numbers(workspace.train_split)), [])
    else:
        found = scored(workspace, training, ScoreSettings(seed=seed), silent)
        accuracy = float(workspace.predictions("eval").correct.mean())
    place = {row: position for position, row in enumerate(found.ids)}
    known = [number for number, each in enumerate(noisy.truth) if each is not None]
    arrays: dict[str, Any] = {
        **found.suspicions,
        "known_": np.array([place[noisy.rows[number]["id"]] for number in known]),
        "wrong_": np.array([noisy.rows[number]["label"] != noisy.truth[number] for number in known]),
        "accuracy_": np.array(accuracy),
    }
    np.savez_compressed(out, allow_pickle=False, **arrays)


def measured(path: Path) -> dict[str, Any]:
    """Detection of every score, and of the queue, in one run."""
    name, _, seed = path.stem.rpartition("-")
    with np.load(path, allow_pickle=False) as file:
        values = {key: file[key] for key in file.files}
    known, wrong, accuracy = (values.pop(each) for each in ("known_", "wrong_", "accuracy_"))
    seen = {score: each[known] for score, each in values.items()}
    found = detect(seen, wrong)
    return {
        "set": name,
        "seed": int(seed),
        "rows": len(next(iter(values.values()))),
        "known": len(known),
        "wrong": float(wrong.mean()),
        "accuracy": float(accuracy),
        "scores": [
            {**asdict(each), "precision_at_100": _precision(seen[each.name], wrong)} for each in found
        ],
    }


def _precision(values: np.ndarray, wrong: np.ndarray, count: int = 100) -> float:
    """Share of wrong labels among the most suspicious ``count``; rows without a value come last."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")[:count]
    return float(wrong[order].mean())


def table(results: Sequence[dict[str, Any]], measure_name: str) -> list[str]:
    """A Markdown table: scores down, sets across, best mean first."""
    sets = list(dict.fromkeys(each["set"] for each in results))
    values: dict[str, dict[str, list[float]]] = {}
    for each in results:
        for score in each["scores"]:
            values.setdefault(score["name"], {}).setdefault(each["set"], []).append(score[measure_name])
    means = {name: {s: statistics.mean(v) for s, v in by_set.items()} for name, by_set in values.items()}
    order = sorted(means, key=lambda name: -statistics.mean(means[name].values()))
    lines = [f"| {measure_name} | " + " | ".join(sets) + " | mean |", "|---" * (len(sets) + 2) + "|"]
    for name in order:
        cells = [_cell(values[name].get(each, [])) for each in sets]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {statistics.mean(means[name].values()):.3f} |")
    return lines


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {deviation:.3f}"


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", default=list(DEFAULT))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--checkpoints", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--home", type=Path, default=HOME)
    options = parser.parse_args()
    chosen = {each: getattr(options, each) for each in (*OPTIONS, *(("quick",) if options.quick else ()))}
    runs = options.home / "noise" / "-".join(f"{name}{value}" for name, value in chosen.items())
    runs.mkdir(parents=True, exist_ok=True)
    paths = [runs / f"{name}-{seed}.npz" for seed in range(options.seeds) for name in options.sets]
    for path in paths:
        if not path.exists():
            name, _, seed = path.stem.rpartition("-")
            with tempfile.TemporaryDirectory() as scratch:
                run(name, int(seed), options, Path(scratch), path)
            print(f"{path.stem}: {measured(path)['scores'][:3]}", flush=True)
    results = [measured(path) for path in paths]
    content = {"machine": machine(), **chosen, "results": results}
    (options.home / "noise.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    for each in MEASURES:
        print("\n" + "\n".join(table(results, each)))


if __name__ == "__main__":
    main()
