"""Real, tiny Trainer runs whose learning rates are known of every update: what etas are held against.

A callback reads, before every update, the rate of the group that the word embeddings are in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as hf

from backend.model.schedules import GivenSchedule

_TEXTS, _WORDS, _PEAK = 80, 60, 1e-3


class Oracle(hf.TrainerCallback):
    """``rates``: the true rate of the word embeddings' group at each update, by number."""

    def __init__(self) -> None:
        self.rates: dict[int, float] = {}

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, optimizer: Any = None, **_: Any
    ) -> None:
        table = model.get_input_embeddings().weight
        for group in optimizer.param_groups:
            if any(each is table for each in group["params"]):
                self.rates[state.global_step + 1] = float(group["lr"])


@dataclass(frozen=True)
class EtaRun:
    """A kind of run: what its Trainer is given (10 updates an epoch), and how its etas are derived.

    ``groups`` makes the optimizer's groups of the embedding table and all other parameters, ``schedules`` say
    by how much the rate of each is multiplied after so many updates; ``then`` are arguments of a second
    training that resumes the first at its end; ``change`` edits the finished folder; ``given`` is what the
    user says of it.
    """

    arguments: Mapping[str, Any]
    derived: str
    groups: Callable[[Any, Sequence[Any]], list[dict[str, Any]]] | None = None
    schedules: Sequence[Callable[[int], float]] | None = None
    then: Mapping[str, Any] | None = None
    change: Callable[[Path], None] | None = None
    given: GivenSchedule | None = None
    within: float = 1e-6
    """How near the etas are to the truth, of the highest rate."""


def _first(table: Any, rest: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"params": [table], "lr": 1e-5}, {"params": rest, "lr": _PEAK}]


def _last(table: Any, rest: Sequence[Any]) -> list[dict[str, Any]]:
    return _first(table, rest)[::-1]


def _log_ahead(run: Path) -> None:
    """Make the log that of transformers 4.46, which writes the rate of the next update."""
    for folder in run.glob("checkpoint-*"):
        path = folder / "trainer_state.json"
        state = json.loads(path.read_text())
        for entry in state["log_history"]:
            if "learning_rate" in entry:
                entry["learning_rate"] = _PEAK * max(1 - entry["step"] / state["max_steps"], 0.0)
        path.write_text(json.dumps(state))
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "transformers_version": "4.46.3"}))
    forget_states(run)


def forget_states(run: Path) -> None:
    """As a run with ``save_only_model`` is left."""
    for name in ("optimizer.pt", "scheduler.pt"):
        for path in run.rglob(name):
            path.unlink()


_PLATEAU = {
    "lr_scheduler_type": "reduce_lr_on_plateau",
    "lr_scheduler_kwargs": {"patience": 0, "factor": 0.1, "threshold": 0.05},
    "learning_rate": 0.03,
    "eval_strategy": "steps",
    "eval_steps": 5,
    "metric_for_best_model": "loss",
}
_WARM = {"lr_scheduler_type": "cosine", "warmup_steps": 15, "logging_steps": 10}
_SELDOM = {"logging_steps": 500}
_BARE = {"save_only_model": True}

RUNS: dict[str, EtaRun] = {
    "linear, logged every 5 steps": EtaRun({}, "logged"),
    "linear, logged every step": EtaRun({"logging_steps": 1}, "logged"),
    "linear, logged every 7 steps": EtaRun({"logging_steps": 7}, "logged"),
    "linear, logged every 5 steps, no states": EtaRun(_BARE, "logged"),
    "cosine, warm-up of 15, logged every 10": EtaRun(_WARM, "logged"),
    "cosine, warm-up of 15, no states": EtaRun({**_WARM, **_BARE}, "logged"),
    "constant": EtaRun({"lr_scheduler_type": "constant"}, "logged"),
    "reduce_lr_on_plateau, evaluated every 5": EtaRun(_PLATEAU, "held"),
    "reduce_lr_on_plateau, logged every 8": EtaRun({**_PLATEAU, "logging_steps": 8}, "held"),
    "reduce_lr_on_plateau, no states": EtaRun({**_PLATEAU, **_BARE}, "held", within=1e-4),
    "embeddings' group first (1e-5, rest 1e-3)": EtaRun({}, "logged", _first),
    "embeddings' group last": EtaRun({}, "group", _last),
    "group of its own schedule (rises for 20 steps)": EtaRun(
        {}, "interpolated", _last, schedules=(lambda step: 1 - step / 39, lambda step: min(step / 20, 1.0))
    ),
    "resumed, 20 of 20 to 40 steps": EtaRun({"max_steps": 20}, "logged", then={"max_steps": 40}),
    "resumed, no states left": EtaRun(
        {"max_steps": 20}, "logged", then={"max_steps": 40}, change=forget_states, within=0.06
    ),
    "4 micro-batches a step": EtaRun(
        {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}, "logged"
    ),
    "logging_steps 500": EtaRun(_SELDOM, "scheduler state"),
    "logging_steps 500, cosine with warm-up": EtaRun({**_WARM, **_SELDOM}, "scheduler state"),
    "logging_steps 500, no states, rate and schedule given": EtaRun(
        {**_WARM, **_SELDOM, **_BARE}, "options", given=GivenSchedule(_PEAK, "cosine", 15)
    ),
    "save_total_limit 2, best kept": EtaRun(
        {
            "save_total_limit": 2,
            "load_best_model_at_end": True,
            "eval_strategy": "steps",
            "eval_steps": 10,
            "metric_for_best_model": "loss",
        },
        "logged",
    ),
    "log of transformers 4.46": EtaRun({}, "logged", change=_log_ahead),
}


@dataclass(frozen=True)
class MadeRun:
    """A finished run: its folder, and the true rate of the word embeddings at each update."""

    folder: Path
    rates: Mapping[int, float] = field(default_factory=dict)

    def true(self, after: int, upto: int) -> float:
        """The mean over updates in (after, upto]."""
        return float(np.mean([self.rates[step] for step in range(after + 1, upto + 1)]))


def make(kind: str, folder: Path, more: Callable[[], Sequence[hf.TrainerCallback]] = tuple) -> MadeRun:
    """Train a run of this kind; ``more`` makes further callbacks."""
    run, oracle = RUNS[kind], Oracle()
    _train(run, folder, [oracle, *more()], run.arguments, None)
    if run.then is not None:
        resumed = str(max(folder.glob("checkpoint-*"), key=lambda each: int(each.name.split("-")[1])))
        _train(run, folder, [oracle, *more()], {**run.arguments, **run.then}, resumed)
    if run.change is not None:
        run.change(folder)
    return MadeRun(folder, oracle.rates)


def _train(
    run: EtaRun,
    folder: Path,
    callbacks: list[hf.TrainerCallback],
    arguments: Mapping[str, Any],
    resumed: str | None,
) -> None:
    hf.set_seed(0)
    model = _model()
    table = model.get_input_embeddings().weight
    rest = [each for each in model.parameters() if each is not table]
    settings: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 8,
        "max_steps": 39,
        "learning_rate": _PEAK,
        "logging_steps": 5,
        "save_steps": 10,
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        **arguments,
    }
    rows = _rows()
    optimizer = torch.optim.AdamW(run.groups(table, rest)) if run.groups else None
    scheduler = (
        torch.optim.lr_scheduler.LambdaLR(optimizer, list(run.schedules))
        if optimizer and run.schedules
        else None
    )
    trainer = hf.Trainer(
        model=model,
        args=hf.TrainingArguments(**settings),
        train_dataset=rows,
        eval_dataset=rows[:8],
        callbacks=callbacks,
        optimizers=(optimizer, scheduler),
    )
    trainer.remove_callback(hf.PrinterCallback)
    trainer.train(resume_from_checkpoint=resumed)


def _model() -> hf.PreTrainedModel:
    config = hf.BertConfig(
        vocab_size=_WORDS,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=16,
    )
    return hf.BertForSequenceClassification(config)


def _rows() -> list[dict[str, Any]]:
    draw = np.random.default_rng(0)
    ids = draw.integers(5, _WORDS, size=(_TEXTS, 8))
    return [{"input_ids": row.tolist(), "labels": int(row.sum() % 2)} for row in ids]
