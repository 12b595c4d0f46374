"""The trainings of a workspace: the first, another one, and repetitions of it with other seeds."""

from __future__ import annotations

import math
import shutil
import tempfile
from dataclasses import asdict, fields, replace
from pathlib import Path

from backend.data.dataset import Split, load_split
from backend.errors import InputError
from backend.folder import Folder
from backend.manifest import Artifact, EarlierRun
from backend.model.dynamics import dynamics_key, has_run, record_runs, runs_artifact, write_run
from backend.model.fingerprint import fingerprint
from backend.model.origin import check_trainable, was_attached
from backend.model.recorded_checkpoints import record_checkpoints
from backend.model.recorded_limits import FROZEN
from backend.model.run_list import with_current
from backend.model.start_mark import START, start_mark
from backend.model.training import TrainingResult, train
from backend.model.training_settings import TrainingSettings
from backend.model.trial import Trial
from backend.progress import Progress, silent

_SEEDS = "training with other seeds"


def train_run(
    folder: Folder,
    settings: TrainingSettings,
    progress: Progress = silent,
    again: bool = False,
    trial: Trial | None = None,
) -> TrainingResult:
    """Fine-tune the workspace's model; record the checkpoints and the dynamics.

    The first run goes into ``checkpoints/``. With ``again`` a further one goes into ``runs/NUMBER/`` and
    becomes the one that is explained; the one before stays as it is. Nothing changes before the training is
    done; whenever it is killed, one of the two is in force as a whole. ``trial`` refuses a model, before it
    is trained, that can't be explained.
    """
    with folder.lock():
        check_trainable(folder, again)
        number = _number(folder)
        home = folder.checkpoints if number == 1 else folder.run(number) / "checkpoints"
        for left in (folder.run(number), home, folder.dynamics_of(number)):
            shutil.rmtree(left, ignore_errors=True)  # by a run that was killed before it was recorded
        home.parent.mkdir(parents=True, exist_ok=True)
        result = _fit(folder, home, load_split(folder, "eval"), settings, progress, trial)
        _record_run(folder, number, result, settings)
    return result


def use_run(folder: Folder, number: int) -> None:
    """Put another of the workspace's trainings in force as it was recorded, by one write of the manifest.

    `InputError` where there is none of that number, or its weights are not those that were recorded.
    """
    with folder.lock():
        manifest = folder.manifest()
        chosen = next((each for each in manifest.runs if each.number == number), None)
        if chosen is None:
            raise InputError(_no_other(folder, number))
        artifact = _as_recorded(folder, chosen)
        key = dynamics_key(
            manifest, folder.checkpoint_path(chosen.checkpoints[-1]), chosen.max_length
        )  # the tokenizer lies with the checkpoint
        found = {"checkpoints": artifact, "dynamics": _logged(folder, number, key)}
        artifacts = {name: each for name, each in {**manifest.artifacts, **found}.items() if each is not None}
        change = {
            "checkpoints": chosen.checkpoints,
            "max_length": chosen.max_length,
            "tokenizer": None,
            "runs": tuple(each for each in with_current(manifest) if each.number != number),
            "artifacts": artifacts,
        }
        folder.update(lambda known: known.model_copy(update=change))


def _as_recorded(folder: Folder, run: EarlierRun) -> Artifact:
    """The artifact of a training, with its number; `InputError` unless its weights are those of then."""
    if run.id is None:
        raise InputError(
            f"{folder.path}: training {run.number} was recorded by an earlier Firstword, without what it "
            "takes to use it again"
        )
    for each in run.checkpoints:
        path, known = folder.checkpoint_path(each), run.details["weights"][str(each.step)]["digest"]
        if fingerprint(path)["digest"] != known:
            raise InputError(
                f"{path}: weights changed or missing since training {run.number} was recorded; restore them"
            )
    details = {**run.details, "run": run.number}
    return Artifact(id=run.id, inputs=run.inputs, created=run.created, details=details)


def _no_other(folder: Folder, number: int) -> str:
    manifest = folder.manifest()
    there = ", ".join(str(each.number) for each in manifest.runs) or "none"
    if "checkpoints" in manifest.artifacts and manifest.run == number:
        return f"{folder.path}: training {number} is the one that is explained"
    return f"{folder.path}: no training {number}; beside the one that is explained: {there}"


def _logged(folder: Folder, number: int, key: str) -> Artifact | None:
    """The artifact of a training's log; None where none with this key are there."""
    if not folder.dynamics_of(number).is_dir():
        return None
    found = runs_artifact(folder, number, key)
    return found if found.details["seeds"] else None


def _number(folder: Folder) -> int:
    """Of the training to come, from 1."""
    return max((each.number for each in with_current(folder.manifest())), default=0) + 1


def _record_run(folder: Folder, number: int, result: TrainingResult, settings: TrainingSettings) -> None:
    """Write the log beside that of the run before; then one write of the manifest switches."""
    manifest, logged = folder.manifest(), None
    if result.dynamics:
        key = dynamics_key(manifest, result.checkpoints[-1].path, result.max_length)
        write_run(folder.dynamics_of(number), settings.seed, result.dynamics, key)
        logged = runs_artifact(folder, number, key)
    record_checkpoints(
        folder,
        result.checkpoints,
        inside=True,
        task=manifest.task,
        max_length=result.max_length,
        runs=with_current(manifest),
        dynamics=logged,
        run=number,
        details={
            **{f"eval_{each.name}": each.value for each in result.measured if math.isfinite(each.value)},
            **{f"before_{each.name}": each.value for each in result.before if math.isfinite(each.value)},
            "cut": result.cut,
            "unlearnt": result.unlearnt,
            **({FROZEN: True} if settings.rank is not None else {}),
            **({"eval_doubt": result.doubt} if result.doubt else {}),
            "eval_counts": result.figures.counts() if result.figures else None,
            "steps": result.steps,
            "seconds": round(result.seconds, 1),
            "settings": asdict(settings),
            START: start_mark(manifest.model, settings),
        },
    )


def train_seeds(folder: Folder, count: int, progress: Progress = silent) -> list[int]:
    """Repeat the workspace's training until the dynamics of ``count`` seeds are there; returns the seeds.

    Only the log is kept. The first seed is that of the training itself; what is there already stays, so
    a stopped call goes on where it was. `InputError` where no training settings are recorded.
    """
    if count < 1:
        raise InputError(f"--seeds {count}: must be at least 1")
    with folder.lock():
        folder.require("checkpoints", "train")
        settings = recorded_settings(folder)
        if settings is None:
            why = "attached" if was_attached(folder) else "trained before settings were recorded"
            raise InputError(
                f"{folder.path}: its model was {why}, so there is no training to repeat; "
                "scores use what its checkpoints say"
            )
        manifest = folder.manifest()
        key = dynamics_key(manifest, folder.tokenizer_path(manifest), manifest.max_length)
        seeds = [(settings.seed + number) % 2**32 for number in range(count)]
        progress(_SEEDS, 0, count)
        for done, seed in enumerate(seeds, start=1):
            if not has_run(folder.dynamics, seed, key):
                _train_seed(folder, replace(settings, seed=seed), key, progress)
            progress(_SEEDS, done, count)
        record_runs(folder, key)
    return seeds


def recorded_settings(folder: Folder) -> TrainingSettings | None:
    """The settings of the workspace's own training; None for an attached run, or before any."""
    artifact = folder.manifest().artifacts.get("checkpoints")
    recorded = artifact.details.get("settings") if artifact else None
    if recorded is None:
        return None
    known = {field.name for field in fields(TrainingSettings)}
    return TrainingSettings(**{name: value for name, value in recorded.items() if name in known})


def _train_seed(folder: Folder, settings: TrainingSettings, key: str, progress: Progress) -> None:
    """Train once more, for the log alone."""
    with tempfile.TemporaryDirectory(prefix=".run.", suffix=".tmp", dir=folder.path) as scratch:
        once = replace(settings, dynamics=True, checkpoints=1)
        # Where the best is chosen, the rows that chose it are needed again.
        evaluation = load_split(folder, "eval") if settings.selects else None
        result = _fit(folder, Path(scratch) / "run", evaluation, once, progress)
    if result.dynamics:
        write_run(folder.dynamics, settings.seed, result.dynamics, key)
        record_runs(folder, key)


def _fit(
    folder: Folder,
    run: Path,
    evaluation: Split | None,
    settings: TrainingSettings,
    progress: Progress,
    trial: Trial | None = None,
) -> TrainingResult:
    manifest = folder.manifest()
    return train(
        run,
        model=manifest.model.name,
        layers=manifest.model.layers,
        task=manifest.task,
        training=load_split(folder, "train").examples,
        evaluation=evaluation.examples if evaluation else None,
        settings=settings,
        trial=trial,
        progress=progress,
    )
