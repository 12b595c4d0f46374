"""Do the scores of a language model's rows, and their queue, find faults that were planted?

    python -m benchmarks.language_scores [facts instructions] [--seed 0] [--share 0.02] [--out DIR]

``facts``: short answers about invented people and things (`backend.experiments.planted_facts`), none of which
is contradicted; ``instructions``: real ones of `shared/data`. A share of the rows gets each of six faults. A
model of two layers learns the rows from scratch; the workspace is precomputed and scored as anyone's. Printed
are, for each fault, the AUROC of scores against rows without any fault, and for all faults together AUROC and
the share of faults among as many first rows as there are faults; beside loss, length and chance.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from transformers import PreTrainedModel

from backend.data.columns import Columns
from backend.data.dataset import load_split
from backend.experiments.planted_facts import PlantedSettings, plant
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.checkpoints import FoundCheckpoint
from backend.model.loading import load_tokenizer
from backend.model.recorded_checkpoints import record_checkpoints
from backend.model.tokenization import encode_ids
from backend.scores.settings import ScoreSettings
from backend.scores.suspicion import QUEUE, suspicions
from backend.workspace import Workspace
from benchmarks.language_lds import SHARED, fit, untrained

Rows = list[dict[str, str]]
FAULTS = ("swapped", "contradicted", "cut", "marks", "script", "copied")
"""The answer of another row; a further row with another last word; half the words; a mark of a template
within; in Cyrillic letters; the very row again."""
_RATE, _EVALUATED = 2e-3, 20
_CYRILLIC = str.maketrans("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопярстуввхиз")
_MARKS = ("<|im_end|>", "\nUser: ", "[/INST]", "\n### Response:\n")


@dataclass(frozen=True)
class Source:
    """How many tokens its rows have at most, and how many epochs are trained."""

    length: int
    epochs: int


SOURCES = {"facts": Source(64, 8), "instructions": Source(128, 6)}


def clean_rows(name: str, seed: int) -> Rows:
    """Questions and answers without a planted fault, in a drawn order."""
    if name == "facts":
        settings = PlantedSettings(people=50, things=25, rows=3, contradicted=0.0, seed=seed)
        found = [[each["content"] for each in row["messages"]] for row in plant(settings).train]
    else:
        with gzip.open(SHARED / "instructions.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        found = [[each["prompt"], each["completion"]] for each in rows]
    order = np.random.default_rng(seed).permutation(len(found)).tolist()
    return [{"prompt": found[each][0] + "\n", "completion": found[each][1]} for each in order]


def planted(rows: Rows, share: float, seed: int) -> tuple[Rows, list[str]]:
    """The rows with a share of each fault, in a drawn order, and what fault each has ("" for none)."""
    rng = np.random.default_rng(seed + 1)
    long = [place for place, row in enumerate(rows) if len(row["completion"].split()) >= 4]
    count = max(round(share * len(rows)), 2)
    chosen = rng.permutation(long)[: count * len(FAULTS)].reshape(len(FAULTS), count)
    made, faults = [dict(each) for each in rows], [""] * len(rows)
    for fault, places in zip(FAULTS, chosen.tolist(), strict=True):
        for place, other in zip(places, [*places[1:], places[0]], strict=True):
            changed = {**rows[place], "completion": _changed(fault, rows, place, other, rng)}
            if fault in ("contradicted", "copied"):
                made.append(changed)
                faults.append(fault)
            else:
                made[place], faults[place] = changed, fault
    order = rng.permutation(len(made)).tolist()
    return [made[each] for each in order], [faults[each] for each in order]


def _changed(fault: str, rows: Rows, place: int, other: int, rng: np.random.Generator) -> str:
    answer, others = rows[place]["completion"], rows[other]["completion"]
    words = answer.split(" ")
    if fault == "swapped":
        return others
    if fault == "contradicted":
        return " ".join([*words[:-1], others.split(" ")[-1]])
    if fault == "cut":
        return " ".join(words[: max(len(words) // 2, 3)])
    if fault == "marks":
        at = int(rng.integers(1, len(words)))
        return " ".join([*words[:at], str(rng.choice(_MARKS)), *words[at:]])
    return answer.lower().translate(_CYRILLIC) if fault == "script" else answer


def scored_workspace(name: str, rows: Rows, evaluated: Rows, home: Path) -> Workspace:
    """A workspace of these rows, trained, precomputed and with all of its scores."""
    source = SOURCES[name]
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for file, some in (("train", rows), ("eval", evaluated)):
        lines = [json.dumps({**row, "id": f"r{place}"}) + "\n" for place, row in enumerate(some)]
        (home / f"{file}.jsonl").write_text("".join(lines))
    texts = [" ".join(each.values()) for each in rows]
    model = untrained(home / "model", texts, True, source.length)
    workspace, _ = Workspace.create(
        home / "ws",
        train=str(home / "train.jsonl"),
        eval=str(home / "eval.jsonl"),
        columns=Columns("prompt", "completion", id="id", task="causal-lm", form="pair"),
        model=str(model),
        max_length=source.length,
    )
    tokenizer = load_tokenizer(model)
    examples = encode_ids(tokenizer, load_split(workspace.folder, "train").examples, source.length)
    found: list[FoundCheckpoint] = []

    def save(model: PreTrainedModel, step: int, total: int) -> None:
        path = workspace.folder.path / "runs" / f"checkpoint-{step}"
        model.save_pretrained(path)
        tokenizer.save_pretrained(path)
        found.append(FoundCheckpoint(path, step, step / total * source.epochs, _RATE, None))

    fit(model, tokenizer, examples, source.epochs, 0, save)
    record_checkpoints(
        workspace.folder, found, inside=True, task=workspace.manifest.task, max_length=source.length
    )
    workspace = Workspace.open(workspace.folder.path)
    workspace.precompute(PrecomputeSettings(device="cpu"))
    workspace.compute_influence(device="cpu")
    for line in workspace.scores.compute((), ScoreSettings(device="cpu"), everything=True):
        print(f"left out: {line}")
    return workspace


def measured(workspace: Workspace, faults: dict[str, str], seed: int) -> dict[str, list[float]]:
    """By score: AUROC of each fault and of all, and the share of faults among as many first rows."""
    table, split = workspace.scores.table(), workspace.split("train")
    kinds = np.array([faults[each] for each in split.ids])
    by_score = suspicions(table, split.strata)
    by_score["chance"] = np.random.default_rng(seed + 2).random(len(kinds))
    return {name: _figures(values, kinds) for name, values in by_score.items()}


def _figures(values: np.ndarray, kinds: np.ndarray) -> list[float]:
    values = np.where(np.isfinite(values), values, np.nanmin(values) - 1)
    faulty, found = kinds != "", []
    for fault in FAULTS:
        asked = ~faulty | (kinds == fault)
        found.append(float(roc_auc_score(kinds[asked] == fault, values[asked])))
    order = np.lexsort((np.random.default_rng(0).random(len(values)), -values))
    first = float(faulty[order[: faulty.sum()]].mean())
    return [*found, float(roc_auc_score(faulty, values)), first]


def main() -> None:
    """Measure and print a table for each source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", nargs="*", default=list(SOURCES), choices=[*SOURCES, []])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--out", type=Path, default=Path("cache/bench/language_scores"))
    options = parser.parse_args()
    for name in options.sources:
        rows = clean_rows(name, options.seed)
        train, kinds = planted(rows[_EVALUATED:], options.share, options.seed)
        workspace = scored_workspace(name, train, rows[:_EVALUATED], options.out / name)
        faults = {f"r{place}": kind for place, kind in enumerate(kinds)}
        found = measured(workspace, faults, options.seed)
        known = [faults[each] for each in workspace.split("train").ids]
        print(f"\n{name}: {len(known):,} rows, {sum(map(bool, known))} with a fault, seed {options.seed}\n")
        print("| score | " + " | ".join([*FAULTS, "all", "first n"]) + " |")
        print("|---" * (len(FAULTS) + 3) + "|")
        for score, figures in sorted(found.items(), key=lambda each: (each[0] != QUEUE, -each[1][-1])):
            print(f"| {score} | " + " | ".join(f"{each:.2f}" for each in figures) + " |", flush=True)


if __name__ == "__main__":
    main()
