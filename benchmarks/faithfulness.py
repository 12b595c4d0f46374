"""Which attribution is true? Retrainings of small models decide: LDS and case deletion, all methods.

    python -m benchmarks.faithfulness [SET-MODEL-OPTIMIZER ...] [--protocol lds deletion wrong]
        [--rows 2500] [--queries 50] [--subsets 100] [--seeds 1] [--averaged 1]

Sets: ``trec``, ``sst2``, ``sick`` (pairs), ``reviews`` (the embedded sample); models: ``cnn``,
``transformer``; optimizers: ``adamw``, ``sgd``. Every configuration is a workspace in
``HOME/faithfulness/``, made where it is missing; its trainings are kept there, so a stopped run goes on. The
query is an eval row with its own label. ``--averaged N`` adds scores averaged over N training seeds.
Prints a table for each protocol and writes ``HOME/faithfulness/results/*.json``.

- ``lds``: see `backend.evaluation.lds`; intervals over halves and queries, and of the difference to plain
  TracIn-WE (``we dot``).
- ``deletion``: see `backend.evaluation.deletion`; AUC-DEL of proponents and opponents. ``wrong``: the same
  for misclassified queries, and the share that deleting opponents puts right.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from backend.data.columns import Columns
from backend.data.embedded import write_demo_source
from backend.errors import InputError
from backend.evaluation.deletion import DeletionSettings, measure_deletion
from backend.evaluation.intervals import with_interval
from backend.evaluation.lds import Lds, LdsSettings, ground_truth, scored
from backend.evaluation.retrainer import default_workers
from backend.evaluation.variants import Variant, all_variants, parsed, questions, scores_of
from backend.experiments.small import SETTINGS, small_workspace
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.engine import Engine
from backend.influence.answers.method import Asked
from backend.model.prediction import predict
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from benchmarks.report import HOME, machine

SHARED = Path("../shared/data")
SETS = {"trec": "trec", "sst2": "sst2_sentences", "sick": "sick", "reviews": ""}
DEFAULT = (
    *("trec-cnn-adamw", "sst2-cnn-adamw", "sick-cnn-adamw", "reviews-cnn-adamw"),
    *(
        "trec-transformer-adamw",
        "sst2-transformer-adamw",
        "sick-transformer-adamw",
        "reviews-transformer-adamw",
    ),
    *("trec-cnn-sgd", "sick-cnn-sgd"),
)
RATES = {
    ("cnn", "adamw"): replace(SETTINGS, lr=3e-3, epochs=5),
    ("transformer", "adamw"): replace(SETTINGS, lr=3e-3, epochs=5),
    ("cnn", "sgd"): replace(SETTINGS, lr=0.5, epochs=10, optimizer="sgd"),
    ("transformer", "sgd"): replace(SETTINGS, lr=0.5, epochs=10, optimizer="sgd"),
}
DAMPINGS = ("0.1", "1", "3", "10", "30", "100")
DELETED = ["we:dot", "we:fisher", "we:ekfac", "last-layer:dot", "tfidf"]
PLAIN = "we dot"
OURS = f"we {DEFAULT_SCORE}"
MIXED = (
    ("we ekfac", "last-layer dot"),
    ("we ekfac", "middle-layer dot"),
    ("we ekfac", "second-layer dot", "middle-layer dot", "last-layer dot"),
    ("we ekfac", "tfidf residual"),
)


def source(name: str, home: Path) -> Workspace:
    """An untrained workspace of a data set: where small ones take their rows from."""
    path = home / f"{name}-rows"
    if not path.exists():
        columns = Columns(
            text="text", label="label", split="split", text_b="text_b" if name == "sick" else None
        )
        if name == "reviews":
            train, evaluation = write_demo_source(home / "reviews-source")
            columns = Columns(text="text", label="label", id="id")
            Workspace.create(path, train=str(train), eval=str(evaluation), columns=columns, model="minilm")
        else:
            file = str(SHARED / f"{SETS[name]}.jsonl.gz")
            Workspace.create(path, train=file, eval=None, columns=columns, model="minilm")
    return Workspace.open(path)


def workspace_of(name: str, rows: int, seed: int, home: Path) -> Workspace:
    """The small workspace of a configuration and a training seed, made where it is missing."""
    path = home / f"{name}-{rows}-{seed}"
    if not path.exists():
        data, model, optimizer = name.split("-")
        settings: TrainingSettings = replace(RATES[model, optimizer], seed=seed)
        small_workspace(source(data, home), path, kind=model, rows=rows, settings=settings)
    workspace = Workspace.open(path)
    workspace.precompute()
    return workspace


def variants() -> list[Variant]:
    """All methods and scores, other dampings of the preconditioned ones, and synonyms, which are slow."""
    damped = [f"we:{score}:{each}" for score in ("fisher", "kfac", "ekfac", "adam") for each in DAMPINGS]
    return [*all_variants(), *parsed(damped), *parsed(["we-syn:dot", "we-syn:kfac", "we-syn:ekfac"])]


def margins(engine: Engine, asked: Sequence[Asked]) -> list[Asked]:
    """The same questions about the margin ``log p / (1 - p)``: its gradient is the loss's over 1 - p."""
    found = []
    for each in asked:
        own = [_probability(engine, number, each) for number in range(len(engine.checkpoints.models))]
        scales = [1 / max(1 - p, 1e-3) for p in own]
        traced = each.traced.changed(partial(_scaled, scales))
        found.append(replace(each, traced=traced))
    return found


def _scaled(scales: Sequence[float], number: int, rows: np.ndarray) -> np.ndarray:
    return rows * scales[number]


def _probability(engine: Engine, number: int, asked: Asked) -> float:
    found = predict(engine.checkpoints.models[number], [asked.encoded], engine.checkpoints.tokenizer)
    return float(found[0, int(asked.target)])


def mixtures(scores: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Methods together: standardised scores added, ranks added, and votes."""
    for names in MIXED:
        if all(each in scores for each in names):
            parts, together = [scores[each] for each in names], " + ".join(names)
            for how, each in (("standardised", standardised), ("ranks", ranked), ("votes", votes)):
                yield f"{together}, {how}", np.sum([each(part) for part in parts], axis=0)


def standardised(scores: np.ndarray) -> np.ndarray:
    """A query's scores in their standard deviations: float64 (q, n), as given."""
    return scores / scores.std(axis=1, keepdims=True)


def ranked(scores: np.ndarray) -> np.ndarray:
    """A query's scores as ranks: float64 (q, n), as given."""
    return rankdata(scores, axis=1)


def votes(scores: np.ndarray) -> np.ndarray:
    """1 for a query's strongest tenth of proponents, -1 for that of opponents: float64 (q, n), as given."""
    ranks, tail = ranked(scores), scores.shape[1] / 10
    return (ranks > scores.shape[1] - tail) * 1.0 - (ranks <= tail)


def run_lds(name: str, options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """LDS of every variant, mixture and average."""
    settings = LdsSettings(options.subsets, options.seeds, options.queries, workers=options.workers)
    scores: dict[str, np.ndarray] = {}
    left_out: list[str] = []
    first = workspace_of(name, options.rows, 0, home)
    truth = ground_truth(first.explainer(), settings, _progress(name))
    for seed in range(options.averaged):
        engine = workspace_of(name, options.rows, seed, home).explainer()
        asked = questions(engine, truth.places)
        found = {each.name: values for each, values in scores_of(variants(), asked)}
        chosen = [each for each in all_variants() if each.name in ("we dot", "we fisher", "we ekfac")]
        found |= {f"{each.name}, margin": v for each, v in scores_of(chosen, margins(engine, asked))}
        for each, values in found.items():
            if isinstance(values, InputError):
                left_out.append(f"{each}: {values}")
            elif seed == 0:
                scores[each] = values
                scores[f"{each}, {options.averaged} seeds"] = values.copy()
            elif each in scores:
                scores[f"{each}, {options.averaged} seeds"] += values
    if options.averaged == 1:
        scores = {each: values for each, values in scores.items() if not each.endswith(", 1 seeds")}
    scores |= dict(mixtures(scores))
    measured = {each: scored(each, values, truth) for each, values in scores.items()}
    rows = [_lds_row(each, measured[PLAIN], measured[OURS]) for each in measured.values()]
    rows.sort(key=lambda each: -each["mean"])
    accuracy = float(first.predictions("eval").correct.mean())
    return {"name": name, "accuracy": accuracy, "rows": rows, "left_out": sorted(set(left_out))}


def _lds_row(found: Lds, plain: Lds, default: Lds) -> dict[str, Any]:
    low, high = found.ahead_of(plain)
    record = {name: each for name, each in asdict(found).items() if name not in ("drawn", "values")}
    return {**record, "ahead_low": low, "ahead_high": high, "default_less_it": default.ahead_of(found)}


def run_deletion(name: str, options: argparse.Namespace, home: Path, wrong: bool) -> dict[str, Any]:
    """Curves of the methods that are worth their trainings."""
    workspace = workspace_of(name, options.rows, 0, home)
    ks = tuple(int(each) for each in options.k.split(","))
    settings = DeletionSettings(
        ks, options.deletion_queries, options.deletion_seeds, wrong, workers=options.workers
    )
    curves, left_out = measure_deletion(
        workspace.explainer(), parsed(options.deleted), settings, _progress(name)
    )
    return {"name": name, "ks": list(ks), "rows": [asdict(each) for each in curves], "left_out": left_out}


def _progress(name: str) -> Any:
    def say(stage: str, done: int, total: int) -> None:
        if stage == "retraining" and (done % 50 == 0 or done == total):
            print(f"{name}: {done} of {total} trainings", flush=True)

    return say


def lds_table(results: Sequence[dict[str, Any]]) -> list[str]:
    """Markdown: variants down, configurations across, best mean first; bold where ahead of plain for sure."""
    cells: dict[str, dict[str, str]] = {}
    means: dict[str, list[float]] = {}
    for result in results:
        for row in result["rows"]:
            text = f"{row['mean']:.3f}"
            sure = row["ahead_low"] > 0
            cells.setdefault(row["variant"], {})[result["name"]] = f"**{text}**" if sure else text
            means.setdefault(row["variant"], []).append(row["mean"])
    names = [each["name"] for each in results]
    order = sorted(cells, key=lambda each: (-len(means[each]), -statistics.mean(means[each])))
    heads = [f"{each['name']} ({each['accuracy']:.2f})" for each in results]
    lines = ["| LDS | " + " | ".join(heads) + " | mean |", "|---" * (len(names) + 2) + "|"]
    for each in order:
        values = " | ".join(cells[each].get(name, "-") for name in names)
        lines.append(f"| `{each}` | {values} | {statistics.mean(means[each]):.3f} |")
    return lines


def paired_table(results: Sequence[dict[str, Any]]) -> list[str]:
    """Markdown: LDS of the product's default less that of each variant, 95 % interval on the same draws."""
    cells: dict[str, dict[str, str]] = {}
    for result in results:
        for row in result["rows"]:
            low, high = row.get("default_less_it", (math.nan, math.nan))
            text = f"{low:+.3f} to {high:+.3f}"
            cells.setdefault(row["variant"], {})[result["name"]] = (
                f"**{text}**" if low > 0 or high < 0 else text
            )
    names = [each["name"] for each in results]
    lines = [f"| `{OURS}` less | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    return lines + [
        f"| `{each}` | " + " | ".join(own.get(name, "-") for name in names) + " |"
        for each, own in cells.items()
    ]


def deletion_table(results: Sequence[dict[str, Any]]) -> list[str]:
    """Markdown: areas with intervals, both ends, and the share that turned at the largest k."""
    lines = [
        "| data | method | AUC-DEL+ | less random rows | AUC-DEL- | less random rows "
        "| turned without proponents | put right without opponents |"
    ]
    lines.append("|---" * 8 + "|")
    for result in results:
        names = list(dict.fromkeys(row["variant"] for row in result["rows"]))
        rows = {(row["variant"], row["end"]): row for row in result["rows"]}
        for name in names:
            plus, minus = rows[name, "proponents"], rows[name, "opponents"]
            areas = [
                with_interval(row[each], row[f"{each}_interval"])
                for row in (plus, minus)
                for each in ("area", "beyond")
            ]
            turned = [
                "-" if r["flipped"][-1] is None else f"{r['flipped'][-1]:.0%} of {r['could']}"
                for r in (plus, minus)
            ]
            lines.append(f"| {result['name']} | `{name}` | " + " | ".join([*areas, *turned]) + " |")
    return lines


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("configurations", nargs="*", default=list(DEFAULT))
    parser.add_argument("--protocol", nargs="+", default=["lds"], choices=["lds", "deletion", "wrong"])
    parser.add_argument("--rows", type=int, default=2500)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--subsets", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--averaged", type=int, default=1)
    parser.add_argument("--deletion-queries", type=int, default=20)
    parser.add_argument("--deletion-seeds", type=int, default=3)
    parser.add_argument("--deleted", nargs="+", default=DELETED, metavar="METHOD:SCORE")
    parser.add_argument("-k", default="10,30,100")
    parser.add_argument("--workers", type=int, default=default_workers())
    parser.add_argument("--home", type=Path, default=HOME / "faithfulness")
    options = parser.parse_args()
    results_home = options.home / "results"
    results_home.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.workers)
    for protocol in options.protocol:
        results = []
        for name in options.configurations:
            chosen = {n: str(v) for n, v in vars(options).items() if n not in ("configurations", "protocol")}
            chosen.pop("workers")
            path = results_home / f"{protocol}-{name}.json"
            known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            if known.get("options") != chosen:
                found = (
                    run_lds(name, options, options.home)
                    if protocol == "lds"
                    else run_deletion(name, options, options.home, protocol == "wrong")
                )
                known = {"options": chosen, "machine": machine(), "result": found}
                path.write_text(json.dumps(known, indent=1), encoding="utf-8")
                print(f"{protocol} {name}: done", flush=True)
            results.append(known["result"])
        table = lds_table(results) if protocol == "lds" else deletion_table(results)
        print("\n" + "\n".join(table) + "\n", flush=True)
        if protocol == "lds":
            print("\n".join(paired_table(results)) + "\n", flush=True)


if __name__ == "__main__":
    main()
