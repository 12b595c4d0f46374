"""The plan of a workspace's training, the settings that come of it, and how long they will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backend.data.dataset import load_split
from backend.data.targets.registry import kind_of, space_of
from backend.errors import InputError
from backend.folder import Folder
from backend.model.figures import Figures, has_hardly_learnt
from backend.model.language_plan import MAX_LENGTH, RANK, make_language_plan
from backend.model.origin import was_attached
from backend.model.prediction_table import read_predictions
from backend.model.training_plan import TrainingPlan, make_plan
from backend.program import COMMAND
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_named
from backend.tasks.task import Figure

if TYPE_CHECKING:  # a plan must not wait for torch
    from backend.model.training_forecast import TrainingForecast
    from backend.model.training_settings import TrainingSettings


def plan_run(folder: Folder, given: Mapping[str, Any]) -> TrainingPlan:
    """How to train on the workspace's rows; ``given`` values win (see `backend.model.training_plan`)."""
    manifest = folder.manifest()
    if manifest.task.name == CAUSAL_LM:
        return make_language_plan(manifest.data.n_train, manifest.model.name, _rank(given), given)
    classes = manifest.task.name == "classification"
    counts = Counter(load_split(folder, "train").labels) if classes else Counter[str]()
    return make_plan(
        manifest.data.n_train,
        len(manifest.classes) or _STEPS_OF_NUMBERS,
        manifest.model.name,
        manifest.model.layers,
        smallest_class=min(counts.values(), default=None),
        largest_class=max(counts.values(), default=None),
        given=given,
        kind=kind_of(manifest.task.name).named or "numbers",
    )


_STEPS_OF_NUMBERS = 20  # a number wants as many steps as so many classes


def _rank(given: Mapping[str, Any]) -> int | None:
    """Of the adapter that is trained; ``given`` may say ``lora``, False for all weights, or the ``rank``."""
    if given.get("lora") is False:
        if given.get("rank") is not None:
            raise InputError("--full trains all weights, --rank is of an adapter: give one of the two")
        return None
    rank = given.get("rank")
    return RANK if rank is None else int(rank)


def planned_settings(folder: Folder, given: Mapping[str, Any]) -> tuple[TrainingSettings, TrainingPlan]:
    """The settings of a training: what is given (None: not), else as planned, else the defaults."""
    from backend.model.training_settings import TrainingSettings

    plan = plan_run(folder, given)
    chosen = {name: value for name, value in given.items() if value is not None}
    if (length := folder.manifest().max_length) is not None:
        chosen.setdefault("max_length", length)
    task = folder.manifest().task.name
    lora = chosen.pop("lora", None)
    if task == CAUSAL_LM:
        _refuse_classes_only(chosen)
        chosen["rank"] = _rank(given)
        chosen.setdefault("max_length", MAX_LENGTH)
    elif lora is not None or "rank" in chosen:
        raise InputError("--lora, --full and --rank are for language models (--task causal-lm)")
    elif task != "classification":
        _refuse_classes_only(chosen)
        chosen["dynamics"] = False  # no score of these tasks reads it
    return TrainingSettings(**{**plan.settings(), **chosen}), plan


def _refuse_classes_only(chosen: Mapping[str, Any]) -> None:
    for name in ("class_weights", "balanced_batches"):
        if chosen.get(name):
            raise InputError(f"--{name.replace('_', '-')}: for one class out of several only")


def forecast_run(folder: Folder, settings: TrainingSettings) -> TrainingForecast:
    """How long `train_run` would take here, by a few real steps; nothing is kept."""
    from backend.model.training_forecast import forecast_training

    manifest = folder.manifest()
    return forecast_training(
        model=manifest.model.name,
        layers=manifest.model.layers,
        task=manifest.task,
        training=load_split(folder, "train").examples,
        n_eval=manifest.data.n_eval,
        settings=settings,
        home=folder.path,
    )


@dataclass(frozen=True)
class HardlyLearnt:
    """``reason``: why the model's answers mean nothing; ``advice``, ``command``: what to do."""

    reason: str
    advice: str
    command: str | None


def figures_of_training(folder: Folder) -> Figures | None:
    """Those on eval at the end of the training of the workspace's model; None where none are recorded."""
    manifest = folder.manifest()
    artifact = manifest.artifacts.get("checkpoints")
    counts = artifact.details.get("eval_counts") if artifact else None
    try:
        return None if counts is None else Figures.of_counts(counts, manifest.classes)
    except (TypeError, ValueError, IndexError):  # a manifest that somebody changed
        return None


def judged(folder: Folder, figures: Figures) -> HardlyLearnt | None:
    """What to do about a workspace's model that has hardly learnt; None where it has."""
    reason = has_hardly_learnt(figures)
    if reason is None:
        return None
    if was_attached(folder):
        return _other_run(reason)
    return _train_again(folder, reason, drowned=bool(figures.never_predicted) and figures.majority > _UNEVEN)


def doubted(folder: Folder) -> HardlyLearnt | None:
    """The same of a task without classes, by its stored predictions or the end of its training."""
    manifest = folder.manifest()
    if folder.state("predictions") == "current":
        found = read_predictions(folder, "eval", manifest.checkpoints[-1].step)
        targets = found.table["label"].to_pylist()
        reason = task_named(manifest.task.name).doubt(space_of(manifest.task), found.outputs, targets)
    else:
        artifact = manifest.artifacts.get("checkpoints")
        reason = artifact.details.get("eval_doubt") if artifact else None
    if reason is None:
        return None
    return _other_run(reason) if was_attached(folder) else _train_again(folder, reason, drowned=False)


def measured_in_training(folder: Folder) -> list[Figure] | None:
    """The task's figures on eval at the end of the training; None where none are recorded."""
    manifest = folder.manifest()
    artifact = manifest.artifacts.get("checkpoints")
    details = artifact.details if artifact else {}
    found = [
        Figure(name, title, float(value), better)
        for name, title, better in task_named(manifest.task.name).figure_names
        if isinstance(value := details.get(f"eval_{name}"), int | float)
    ]
    return found or None


def _train_again(folder: Folder, reason: str, drowned: bool) -> HardlyLearnt:
    used = folder.manifest().artifacts["checkpoints"].details.get("settings") or {}
    plan = plan_run(folder, {"batch_size": used.get("batch_size")})
    more = " --balanced-batches" if drowned else ""
    command = f"{COMMAND} train {folder.path} --again"
    if used.get("lr", 0.0) > _TOO_FAST * plan.lr:  # the rate, which is planned again where none is given
        advice = (
            f"train it again at the planned rate of {plan.lr:g}, not {used['lr']:g}, before you look further"
        )
        return HardlyLearnt(reason, advice, command + more)
    return HardlyLearnt(
        reason, "train it again before you look further", f"{command}{_longer(used, plan)}{more}"
    )


def _other_run(reason: str) -> HardlyLearnt:
    return HardlyLearnt(
        reason, "attach a run that was trained longer or at a higher learning rate in a new workspace", None
    )


_TOO_FAST = 10  # times the planned rate
_UNEVEN = 0.6  # share of the largest class above which small ones may have been drowned


def _longer(used: Mapping[str, Any], plan: TrainingPlan) -> str:
    """Twice the epochs, where the run with these settings was already as long as planned."""
    if not {"epochs", "lr"} <= used.keys() or used["epochs"] * used["lr"] < 0.7 * plan.epochs * plan.lr:
        return ""
    return f" --epochs {2 * used['epochs']:g}"
