"""The original run's settings and its model before training: what every retraining starts from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from backend.data.survey import usual_length
from backend.errors import InputError
from backend.files import read_json
from backend.folder import Folder
from backend.manifest import TRAINED_ON, ModelInfo
from backend.model.adapter_files import CONFIG
from backend.model.origin import was_attached
from backend.model.recorded_limits import BASE
from backend.model.runs import recorded_settings
from backend.model.start_mark import START, start_mark
from backend.model.trainer_log import STATE_FILE, TrainerLog, logs_ahead
from backend.model.training_settings import TrainingSettings
from backend.tasks.heads import CAUSAL_LM


@dataclass(frozen=True)
class Original:
    """``model`` before training, ``settings`` of the run; ``tokenizer`` where the model may lack one.

    ``notes`` say what of the settings is assumed. ``trained``: the model that came of it, where the very
    training could be made again here, so that it need not; ``seconds``: how long it took.
    """

    model: ModelInfo
    settings: TrainingSettings
    tokenizer: str | None = None
    notes: tuple[str, ...] = ()
    trained: Path | None = None
    seconds: float = 0.0


def original_run(folder: Folder, device: str = "auto", start_model: str | None = None) -> Original:
    """What the workspace's model was trained from and how.

    ``start_model`` (hub id, folder or ``minilm``) is needed for an attached run, whose start is not known
    unless its checkpoints are adapters: they name theirs. `InputError` without.
    """
    folder.require("checkpoints", "train")
    manifest = folder.manifest()
    attached = was_attached(folder)
    base = manifest.artifacts["checkpoints"].details.get(BASE)
    start_model = base if start_model is None else start_model
    if attached and start_model is None:
        raise InputError(
            f"{folder.path}: its run was attached, so the model that it started from is not known; "
            "name it with --start-model (hub id, folder or minilm)"
        )
    settings, notes = run_settings(folder)
    if base is not None and manifest.task.name == CAUSAL_LM:
        settings, said = _as_adapted(folder, settings)
        notes = (*notes, said)
    elif base is not None:
        notes = (*notes, "the run trained adapters; here all weights are trained, which is another training")
    model = manifest.model if start_model is None else ModelInfo(name=start_model)
    tokenizer = str(folder.tokenizer_path(manifest)) if attached else None
    here = replace(settings, device=device, checkpoints=1, dynamics=False)
    found = Original(model, here, tokenizer, notes)
    details = manifest.artifacts["checkpoints"].details
    mark = None if attached else details.get(START)
    if mark is None or TRAINED_ON in details or mark != start_mark(model, here):
        return found
    last = folder.checkpoint_path(manifest.checkpoints[-1])
    return replace(found, trained=last, seconds=float(details.get("seconds") or 0.0))


def _as_adapted(folder: Folder, settings: TrainingSettings) -> tuple[TrainingSettings, str]:
    """Settings by which an adapter of the attached run's rank is trained, and what may differ."""
    last = folder.checkpoint_path(folder.manifest().checkpoints[-1])
    rank = (read_json(last / CONFIG) or {}).get("r")
    if not isinstance(rank, int) or rank < 1:
        return settings, "the run trained adapters; here all weights are trained, which is another training"
    return replace(settings, rank=rank), (
        f"the run trained adapters of rank {rank}; here they lie beside all linear layers, scaled by 2, "
        "which may be another training"
    )


def run_settings(folder: Folder) -> tuple[TrainingSettings, tuple[str, ...]]:
    """The settings of the workspace's run, and notes on what is assumed where the run was attached.

    Of such a run its trainer_state.json says epochs, batch size and learning rate; ``training_args.bin``
    would say more, but is a pickle. All else is our default.
    """
    recorded = recorded_settings(folder)
    if recorded is not None:
        return recorded, ()
    manifest, default = folder.manifest(), TrainingSettings()
    state = _state(folder)
    last = folder.checkpoint_path(manifest.checkpoints[-1])
    found = _epochs_and_batch(state) | _rates(TrainerLog.read(state, logs_ahead(last)))
    settings = replace(default, max_length=manifest.max_length or usual_length(manifest.task.name), **found)
    named = {"epochs": "epochs", "batch_size": "batch size", "lr": "learning rate", "scheduler": "schedule"}
    named |= {"warmup": "warm-up", "optimizer": "optimizer", "weight_decay": "weight decay", "seed": "seed"}
    said = {name: f"{words} {getattr(settings, name)}" for name, words in named.items()}
    read = [said[name] for name in said if name in found]
    assumed = ", ".join(said[name] for name in said if name not in found)
    source = f"read from its {STATE_FILE}: {', '.join(read)}; " if read else ""
    notes = [f"the settings of the run are not all known; {source}assumed: {assumed}"]
    return settings, (*notes, *_odd_steps(state, settings.batch_size, manifest.data.n_train))


def _state(folder: Folder) -> dict[str, Any]:
    """What the last checkpoint's Trainer recorded, or the run folder's."""
    manifest = folder.manifest()
    places = [folder.checkpoint_path(manifest.checkpoints[-1]), Path(manifest.model.name)]
    return next((state for each in places if (state := read_json(each / STATE_FILE))), {})


def _epochs_and_batch(state: dict[str, Any]) -> dict[str, Any]:
    """Epochs that were trained, which are fewer than planned where the run was stopped."""
    found: dict[str, Any] = {}
    for name in ("epoch", "num_train_epochs"):
        if "epochs" not in found and _is_number(value := state.get(name), 10_000):
            found["epochs"] = float(value)
    batch = state.get("train_batch_size")
    if isinstance(batch, int) and _is_number(batch, 2**31):
        found["batch_size"] = batch
    return found


def _rates(log: TrainerLog) -> dict[str, Any]:
    """Peak learning rate, and what the logged ones show of the schedule."""
    steps, rates = [step for step, _ in log.knots()], [rate for _, rate in log.knots()]
    if not rates or not _is_number(peak := max(rates), 10):
        return {}
    if len(rates) > 1 and min(rates) == peak:
        return {"lr": peak, "scheduler": "constant", "warmup": 0.0}
    highest = rates.index(peak)
    if highest == 0 and len(rates) > 1:  # it falls from the first step on: so much it was then
        peak += (rates[0] - rates[1]) / (steps[1] - steps[0]) * (steps[0] - 1)
        return {"lr": min(peak, 10.0), "warmup": 0.0}
    if highest and log.max_steps:
        return {"lr": peak, "warmup": min(steps[highest] / log.max_steps, 1.0)}
    return {"lr": peak}


def _odd_steps(state: dict[str, Any], batch_size: int, rows: int) -> list[str]:
    """A note where the run made fewer or more steps than these rows and batches give."""
    steps, epochs = state.get("global_step"), state.get("epoch")
    if not (_is_number(steps, 2**53) and _is_number(epochs, 10_000)):
        return []
    made, expected = steps / epochs, math.ceil(rows / batch_size)
    if abs(made - expected) <= max(1, 0.1 * expected):
        return []
    return [
        f"the run made {made:.0f} steps an epoch, {rows:,} rows in batches of {batch_size} are {expected:,}: "
        "it accumulated gradients, ran on several devices or had other rows"
    ]


def _is_number(value: Any, most: float) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most
