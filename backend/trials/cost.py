"""What a trial costs before it starts: arms x seeds x the time of one training; loads no model.

One training is timed by what there is: an earlier trial here, the workspace's own training, or, where
neither says it, what `precompute` measured of a pass through the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.files import read_json
from backend.folder import Folder
from backend.progress import remaining

TRAINING_PASS = 1.5  # a step of training over a pass of precompute, which leaves out the weights' gradients
_TARGET_FIRST = "select"  # the one strategy whose first arm is not trained on all rows


@dataclass(frozen=True)
class TrialCost:
    """``arms``: what each trains on, over the training split; ``training``: seconds of one training on all of
    it, None where nothing says so; ``basis``: how that is known."""

    arms: dict[str, float]
    seeds: int
    training: float | None
    basis: str

    @property
    def seconds(self) -> float | None:
        """Of the whole trial, if nothing of it was trained before."""
        return None if self.training is None else self.training * self.seeds * sum(self.arms.values())

    def words(self) -> str:
        """4 arms x 3 seeds, a training about 50 s: together about 10 min (...)."""
        arms, seeds = len(self.arms), self.seeds
        count = f"{arms} arm{'s' * (arms != 1)} x {seeds} seed{'s' * (seeds != 1)}"
        if self.training is None or self.seconds is None:
            return f"{count}; how long a training takes here is not known yet"
        each, all_of_it = remaining(self.training), remaining(self.seconds)
        return f"{count}, a training about {each}: together about {all_of_it} ({self.basis})"

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "arms": list(self.arms),
            "seeds": self.seeds,
            "training_seconds": self.training,
            "seconds": self.seconds,
            "basis": self.basis,
        }


def trial_cost(folder: Folder, arms: Mapping[str, float], seeds: int, epochs: float | None) -> TrialCost:
    """The cost of training ``arms`` with ``seeds``; ``epochs`` None: as many as the original run."""
    details = folder.manifest().artifacts["checkpoints"].details
    own = (details.get("settings") or {}).get("epochs")
    planned = epochs or own
    for per_epoch, basis in (_of_trials(folder), _of_training(details, own), _of_passes(folder)):
        if per_epoch and planned:
            return TrialCost(dict(arms), seeds, round(per_epoch * planned, 1), basis)
    return TrialCost(dict(arms), seeds, None, "unknown")


def _of_trials(folder: Folder) -> tuple[float | None, str]:
    """Seconds an epoch of the newest trial's first arm."""
    basis = "as in the last trial here"
    for place in sorted(folder.retrains.glob("*/report.json"), reverse=True):
        report = read_json(place) or {}
        try:
            seconds, seeds = float(report["arms"][0]["seconds"]), len(report["seeds"])
            if report["strategy"] != _TARGET_FIRST and seconds > 0:
                return seconds / seeds / float(report["epochs"]), basis
        except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError):
            continue  # of an older form: it does not say so
    return None, basis


def _of_training(details: Mapping[str, Any], epochs: float | None) -> tuple[float | None, str]:
    seconds = details.get("seconds")
    return (seconds / epochs if seconds and epochs else None), "as the workspace's own training"


def _of_passes(folder: Folder) -> tuple[float | None, str]:
    manifest = folder.manifest()
    rows = manifest.artifacts.get("rows")
    details = rows.details if rows else {}
    rates = details.get("measured", {}).get("examples_per_second", {})
    rate = rates.get(f"{details.get('precision')} {details.get('attention')}")
    return (TRAINING_PASS * manifest.data.n_train / rate if rate else None), "estimated from precompute"
