"""How long a training will take on this machine: by a few real steps, a few predictions and one save."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from backend.data.examples import Examples
from backend.data.targets.registry import space_of
from backend.manifest import TaskInfo
from backend.model.loading import attempt, input_length, load_classifier, load_tokenizer
from backend.model.long_rows import spare_memory
from backend.model.lora import with_adapter
from backend.model.model_inputs import accepted_inputs
from backend.model.prediction import logits
from backend.model.quiet import quiet
from backend.model.source import resolve
from backend.model.token_labels import is_learnt, token_labels
from backend.model.token_losses import language_loss, whole_model
from backend.model.tokenization import TokenIds, collate, encode_ids
from backend.model.training import attention_of
from backend.model.training_schedule import look_steps, saved_steps, total_steps
from backend.model.training_settings import TrainingSettings
from backend.scratch import scratch_beside
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_of

_STEPS = 8
_SECONDS = 6.0  # after which no further step is measured
_SAMPLE = 256  # rows
_LOOKED = 16  # of them, by a language model, whose rows are long
_STATE = 3  # weights and the two moments of Adam


@dataclass(frozen=True)
class TrainingForecast:
    """Seconds by what they go to: loading and tokens, steps, looks at rows, saving; and how many of each."""

    starting: float
    stepping: float
    looking: float
    saving: float
    steps: int
    looks: int
    saves: int

    @property
    def seconds(self) -> float:
        """All together."""
        return self.starting + self.stepping + self.looking + self.saving

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {"seconds": self.seconds, **asdict(self)}


def forecast_training(
    *,
    model: str,
    layers: int | None,
    task: TaskInfo,
    training: Examples,
    n_eval: int,
    settings: TrainingSettings,
    home: Path,
) -> TrainingForecast:
    """Measure a few steps of the training that `backend.model.training.train` would do; nothing is kept.

    ``home``: a folder on the disk that the checkpoints will be on, for one that is written and deleted.
    Raises `InputError` where the model can't be loaded.
    """
    began = time.perf_counter()
    torch.manual_seed(settings.seed)
    tokenizer = load_tokenizer(resolve(model))
    loaded = load_classifier(
        resolve(model),
        task=task,
        layers=layers,
        attention=attention_of(settings, task),
        pad_token_id=tokenizer.pad_token_id,
    )
    if settings.rank is not None:
        loaded = with_adapter(loaded, settings.rank, resolve(model))
    loaded.to(settings.torch_device())  # type: ignore[arg-type]
    loading = time.perf_counter() - began
    sample, encoding = _sample(training, tokenizer, loaded, settings)
    spare_memory(loaded, sample, settings.batch_size)
    one = torch.from_numpy(space_of(task).numbers(training.targets[:1]))
    failure = f"{model}: cannot be trained on these texts"
    step = attempt(lambda: _step_seconds(loaded, sample, one, tokenizer, settings), failure)
    look = _look_seconds(loaded, sample[: _LOOKED if task.name == CAUSAL_LM else None], tokenizer)
    count = len(training)
    steps, looks = total_steps(count, settings), len(look_steps(count, settings))
    saves = len(saved_steps(count, settings))
    judged = 1 + (task.name == CAUSAL_LM) + saves * settings.selects  # a language model before training, too
    looked = (looks * count if settings.dynamics else 0) + n_eval * judged
    return TrainingForecast(
        starting=2 * loading + encoding * (count + n_eval),
        stepping=steps * step,
        looking=look * looked,
        saving=saves * _save_seconds(loaded, home),
        steps=steps,
        looks=looks if settings.dynamics else 0,
        saves=saves,
    )


def _sample(
    examples: Examples,
    tokenizer: PreTrainedTokenizerFast,
    model: PreTrainedModel,
    settings: TrainingSettings,
) -> tuple[list[TokenIds], float]:
    """Encoded rows drawn at random that have tokens, and the seconds that encoding one took."""
    drawn = examples.take(np.random.default_rng(0).permutation(len(examples))[:_SAMPLE])
    length = input_length(settings.max_length, tokenizer, model)
    began = time.perf_counter()
    encoded = encode_ids(tokenizer, drawn, length)
    spent = time.perf_counter() - began
    return [each for each in encoded if len(each) and is_learnt(each)], spent / max(len(drawn), 1)


def _step_seconds(
    model: PreTrainedModel,
    sample: Sequence[TokenIds],
    target: torch.Tensor,
    tokenizer: PreTrainedTokenizerFast,
    settings: TrainingSettings,
) -> float:
    """Mean seconds of a step, the first (which allocates) left out; on batches drawn as Trainer draws."""
    if not sample:
        return 0.0
    device, random = settings.torch_device(), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-9)
    size = min(settings.batch_size, len(sample))
    targets = target.repeat(size, *[1] * (target.ndim - 1)).to(device)

    def loss_of(places: Sequence[int]) -> torch.Tensor:
        some = [sample[each] for each in places]
        inputs = accepted_inputs(whole_model(model), collate(some, tokenizer, device))
        if task_of(model).name == CAUSAL_LM:
            return language_loss(model, inputs, token_labels(some, device=device), None, within=True)
        return task_of(model).losses(model(**inputs).logits.float(), targets).mean()

    def step() -> None:
        places = random.choice(len(sample), size, replace=False).tolist()
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.bf16()):
            loss = loss_of(places)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize()

    model.train()
    step()
    return _mean_seconds(step)


def _look_seconds(
    model: PreTrainedModel, sample: Sequence[TokenIds], tokenizer: PreTrainedTokenizerFast
) -> float:
    """Seconds of predicting one row."""
    began = time.perf_counter()
    logits(model, sample, tokenizer)
    return (time.perf_counter() - began) / max(len(sample), 1)


def _save_seconds(model: PreTrainedModel, home: Path) -> float:
    """Seconds of writing a checkpoint: the weights are written once, the optimizer's moments are as large.

    0 where it can't be written: a forecast stops no training, which looks at the disk itself.
    """
    try:
        with quiet(), scratch_beside(home / "forecast") as scratch:
            began = time.perf_counter()
            model.save_pretrained(scratch / "saved")
            return _STATE * (time.perf_counter() - began)
    except (OSError, SafetensorError):
        return 0.0


def _mean_seconds(work: Callable[[], None]) -> float:
    began, count = time.perf_counter(), 0
    while count == 0 or (count < _STEPS and time.perf_counter() - began < _SECONDS):
        work()
        count += 1
    return (time.perf_counter() - began) / count
