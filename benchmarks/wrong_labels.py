"""How well the number of wrong labels is estimated: planted shares, beside cleanlab's confident joint.

    python -m benchmarks.wrong_labels [SET ...] [--rows 3000] [--shares 0 0.03 0.1 0.2] [--seeds 2]

Sets: ``trec``, ``sst2``, ``sms`` and ``intents`` (77 made-up classes) with a share of labels replaced by
another class; ``noisyag`` and ``vader`` as they are, their truth known for some rows. Nothing is trained
but probes on sentence embeddings, as `scores` does. Prints for each what is wrong (planted, or known), the
estimate with its interval, their ratio, and the confident joint; writes ``cache/bench/wrong_labels.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from cleanlab.count import compute_confident_joint

from backend.data.equal_texts import equal_text_groups
from backend.data.examples import Examples
from backend.experiments.mislabel import MislabelSettings, flip
from backend.model.embeddings import Encoder
from backend.scores.crossfit import CrossFit
from backend.scores.folds import stratified_folds
from backend.scores.label_noise import find_wrong_labels
from backend.scores.probe import fitted_probe
from backend.scores.settings import ScoreSettings
from backend.scores.word_classifier import word_log_probabilities
from backend.scores.word_presence import label_matrix
from benchmarks.intents import intents
from benchmarks.noise import FILES, SHARED
from benchmarks.report import HOME, machine

PLANTED = ("trec", "sst2", "sms", "intents")
REAL = ("noisyag", "vader")
_FOLDS = ScoreSettings.folds


@dataclass(frozen=True)
class Rows:
    """Texts, their labels, and the right ones where they are known."""

    texts: list[str]
    labels: list[str]
    truth: list[str | None]


def rows_of(name: str, count: int, seed: int) -> Rows:
    """Up to ``count`` rows of a set, drawn with ``seed``."""
    if name == "intents":
        train, _ = intents(count, 77, seed)
        return Rows([row["text"] for row in train], [row["label"] for row in train], [None] * len(train))
    with gzip.open(SHARED / f"{FILES[name]}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["split"] == "train"]
    chosen = [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))[:count].tolist()]
    return Rows(
        [row["text"] for row in chosen],
        [row["label"] for row in chosen],
        [row.get("true_label") for row in chosen],
    )


def measured(rows: Rows, given: Sequence[str], wrong: np.ndarray, features: np.ndarray) -> dict[str, Any]:
    """The estimate for ``given`` labels; ``wrong`` bool (n), counted where ``rows`` know the truth."""
    classes = sorted(set(given))
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers[label] for label in given])
    examples = Examples.of(rows.texts)
    groups = equal_text_groups(examples)
    folds = stratified_folds(labels, groups, _FOLDS, 0)
    probabilities = np.zeros((len(labels), len(classes)), dtype=np.float32)
    for fold in range(int(folds.max()) + 1):
        fit, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        probe = fitted_probe(features[fit], labels[fit], groups[fit], len(classes), 0)
        probabilities[held] = probe.probabilities(features[held])
    out_of_fold = CrossFit(probabilities, folds, labels)
    words = word_log_probabilities(examples, labels, len(classes), folds)
    given_to = label_matrix(labels, len(classes))
    votes = (label_matrix(groups).T @ given_to).tocsr()[groups] - given_to
    said = find_wrong_labels([out_of_fold.log_probabilities, words], labels, classes, votes)
    found = said.estimate
    joint = compute_confident_joint(labels, probabilities, calibrate=True)
    return {
        "rows": len(labels),
        "classes": len(classes),
        "agrees": float((probabilities.argmax(axis=1) == labels).mean()),
        "wrong": int(wrong.sum()),
        "estimate": found.wrong if found else None,
        "low": found.low if found else 0.0,
        "high": found.high if found else len(labels),
        "tells": found is not None and found.tells,
        "confident_joint": float(joint.sum() - np.trace(joint)),
    }


def runs(names: Sequence[str], count: int, shares: Sequence[float], seeds: int) -> list[dict[str, Any]]:
    """All runs, each printed as it is made."""
    found, encoder = [], Encoder()
    for name in names:
        for seed in range(seeds if name in PLANTED else 1):
            rows = rows_of(name, count, seed)
            features = encoder.encode(Examples.of(rows.texts))
            for share in shares if name in PLANTED else (None,):
                given = rows.labels
                if share:
                    given = flip(rows.labels, sorted(set(rows.labels)), MislabelSettings(share, seed))
                truth = rows.labels if share is not None else rows.truth
                known = np.array([each is not None for each in truth])
                wrong = known & np.array([one != other for one, other in zip(given, truth, strict=True)])
                run = measured(rows, given, wrong, features)
                run["wrong"] = run["wrong"] / known.mean()  # as many of all rows as of the known ones
                found.append({"set": name, "seed": seed, "planted": share, **run})
                print(_line(found[-1]), flush=True)
    return found


HEADER = [
    "| set | seed | planted | rows | classes | cross-validation agrees | wrong | estimate (90 %) | ratio | "
    "confident joint |",
    "|---|---|---|---|---|---|---|---|---|---|",
]


def _line(run: dict[str, Any]) -> str:
    planted = "real" if run["planted"] is None else f"{run['planted']:.0%}".replace("%", " %")
    told = run["estimate"] is not None and run["tells"]
    ratio = f"{run['estimate'] / run['wrong']:.2f}" if told and run["wrong"] else "–"
    estimate = f"{run['estimate']:.0f}" if told else "can't tell"
    return (
        f"| {run['set']} | {run['seed']} | {planted} | {run['rows']:,} | {run['classes']} | "
        f"{run['agrees']:.2f} | {run['wrong']:.0f} | {estimate} ({run['low']:.0f} to "
        f"{run['high']:.0f}) | {ratio} | {run['confident_joint']:.0f} |"
    )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", default=[*PLANTED, *REAL])
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--shares", type=float, nargs="*", default=[0.0, 0.03, 0.1, 0.2])
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    print("\n".join(HEADER))
    found = runs(options.sets, options.rows, options.shares, options.seeds)
    covered = [run["low"] <= run["wrong"] <= run["high"] for run in found if run["planted"]]
    told = [run for run in found if run["planted"] and run["tells"]]
    close = [1 / 1.5 <= run["estimate"] / run["wrong"] <= 1.5 for run in told]
    print(
        f"\nplanted: {sum(covered)} of {len(covered)} within the interval, {sum(close)} within a factor 1.5"
    )
    HOME.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "rows": options.rows, "runs": found}
    (HOME / "wrong_labels.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
