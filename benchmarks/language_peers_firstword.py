"""Firstword as a contender of `benchmarks.language_peers`, and the bare arithmetic that it is held against.

Bare: forward with logits of every position, cross-entropy, backward to what was looked up, results thrown
away; over the same batches, collated beforehand, with the model as Firstword loads it. ``bare-learnt`` has
logits where a token is learnt only, as Firstword has: the least that the arithmetic can be.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from backend.data.columns import Columns
from backend.influence.gradients.capture import batches
from backend.influence.gradients.language import language_pass
from backend.influence.gradients.lookups import watched_lookups
from backend.influence.gradients.settings import TraceSettings
from backend.influence.gradients.sides import channels_at
from backend.influence.rowstore.precompute import compute_shards
from backend.influence.rowstore.preparation import Run, prepare
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.checkpoints import FoundCheckpoint
from backend.model.recorded_checkpoints import record_checkpoints
from backend.model.source import resolve
from backend.model.token_labels import token_labels
from backend.model.tokenization import Tokens
from backend.progress import silent
from backend.tasks.causal_lm import followers, next_token_losses
from backend.workspace import Workspace
from benchmarks.language_peers_job import IGNORED, Contender, Job, Matrix, folder_bytes

Row = dict[str, Any]
_SMALL: dict[str, Any] = {
    **{"vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0},
}


def contender(name: str, job: Job, scratch: Path) -> Contender:
    """The bare loop or Firstword, with the model loaded."""
    model = _loaded(job)
    return Firstword(model) if name == "firstword" else Bare(model, learnt_only=name == "bare-learnt")


def _loaded(job: Job) -> PreTrainedModel:
    model = AutoModelForCausalLM.from_pretrained(
        job.model, dtype=torch.float32, attn_implementation=job.attention
    )
    return model.eval().requires_grad_(False)


class Firstword:
    """The function that `precompute` runs: from tokens on disk to int8 shards of all four sides on disk."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._run: Run | None = None

    @property
    def _opened(self) -> Run:
        if self._run is None:
            raise RuntimeError("`open` comes first")
        return self._run

    def open(self, job: Job) -> None:
        """Tokens, keys and codecs, as `precompute` prepares them."""
        workspace = Workspace.open(Path(job.workspace))
        self._run = prepare(workspace.folder, PrecomputeSettings("cpu", "fp32", job.attention), silent)
        self.clear()

    def run(self) -> None:
        """All shards of the checkpoint."""
        compute_shards(self._opened, 0, silent, self._model)

    def clear(self) -> None:
        """Delete the shards."""
        for channel in channels_at(self._opened.manifest, self._opened.manifest.checkpoints[0]):
            shutil.rmtree(self._opened.folder.rows / channel.name, ignore_errors=True)

    def kept(self) -> int:
        """Bytes of the shards."""
        channels = channels_at(self._opened.manifest, self._opened.manifest.checkpoints[0])
        return sum(folder_bytes(self._opened.folder.rows / each.name) for each in channels)


class Bare:
    """Forward and backward, nothing else."""

    def __init__(self, model: PreTrainedModel, *, learnt_only: bool) -> None:
        self._model, self._learnt_only = model, learnt_only
        self._batches: list[tuple[dict[str, Tensor], Tensor]] = []

    def open(self, job: Job) -> None:
        """Firstword's batches, padded and in memory."""
        settings = TraceSettings(device="cpu", attention=job.attention)
        tokenizer = AutoTokenizer.from_pretrained(job.model)
        rows = [Tokens(each, None) for each in job.ids]
        parted = batches(rows, self._model, tokenizer, settings)
        self._batches = [padded(job, positions) for positions in parted]

    def run(self) -> None:
        """Gradients of each batch, thrown away."""
        for inputs, labels in self._batches:
            with watched_lookups(self._model) as found, torch.enable_grad():
                loss = self._learnt(inputs, labels) if self._learnt_only else self._whole(inputs, labels)
                torch.autograd.grad(loss, [each.rows for each in found])

    def _whole(self, inputs: dict[str, Tensor], labels: Tensor) -> Tensor:
        logits = self._model(**inputs, use_cache=False).logits
        return next_token_losses(logits, followers(labels)).sum()

    def _learnt(self, inputs: dict[str, Tensor], labels: Tensor) -> Tensor:
        following = followers(labels)
        states = self._model.base_model(**inputs, use_cache=False).last_hidden_state
        logits = self._model.get_output_embeddings()(states[following != IGNORED])
        return cross_entropy(logits, following[following != IGNORED], reduction="sum")

    def clear(self) -> None:
        """It keeps nothing."""

    def kept(self) -> int:
        """It keeps nothing."""
        return 0


def padded(job: Job, positions: list[int]) -> tuple[dict[str, Tensor], Tensor]:
    """Inputs and labels of some rows, padded on the right to the longest."""
    width = max(len(job.ids[each]) for each in positions)

    def table(rows: list[list[int]], filler: int) -> Tensor:
        return torch.tensor([rows[each] + [filler] * (width - len(rows[each])) for each in positions])

    mask = table([[1] * len(each) for each in job.ids], 0)
    return {"input_ids": table(job.ids, job.padding), "attention_mask": mask}, table(job.labels, IGNORED)


def scores(job: Job, scratch: Path) -> dict[str, Matrix]:
    """What the gradients that Firstword keeps say of each pair of rows, side by side (n, n)."""
    model = _loaded(job)
    table: Any = model.get_input_embeddings()
    size = int(table.num_embeddings)
    found: dict[str, list[Tensor]] = {"read": [], "written": []}
    for position in range(len(job.ids)):
        inputs, labels = padded(job, [position])
        row = language_pass(model, inputs, labels)
        for side, gradients in (("read", row.read[0]), ("written", row.written[0])):
            table = torch.zeros(size, gradients.shape[1])
            found[side].append(table.index_add_(0, inputs["input_ids"][0], gradients).flatten())
    return {side: (torch.stack(each) @ torch.stack(each).T).tolist() for side, each in found.items()}


def prepare_rows(sources: list[Path], rows: int, model: str, attention: str, home: Path) -> tuple[Job, Job]:
    """Jobs over so many rows of both files, evenly taken, and over three of them to warm up with."""
    chats = [chat for source in sources for chat in _chats(source)]
    taken = [chats[number * len(chats) // rows] for number in range(min(rows, len(chats)))]
    short = sorted(taken, key=lambda chat: len(str(chat)))[:3]
    return _job(taken, model, attention, home / "all"), _job(short, model, attention, home / "warm-up")


def _chats(source: Path) -> list[Row]:
    import gzip

    with gzip.open(source, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [{"messages": row.get("messages") or _turns(row)} for row in rows]


def _turns(row: Row) -> list[Row]:
    return [
        {"role": "user", "content": row["prompt"]},
        {"role": "assistant", "content": row["completion"]},
    ]


def _job(chats: list[Row], model: str, attention: str, home: Path) -> Job:
    home.mkdir(parents=True)
    for name, part in (("train", chats), ("eval", chats[:2])):
        text = "".join(json.dumps(chat) + "\n" for chat in part)
        (home / f"{name}.jsonl").write_text(text, encoding="utf-8")
    workspace, _ = Workspace.create(
        home / "workspace",
        train=str(home / "train.jsonl"),
        eval=str(home / "eval.jsonl"),
        columns=Columns("messages", "messages", task="causal-lm", form="messages"),
        model=model,
    )
    path = Path(resolve(model))
    found = [FoundCheckpoint(path, 1, 1.0, 1e-4, None)]
    record_checkpoints(workspace.folder, found, inside=False, task=workspace.manifest.task, max_length=None)
    folder = Workspace.open(workspace.folder.path).folder
    run = prepare(folder, PrecomputeSettings("cpu", "fp32", attention), silent)
    rows = [each for shard in run.train.shards() for each in shard.examples()]
    rows.sort(key=len)
    labels = [token_labels([each])[0].tolist() for each in rows]
    padding = int(run.tokenizer.pad_token_id or 0)
    job = Job(str(path), attention, padding, [list(map(int, each.input_ids)) for each in rows], labels)
    return replace(job, workspace=str(folder.path))


def small_jobs(home: Path) -> None:
    """Jobs ``untied`` and ``tied`` over six rows of random tokens for a small random model."""
    numbers = torch.Generator().manual_seed(1)
    ids = [torch.randint(3, 40, (size,), generator=numbers).tolist() for size in (7, 8, 8, 12, 12, 15)]
    labels = [[IGNORED] * 3 + each[3:] for each in ids]
    for kind in ("untied", "tied"):
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(**_SMALL, tie_word_embeddings=kind == "tied"))
        for each in model.parameters():
            each.data += 0.1 * torch.randn_like(each)
        model.save_pretrained(home / kind)
        Job(str(home / kind), "eager", 0, ids, labels).write(home / f"{kind}.json")
