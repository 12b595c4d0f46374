"""What every contender of `benchmarks.peers` gets: one trained model, its checkpoints, the same examples.

Sentences are Rotten Tomatoes reviews; a set of n training examples is the first n of one fixed list, so
the scores of a small set are a part of those of a larger one. Beyond `REAL_ROWS` examples the list goes on
with sentences put together from two halves of reviews of one class.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backend.data.columns import Columns
from backend.data.embedded import NAMES, write_demo_source
from backend.data.examples import Examples
from backend.model.loading import load_tokenizer
from backend.model.tokenization import encode
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from benchmarks.peers_tasks import Plan, job_path

REAL_ROWS = 7000
MAX_LENGTH = 128
_BATCH = 32  # of the fine-tuning
_COLUMNS = Columns(text="text", label="label", id="id")


@dataclass(frozen=True)
class Job:
    """One set of training examples with the model, for any contender.

    ``order`` lists the training positions from the shortest to the longest text: batches in this order
    need the least padding, whoever makes them. ``workspace`` has checkpoints and nothing computed.
    """

    workspace: str | None
    checkpoints: list[str]
    weights: list[float]
    padding: int
    train_ids: list[list[int]]
    train_labels: list[int]
    order: list[int]
    query_texts: list[str]
    query_ids: list[list[int]]
    query_labels: list[int]

    @property
    def size(self) -> int:
        """How many training examples there are."""
        return len(self.train_ids)

    @classmethod
    def read(cls, path: Path) -> Job:
        """The job in a file that `prepare` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def prepare(plan: Plan) -> None:
    """Fine-tune the model and write the jobs and workspaces of every size."""
    home = Path(plan.home)
    needed = max(*plan.sizes, plan.fine_tune_rows)
    rows, queries = _rows(home / "source", needed, plan.queries)
    model = _workspace(home / "model", rows[: plan.fine_tune_rows], queries, "minilm", plan.layers)
    model.train(
        TrainingSettings(
            epochs=1, batch_size=_BATCH, max_length=MAX_LENGTH, checkpoints=plan.checkpoints, device="cpu"
        )
    )
    for size in plan.sizes:
        path = home / f"workspace-{size}" if size in plan.workspaces else None
        if path is not None:
            attached = _workspace(path, rows[:size], queries, "minilm", plan.layers)
            attached.attach(model.folder.checkpoints, max_length=MAX_LENGTH, count=plan.checkpoints)
            _require_same(model, attached, [row["id"] for row in rows[:size]])
        job = _job(model, path, rows[:size], queries)
        job_path(home, size).write_text(json.dumps(asdict(job)), encoding="utf-8")


def folder_bytes(folder: Path) -> int:
    """What the files in a folder take."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _rows(folder: Path, count: int, queries: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """``count`` training rows, classes in turn, and ``queries`` others with different texts."""
    train, evaluation = write_demo_source(folder, REAL_ROWS)
    rows = _alternating(_read(train))
    distinct = {row["text"].lower(): row for row in _read(evaluation)}
    if len(distinct) < queries:
        raise SystemExit(f"--queries {queries}: there are {len(distinct)}")
    return rows[:count] + _spliced(rows, count - len(rows)), list(distinct.values())[:queries]


def _read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _alternating(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Classes in turn: every prefix is balanced."""
    groups = [[row for row in rows if row["label"] == name] for name in NAMES.values()]
    return [row for turn in zip(*groups, strict=True) for row in turn]


def _spliced(rows: Sequence[dict[str, str]], count: int) -> list[dict[str, str]]:
    """``count`` new rows: the first half of one text and the second of another with the same label."""
    made = []
    for number in range(max(count, 0)):
        first = rows[number % len(rows)]
        second = rows[(number + 2 * (1 + number // len(rows))) % len(rows)]
        head, tail = first["text"].split(), second["text"].split()
        text = " ".join(head[: len(head) // 2] + tail[len(tail) // 2 :])
        made.append({"id": f"spliced-{number}", "text": text, "label": first["label"]})
    return made


def _workspace(
    path: Path, rows: Sequence[dict[str, str]], queries: Sequence[dict[str, str]], model: str, layers: int
) -> Workspace:
    files = {"train": rows, "eval": queries}
    for name, part in files.items():
        text = "".join(json.dumps(row) + "\n" for row in part)
        path.with_name(f"{path.name}-{name}.jsonl").write_text(text, encoding="utf-8")
    source = {name: str(path.with_name(f"{path.name}-{name}.jsonl")) for name in files}
    return Workspace.create(
        path, train=source["train"], eval=source["eval"], columns=_COLUMNS, model=model, layers=layers
    )[0]


def _require_same(model: Workspace, attached: Workspace, ids: Sequence[str]) -> None:
    """The workspaces must agree in checkpoints and rows: all contenders get the same question."""
    facts: list[Any] = [
        [(each.step, each.weight) for each in one.manifest.checkpoints] + list(one.manifest.classes)
        for one in (model, attached)
    ]
    if facts[0] != facts[1] or list(attached.train_split.ids) != list(ids):
        raise RuntimeError(f"{attached.path}: differs from {model.path} in checkpoints, classes or rows")


def _job(
    model: Workspace,
    workspace: Path | None,
    rows: Sequence[dict[str, str]],
    queries: Sequence[dict[str, str]],
) -> Job:
    manifest = model.manifest
    tokenizer = load_tokenizer(model.folder.tokenizer_path(manifest))
    length = manifest.max_length or MAX_LENGTH
    train, asked = (
        [each.input_ids for each in encode(tokenizer, Examples.of([row["text"] for row in part]), length)]
        for part in (rows, queries)
    )
    return Job(
        workspace=None if workspace is None else str(workspace),
        checkpoints=[
            str(model.folder.checkpoint_path(each) / "model.safetensors") for each in manifest.checkpoints
        ],
        weights=[each.weight for each in manifest.checkpoints],
        padding=int(tokenizer.pad_token_id),
        train_ids=train,
        train_labels=[manifest.classes.index(row["label"]) for row in rows],
        order=sorted(range(len(train)), key=lambda position: len(train[position])),
        query_texts=[row["text"] for row in queries],
        query_ids=asked,
        query_labels=[manifest.classes.index(row["label"]) for row in queries],
    )
