"""Workspaces of any size: spliced Rotten Tomatoes sentences, with the checkpoints of one real fine-tuning.

A spliced text is the first half of one sentence and the second half of another of the same class, so
lengths and token frequencies stay real and texts are distinct.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

from backend.data.columns import Columns
from backend.data.embedded import write_demo_source
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, silent
from backend.workspace import Workspace

COLUMNS = Columns(text="text", label="label", id="id")


def trained(home: Path, layers: int, checkpoints: int = 3, progress: Progress = silent) -> Workspace:
    """The demo's data fine-tuned with the first ``layers`` layers of MiniLM; built once."""
    path = home / f"trained-{layers}"
    if not path.exists():
        with tempfile.TemporaryDirectory() as scratch:
            train, evaluation = write_demo_source(Path(scratch))
            Workspace.create(
                path, train=str(train), eval=str(evaluation), columns=COLUMNS, model="minilm", layers=layers
            )
    workspace = Workspace.open(path)
    if not workspace.manifest.checkpoints:
        workspace.train(TrainingSettings(checkpoints=checkpoints), progress)
    return workspace


def resampled(home: Path, count: int, layers: int, progress: Progress = silent, joined: int = 1) -> Workspace:
    """A workspace of ``count`` texts with the checkpoints of `trained`; nothing precomputed yet.

    Each text is ``joined`` spliced ones.
    """
    path = home / f"resampled-{count}-{layers}{f'-{joined}' if joined > 1 else ''}"
    model = trained(home, layers, progress=progress)
    if not path.exists():
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / "train.jsonl"
            source.write_text("".join(spliced(model, count, joined=joined)), encoding="utf-8")
            evaluation = Path(scratch) / "eval.jsonl"
            rows = zip(model.eval_split.ids, model.eval_split.texts, model.eval_split.labels, strict=True)
            lines = [json.dumps({"id": a, "text": b, "label": c}) + "\n" for a, b, c in rows]
            evaluation.write_text("".join(lines), encoding="utf-8")
            Workspace.create(path, train=str(source), eval=str(evaluation), columns=COLUMNS, model="minilm")
    workspace = Workspace.open(path)
    if not workspace.manifest.checkpoints:
        count_kept = len(model.manifest.checkpoints)
        length = model.manifest.max_length if joined == 1 else 512
        workspace.attach(model.folder.checkpoints, max_length=length, count=count_kept)
    return workspace


def spliced(model: Workspace, count: int, seed: int = 0, joined: int = 1) -> list[str]:
    """``count`` JSON lines of texts, each of ``joined`` spliced ones of a class."""
    split, rng = model.train_split, np.random.default_rng(seed)
    words = [text.split() for text in split.texts]
    members = {name: [i for i, each in enumerate(split.labels) if each == name] for name in set(split.labels)}
    lines = []
    for number in range(count):
        first = int(rng.integers(len(words)))
        label = split.labels[first]
        text, before = "", first
        for _ in range(joined):
            second = members[label][int(rng.integers(len(members[label])))]
            halves = words[before][: len(words[before]) // 2], words[second][len(words[second]) // 2 :]
            text, before = " ".join([text, *halves[0], *halves[1]]).strip(), second
        lines.append(json.dumps({"id": f"s{number}", "text": text, "label": label}) + "\n")
    return lines
