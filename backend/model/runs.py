"""Giving a workspace its checkpoints: a training of its own, or the run of somebody else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.dataset import Split, load_split
from backend.errors import InputError
from backend.files import digest, replacing
from backend.folder import Artifact, CheckpointInfo, EarlierRun, Folder, ModelInfo
from backend.model.checkpoints import FoundCheckpoint, RunFound, check_usable, find_run, match_classes
from backend.model.dynamics import dynamics_key, has_run, record_runs, run_path, write_run
from backend.model.fingerprint import fingerprint
from backend.model.loading import input_length, load_tokenizer
from backend.model.origin import check_trainable, was_attached
from backend.model.run_check import (
    RunCheck,
    affordable_rows,
    as_option,
    check_run,
    drawn_by_class,
    drawn_rows,
    lengths_that_cut,
    predictor,
)
from backend.model.source import resolve
from backend.model.token_table import tokenizer_id
from backend.model.tokenization import encode_ids
from backend.model.training import TrainingResult, train
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, silent

_SEEDS = "training with other seeds"


def train_run(
    folder: Folder, settings: TrainingSettings, progress: Progress = silent, again: bool = False
) -> TrainingResult:
    """Fine-tune the workspace's model; record the checkpoints and the dynamics.

    The first run goes into ``checkpoints/``. With ``again`` a further one goes into ``runs/NUMBER/`` and
    becomes the one that is explained; the one before stays as it is, its logits move to ``runs/``. Nothing
    changes before the training is done.
    """
    with folder.lock():
        check_trainable(folder, again)
        manifest = folder.manifest()
        known = manifest.artifacts.get("checkpoints")
        number = len(manifest.runs) + 1 if known is None else len(manifest.runs) + 2
        home = folder.checkpoints if number == 1 else folder.run(number) / "checkpoints"
        if home.exists():  # of a run that was killed before it was recorded
            shutil.rmtree(home)
        if known is None:
            shutil.rmtree(folder.dynamics, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        result = _fit(folder, home, load_split(folder, "eval"), settings, progress)
        _record_run(folder, result, settings, known)
    return result


def _record_run(
    folder: Folder, result: TrainingResult, settings: TrainingSettings, known: Artifact | None
) -> None:
    """Put logits and checkpoints of a run in force; those of the run before, ``known``, are kept aside."""
    manifest = folder.manifest()
    key = dynamics_key(manifest, result.checkpoints[-1].path, result.max_length)
    earlier = manifest.runs
    if known is not None:
        details = {name: value for name, value in known.details.items() if name != "weights"}
        number = len(earlier) + 1
        before = EarlierRun(
            number=number, created=known.created, checkpoints=manifest.checkpoints, details=details
        )
        earlier = (*earlier, before)
        aside = folder.run(number) / "dynamics"
        if folder.dynamics.exists() and not aside.exists():
            aside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder.dynamics, aside)
    if result.dynamics:
        for other in folder.dynamics.glob("run-*.safetensors"):
            if other != run_path(folder, settings.seed):
                other.unlink()
        write_run(folder, settings.seed, result.dynamics, key)
    _record(
        folder,
        result.checkpoints,
        inside=True,
        classes=manifest.classes,
        max_length=result.max_length,
        runs=earlier,
        eval_accuracy=result.eval_accuracy,
        eval_macro_f1=result.figures.macro_f1 if result.figures else None,
        steps=result.steps,
        seconds=round(result.seconds, 1),
        settings=asdict(settings),
    )
    if result.dynamics:
        record_runs(folder, key)
    elif known is not None:
        folder.forget("dynamics")
        shutil.rmtree(folder.dynamics, ignore_errors=True)


def list_runs(folder: Folder) -> list[dict[str, Any]]:
    """All trainings, the newest last, ready for JSON: settings, figures on eval, where they lie."""
    manifest = folder.manifest()
    found = [(each.number, each.created, each.checkpoints, each.details) for each in manifest.runs]
    if artifact := manifest.artifacts.get("checkpoints"):
        found.append((len(found) + 1, artifact.created, manifest.checkpoints, artifact.details))
    return [
        {
            "number": number,
            "created": created,
            "current": place == len(manifest.runs),
            **{name: (details.get("settings") or {}).get(name) for name in ("epochs", "lr", "batch_size")},
            "settings": details.get("settings"),
            "steps": checkpoints[-1].step,
            "accuracy": details.get("eval_accuracy"),
            "macro_f1": details.get("eval_macro_f1"),
            "folder": str(Path(checkpoints[-1].path).parent),
        }
        for place, (number, created, checkpoints, details) in enumerate(found)
    ]


def train_seeds(folder: Folder, count: int, progress: Progress = silent) -> list[int]:
    """Repeat the workspace's training until the dynamics of ``count`` seeds are there; returns the seeds.

    Only the logits are kept. The first seed is that of the training itself; what is there already stays, so
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
                "scores use the logits at its checkpoints"
            )
        manifest = folder.manifest()
        key = dynamics_key(manifest, folder.tokenizer_path(manifest), manifest.max_length)
        seeds = [(settings.seed + number) % 2**32 for number in range(count)]
        progress(_SEEDS, 0, count)
        for done, seed in enumerate(seeds, start=1):
            if not has_run(folder, seed, key):
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
    """Train once more, for the logits alone."""
    with tempfile.TemporaryDirectory(prefix=".run.", suffix=".tmp", dir=folder.path) as scratch:
        once = replace(settings, dynamics=True, checkpoints=1)
        # Where the best is chosen, the rows that chose it are needed again.
        evaluation = load_split(folder, "eval") if settings.selects else None
        result = _fit(folder, Path(scratch) / "run", evaluation, once, progress)
    if result.dynamics:
        write_run(folder, settings.seed, result.dynamics, key)
        record_runs(folder, key)


def _fit(
    folder: Folder, run: Path, evaluation: Split | None, settings: TrainingSettings, progress: Progress
) -> TrainingResult:
    manifest, training = folder.manifest(), load_split(folder, "train")
    return train(
        run,
        model=manifest.model.name,
        layers=manifest.model.layers,
        classes=manifest.classes,
        train_texts=training.texts,
        train_texts_b=training.texts_b,
        train_labels=training.labels,
        eval_texts=evaluation.texts if evaluation else (),
        eval_texts_b=evaluation.texts_b if evaluation else None,
        eval_labels=evaluation.labels if evaluation else (),
        settings=settings,
        progress=progress,
    )


def attach_run(
    folder: Folder,
    run: Path,
    *,
    classes: Sequence[str] | None = None,
    max_length: int | None = None,
    tokenizer: str | None = None,
    count: int = 4,
) -> list[str]:
    """Record the checkpoints of an existing Trainer run; returns notes for the user.

    The same run can be attached again, with more or other checkpoints of it: what was computed from those
    that stay is kept.

    ``classes`` names the run's classes in model order, ``tokenizer`` (folder or hub id) is for a run
    that has none. `InputError` if the run does not fit the data.
    """
    if count < 1:
        raise InputError(f"--checkpoints {count}: must be at least 1")
    with folder.lock():
        manifest = folder.manifest()
        known = manifest.artifacts.get("checkpoints")
        other = known is not None and manifest.model.name != str(run.resolve())
        if folder.checkpoints.exists() or (other and "rows" in manifest.artifacts):
            raise InputError(
                f"{folder.path}: has checkpoints of another run; another model needs a new workspace (init)"
            )
        found = find_run(run, count)
        names, notes = match_classes(found, manifest.classes, classes)
        source = resolve(tokenizer) if tokenizer else found.tokenizer_source
        if source is None:
            raise InputError(f"{run}: has no tokenizer; name it with --tokenizer FOLDER_OR_HUB_ID")
        fast = load_tokenizer(source)
        length = next(
            (each for each in (max_length, manifest.max_length) if each is not None), found.max_length
        )
        evaluation = load_split(folder, "eval")
        model = check_usable(
            found.checkpoints[-1].path,
            fast,
            length,
            evaluation.texts[0],
            evaluation.texts_b[0] if evaluation.texts_b else None,
            len(names),
        )
        checked = _checked(folder, found, model, fast, names, length)
        if checked.wrong_order and classes is None:
            insisting = (
                "" if checked.order is None else f"; --classes {as_option(names)} insists on this order"
            )
            raise InputError(f"{run}: {checked.said}{insisting}")
        with replacing(folder.path / "tokenizer") as copy:
            fast.save_pretrained(copy)
        _record(
            folder,
            found.checkpoints,
            inside=False,
            classes=names,
            max_length=length,
            tokenizer="tokenizer",
            model=ModelInfo(name=str(run.resolve())),
            check=checked.record,
            **({} if known is None or other else _kept(known)),
        )
    return [*found.notes, *notes, f"{checked.said[:1].upper()}{checked.said[1:]}."]


def _checked(
    folder: Folder,
    found: RunFound,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    classes: Sequence[str],
    wanted: int | None,
) -> RunCheck:
    """The run's last checkpoint on a sample of the workspace's rows."""
    length = input_length(wanted, tokenizer, model)
    splits = [load_split(folder, name) for name in ("train", "eval")]
    few = encode_ids(tokenizer, splits[0].texts[:100], (splits[0].texts_b or [])[:100] or None, length)
    most = affordable_rows(model, sum(map(len, few)) // max(len(few), 1))
    train, evaluation = drawn_by_class(splits[0], classes, most), drawn_rows(splits[1], classes, most)
    ask = predictor(model, tokenizer)
    shorter = (lambda: lengths_that_cut(tokenizer, evaluation, length)) if wanted is None else (lambda: ())
    return check_run(ask, train, evaluation, classes, found.evaluation, length, shorter)


def _kept(known: Artifact) -> dict[str, Any]:
    """Facts about checkpoints that stay when their run is attached again, with more of them."""
    return {name: value for name, value in known.details.items() if name == "trained_on"}


def _record(
    folder: Folder,
    found: Sequence[FoundCheckpoint],
    *,
    inside: bool,
    classes: Sequence[str],
    max_length: int | None,
    tokenizer: str | None = None,
    model: ModelInfo | None = None,
    runs: Sequence[EarlierRun] = (),
    **details: Any,
) -> None:
    """Write the checkpoints into the manifest and record the artifact; ``inside`` the workspace or not."""
    home = folder.path.resolve()
    checkpoints = [
        CheckpointInfo(
            path=(each.path.resolve().relative_to(home) if inside else each.path.resolve()).as_posix(),
            step=each.step,
            epoch=each.epoch,
            weight=each.weight,
        )
        for each in found
    ]
    weights = {str(each.step): fingerprint(folder.checkpoint_path(each)) for each in checkpoints}
    change: dict[str, Any] = {
        "classes": tuple(classes),
        "checkpoints": tuple(checkpoints),
        "max_length": max_length,
        "tokenizer": tokenizer,
        "runs": tuple(runs),
    }
    if model is not None:
        change["model"] = model
    etas = [(each.step, each.weight, weights[str(each.step)]["digest"]) for each in checkpoints]
    rules = tokenizer_id(load_tokenizer(home / tokenizer if tokenizer else found[-1].path))
    folder.record(
        "checkpoints",
        ("data",),
        id=digest("checkpoints", etas, tuple(classes), max_length, rules),
        change=change,
        weights=weights,
        made_by="train" if inside else "attach",
        **details,
    )
