"""How to fine-tune a model on so many rows and classes, before anything is loaded; and whether that will do.

Imports neither torch nor transformers, so that a form and a refusal can ask it at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backend.model.config_file import read_config, width_of

_RATE, _WIDTH = 3e-4, 384  # of MiniLM; as usual for so small a model (docs/decisions.md, D-101)
_NARROWER = 2.5  # the rate falls with the width to this power: 5e-5 at 768, 3e-5 at 1,024
_LOWEST, _HIGHEST = 1e-5, 2e-3
_STEPS, _STEPS_PER_CLASS = 250, 15
_MOST_EPOCHS, _LEAST_EPOCHS = 20, 2
_BATCHES = ((300, 8), (1000, 16))  # rows below which batches are that small
_BATCH = 32
_WARMUP = 0.06
_CHECKPOINTS = 4
_FEW_ROWS = 8  # of a class on average
_ENOUGH, _EASILY = 0.3, 30  # see `_least`
_UNEVEN = 10  # times as large as the smallest class


@dataclass(frozen=True)
class TrainingPlan:
    """What a training is to be like; ``reason`` says in one line why, ``warnings`` what will go wrong.

    ``steps``: batches in all, by the rows planned for.
    """

    epochs: float
    lr: float
    batch_size: int
    warmup: float
    checkpoints: int
    steps: int
    reason: str
    warnings: tuple[str, ...] = ()

    def settings(self) -> dict[str, Any]:
        """The fields of `TrainingSettings` that are planned."""
        names = ("epochs", "lr", "batch_size", "warmup", "checkpoints")
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)


def make_plan(
    n_rows: int,
    n_classes: int,
    model: str = "minilm",
    layers: int | None = None,
    *,
    smallest_class: int | None = None,
    largest_class: int | None = None,
    given: Mapping[str, Any] | None = None,
    kind: str = "classes",
) -> TrainingPlan:
    """Plan a fine-tuning of ``model`` (hub id, folder or ``minilm``) on ``n_rows`` rows of ``n_classes``.

    Args:
        layers: kept of the model. smallest_class, largest_class: rows of these, where known.
        given: values of `TrainingSettings` that somebody has chosen; they win, and None means not chosen.
        kind: what is told apart, "classes" or "labels"; or "numbers", which are learnt.
    """
    chosen = {name: value for name, value in (given or {}).items() if value is not None}
    width = width_of(read_config(model))
    if chosen.get("batch_size", 1) < 1:
        del chosen["batch_size"]  # `TrainingSettings` refuses it
    ideal = _planned(n_rows, n_classes, width, chosen.get("batch_size"))
    taken = {**ideal, **{name: chosen[name] for name in ideal if name in chosen}}
    steps = _steps(n_rows, taken)
    return TrainingPlan(
        **taken,
        steps=steps,
        reason=_reason(n_rows, _named(n_classes, kind), n_classes, width, ideal, steps, chosen),
        warnings=(
            *_too_little(n_rows, n_classes, kind, width, taken),
            *_too_much(taken, ideal),
            *(() if kind == "numbers" else _data(n_rows, n_classes, smallest_class, largest_class, chosen)),
        ),
    )


def _named(count: int, kind: str) -> str:
    """What is learnt, with its number."""
    return kind if kind == "numbers" else f"{count:,} {kind}"


def _planned(rows: int, classes: int, width: int | None, batch: int | None = None) -> dict[str, Any]:
    """The plan without anybody's wishes but the batch size, on which the number of epochs depends."""
    batch = batch or next((size for below, size in _BATCHES if rows < below), _BATCH)
    per_epoch = max(math.ceil(rows / batch), 1)
    wanted = math.ceil((_STEPS + _STEPS_PER_CLASS * classes) / per_epoch)
    return {
        "epochs": float(min(max(wanted, _LEAST_EPOCHS), _MOST_EPOCHS)),
        "lr": _rate(width),
        "batch_size": batch,
        "warmup": _WARMUP,
        "checkpoints": _CHECKPOINTS,
    }


def _rate(width: int | None) -> float:
    """Peak learning rate by the width of the hidden layers, to one digit; of unknown width as of 768."""
    rate = _RATE * (_WIDTH / (width or 768)) ** _NARROWER
    return float(f"{min(max(rate, _LOWEST), _HIGHEST):.0e}")


def _steps(rows: int, values: Mapping[str, Any]) -> int:
    return math.ceil(values["epochs"] * math.ceil(rows / values["batch_size"]))


def _reason(
    rows: int,
    what: str,
    classes: int,
    width: int | None,
    ideal: Mapping[str, Any],
    steps: int,
    chosen: Mapping[str, Any],
) -> str:
    wide = f"a model {width:,} wide" if width else "a model of unknown width"
    wanted = _STEPS + _STEPS_PER_CLASS * classes
    line = (
        f"{what} want about {wanted:,} steps; {ideal['epochs']:g} epochs of {rows:,} rows in "
        f"batches of {ideal['batch_size']} are {_steps(rows, ideal):,}; {wide} learns well at {ideal['lr']:g}"
    )
    own = [name for name in ("epochs", "lr", "batch_size", "warmup", "checkpoints") if name in chosen]
    return f"{line}; {', '.join(own)} as you asked, {steps:,} steps" if own else line


def _too_little(rows: int, classes: int, kind: str, width: int | None, taken: Mapping[str, Any]) -> list[str]:
    """Warn where other settings would do; that rows are too few for any is said by `_data`.

    Whoever does as it says is not warned again.
    """
    ideal, same_batches = (_planned(rows, classes, width, batch) for batch in (None, taken["batch_size"]))
    share, best = (_share(rows, classes, width, each) for each in (taken, ideal))
    enough = _ENOUGH if kind == "numbers" else _least(classes)
    least = min(enough, best)
    if share >= least:
        return []
    advised = same_batches if _share(rows, classes, width, same_batches) >= least else ideal
    batches = "" if advised is same_batches else f" with --batch-size {advised['batch_size']}"
    steps = _steps(rows, taken)
    return [
        f"this will hardly learn {_named(classes, kind)}: {steps:,} steps at {taken['lr']:g} are "
        f"{share:.0%} of what they want; about {advised['epochs']:g} epochs at {advised['lr']:g}{batches} "
        f"would do{'' if best >= enough else ' better'}"
    ]


def _share(rows: int, classes: int, width: int | None, values: Mapping[str, Any]) -> float:
    """Steps times rate, which is how far the weights can go, against those that so many classes want."""
    return _steps(rows, values) * values["lr"] / (_STEPS + _STEPS_PER_CLASS * classes) / _rate(width)


def _least(classes: int) -> float:
    """The share below which a model hardly learns; few classes need less (docs/decisions.md, D-103)."""
    return min(_ENOUGH, max(classes, 2) / _EASILY)


def _too_much(taken: Mapping[str, Any], ideal: Mapping[str, Any]) -> list[str]:
    if taken["lr"] <= 10 * ideal["lr"]:
        return []
    return [f"a learning rate of {taken['lr']:g} may well diverge; this model learns well at {ideal['lr']:g}"]


def _data(
    rows: int, classes: int, smallest: int | None, largest: int | None, chosen: Mapping[str, Any]
) -> list[str]:
    lines = []
    if rows / max(classes, 1) < _FEW_ROWS:
        lines.append(f"{rows / classes:.1f} rows a class are too few to learn much from, however trained")
    balanced = chosen.get("class_weights") or chosen.get("balanced_batches")
    if smallest and largest and largest >= _UNEVEN * smallest and not balanced:
        lines.append(
            f"the classes are uneven ({largest:,} rows to {smallest:,}): if small ones are never predicted, "
            "try --balanced-batches or --class-weights"
        )
    return lines
