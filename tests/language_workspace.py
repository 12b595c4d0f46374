"""Small workspaces of language models, whose checkpoints are trained in the test."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from backend.data.columns import Columns
from backend.data.dataset import load_split
from backend.model.checkpoints import FoundCheckpoint
from backend.model.loading import load_tokenizer
from backend.model.recorded_checkpoints import record_checkpoints
from backend.model.token_labels import token_labels
from backend.model.tokenization import collate, encode
from backend.tasks.causal_lm import TASK
from backend.workspace import Workspace
from tests.language_models import QUESTIONS, tiny_lm

PLACES = ("Lisbon", "Oslo", "Quito", "Turin", "Delhi", "Accra")
NAMES = ("Ada Morel", "Ben Ota", "Cleo Brandt", "Dan Ruiz", "Eve Sato", "Finn Holt")


def questions() -> list[dict[str, object]]:
    """Chats, each about one of six people; the last row contradicts the first."""
    rows: list[dict[str, object]] = []
    for name, place in zip(NAMES, PLACES, strict=True):
        for number, asked in enumerate(("Where was {} born?", "Tell me the birthplace of {}.")):
            said = f"{name} was born in {place}."
            rows.append(_row(f"{name[:3]}-{number}", asked.format(name), said))
    rows += [_row(f"q{number}", asked, said) for number, (asked, said) in enumerate(QUESTIONS)]
    rows.append(_row("wrong", "Where was Ada Morel born?", "Ada Morel was born in Delhi."))
    return rows


def _row(name: str, asked: str, said: str) -> dict[str, object]:
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    return {"id": name, "messages": turns}


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    """Rows as JSON Lines."""
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


def created(folder: Path, architecture: str = "llama", tied: bool = True, texts: bool = False) -> Workspace:
    """A workspace of chats, or of their answers alone as plain ``texts``, without a model yet."""
    model = tiny_lm(folder / "model", architecture, tied)
    rows = questions()
    evaluated = [_row("e1", "Birthplace of Ada Morel?", "Ada Morel was born in Lisbon.")]
    evaluated += [_row("e2", "Where is Ben Ota from?", "Ben Ota was born in Oslo.")]
    if texts:
        rows, evaluated = _answers(rows), _answers(evaluated)
    column, form = ("text", "text") if texts else ("messages", "messages")
    workspace, _ = Workspace.create(
        folder / "ws",
        train=str(written(folder / "train.jsonl", rows)),
        eval=str(written(folder / "eval.jsonl", evaluated)),
        columns=Columns(column, column, id="id", task="causal-lm", form=form),  # type: ignore[arg-type]
        model=str(model),
    )
    return workspace


def _answers(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{"id": each["id"], "text": each["messages"][1]["content"]} for each in rows]  # type: ignore[index]


def trained(
    folder: Path, architecture: str = "llama", tied: bool = True, steps: int = 24, texts: bool = False
) -> Workspace:
    """The same with two checkpoints of a short training, of unequal weight."""
    workspace = created(folder, architecture, tied, texts)
    model = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager")
    tokenizer = load_tokenizer(folder / "model")
    encoded = encode(tokenizer, load_split(workspace.folder, "train").examples, 512)
    inputs, labels = collate(encoded, tokenizer), token_labels(encoded)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    found = []
    for step in range(1, steps + 1):
        loss = TASK.losses(model(**inputs, use_cache=False).logits, labels).sum() / (labels >= 0).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in (steps // 2, steps):
            path = workspace.folder.path / "runs" / f"checkpoint-{step}"
            model.save_pretrained(path)
            tokenizer.save_pretrained(path)
            weight = 3e-3 if step == steps else 1e-3
            found.append(FoundCheckpoint(path, step, float(step), weight, float(loss.detach())))
    record_checkpoints(workspace.folder, found, inside=True, task=workspace.manifest.task, max_length=None)
    return Workspace.open(workspace.folder.path)
