"""Giving a workspace the checkpoints of somebody else's run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from backend.data.dataset import Split, load_split
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.files import replacing
from backend.folder import Folder
from backend.manifest import TRAINED_ON, Artifact, Manifest, ModelInfo, TaskInfo
from backend.model.chat_template import asks_the_day
from backend.model.checkpoints import FoundCheckpoint, RunFound, check_usable, find_run, match_task
from backend.model.frozen import embeddings_frozen
from backend.model.kept_adapters import forget_others, in_place, kept_adapters, require_one_base
from backend.model.loading import input_length, load_tokenizer
from backend.model.recorded_checkpoints import record_checkpoints
from backend.model.recorded_limits import BASE, FROZEN, frozen_note
from backend.model.run_check import (
    RunCheck,
    affordable_rows,
    as_option,
    check_run,
    drawn_by_class,
    drawn_rows,
    few_rows,
    lengths_that_cut,
    plain_check,
    predictor,
)
from backend.model.run_loss import length_of_run, loss_of_run, of_answers
from backend.model.schedules import GivenSchedule
from backend.model.source import resolve
from backend.model.tokenization import encode_ids
from backend.model.trial import Trial
from backend.tasks.heads import CAUSAL_LM

_TRIED = 200  # rows, of which the trial takes a few


def attach_run(
    folder: Folder,
    run: Path,
    *,
    classes: Sequence[str] | None = None,
    max_length: int | None = None,
    tokenizer: str | None = None,
    base: str | None = None,
    loss: str | None = None,
    count: int = 4,
    given: GivenSchedule | None = None,
    trial: Trial | None = None,
) -> list[str]:
    """Record the checkpoints of an existing Trainer run; returns notes for the user.

    The same run can be attached again, with more or other checkpoints of it: what was computed from those
    that stay is kept.

    ``classes`` names the run's classes in model order, ``tokenizer`` (folder or hub id) is for a run
    that has none, ``base`` (folder or hub id) the model that its adapters belong to, where it is not where
    they say, ``loss`` which tokens of a language model's rows were learnt (`backend.model.run_loss`),
    ``given`` are learning rates that it does not say. ``trial`` refuses a model that can't be
    explained. `InputError` if the run does not fit the data.
    """
    if count < 1:
        raise InputError(f"--checkpoints {count}: must be at least 1")
    with folder.lock():
        manifest = folder.manifest()
        known = manifest.artifacts.get("checkpoints")
        other = known is not None and manifest.model.name != str(run.resolve())
        _require_room(folder, manifest, run, other)
        found = find_run(run, count, given, base)
        task, notes = match_task(run, found, manifest.task, classes)
        if task.name == CAUSAL_LM:
            counted, more = loss_of_run(run, manifest, loss)
            task, notes = task.model_copy(update={"loss": counted}), [*notes, *more]
        elif loss is not None:
            raise InputError(f"--loss: for language models; this workspace is of task {task.name}")
        fast = _tokenizer(found, run, tokenizer)
        if task.name == CAUSAL_LM and asks_the_day(fast):
            task, of_day = _on_its_day(task, found)
            notes = [*notes, of_day]
        lengths = (max_length, manifest.max_length, found.max_length, length_of_run(run))
        length = next((each for each in lengths if each is not None), None)
        train, evaluation = (_read_as(task, load_split(folder, each)) for each in ("train", "eval"))
        with _loadable(folder, found, task) as checkpoints:
            model = _usable(evaluation, checkpoints[-1].path, fast, task, length)
            checked = _checked((train, evaluation), found, model, fast, task, length)
            if classes is None:
                _require_order(checked, task, run)
            if trial is not None:
                some = train.examples.part(0, _TRIED)
                trial(model, fast, encode_ids(fast, some, input_length(length, fast, model)), str(run))
            frozen = embeddings_frozen([each.path for each in checkpoints], model)
        with replacing(folder.path / "tokenizer") as copy:
            fast.save_pretrained(copy)
        kept = (
            found.checkpoints
            if found.base is None
            else in_place(folder.path, found.checkpoints, found.base, task)
        )
        record_checkpoints(
            folder,
            kept,
            inside=False,
            task=task,
            max_length=length,
            tokenizer="tokenizer",
            model=ModelInfo(name=str(run.resolve())),
            details={
                "check": checked.record,
                "etas": {str(each.step): each.derived for each in found.checkpoints},
                **({} if found.base is None else {BASE: found.base}),
                **({} if frozen is None else {FROZEN: frozen}),
                **({} if known is None or other else _kept(known)),
            },
        )
        if found.base is not None:
            forget_others(folder.path, kept)
    said = of_answers(fast, train.examples)
    said += [frozen_note([each.step for each in kept])] if frozen else []
    if frozen is None:
        said += ["Whether the word embeddings were trained can't be told from one checkpoint."]
    return [*found.notes, *notes, *said, f"{checked.said[:1].upper()}{checked.said[1:]}."]


def _on_its_day(task: TaskInfo, found: RunFound) -> tuple[TaskInfo, str]:
    """With the day on which the run was, as its files say, for a chat template that writes it."""
    written = min(each.path.stat().st_mtime for each in found.checkpoints)
    day = date.fromtimestamp(written).isoformat()
    said = f"The chat template writes the date: taken is {day}, when the run's first checkpoint was written."
    return task.model_copy(update={"day": day}), said


def _read_as(task: TaskInfo, split: Split) -> Split:
    return Split(split.name, split.table, split.info, task)


def _require_room(folder: Folder, manifest: Manifest, run: Path, other: bool) -> None:
    """`InputError` where the workspace's checkpoints are those of a training, or of an ``other`` run."""
    if other and Path(manifest.model.name) in run.resolve().parents:
        raise InputError(
            f"{run}: a part of the run that is attached, {manifest.model.name}; give that folder, "
            "--checkpoints says how many are used"
        )
    if folder.checkpoints.exists() or (other and "rows" in manifest.artifacts):
        raise InputError(
            f"{folder.path}: has checkpoints of another run; another model needs a new workspace (init)"
        )


def _require_order(checked: RunCheck, task: TaskInfo, run: Path) -> None:
    """`InputError` where another order of the classes than the one assumed is certainly better."""
    if checked.wrong_order:
        insisting = (
            "" if checked.order is None else f"; --classes {as_option(task.classes)} insists on this order"
        )
        raise InputError(f"{run}: {checked.said}{insisting}")


@contextmanager
def _loadable(folder: Folder, found: RunFound, task: TaskInfo) -> Iterator[list[FoundCheckpoint]]:
    """The checkpoints as they can be loaded: where they are, or as copies if they are adapters."""
    if found.base is None:
        yield found.checkpoints
        return
    require_one_base(found.checkpoints)
    with kept_adapters(folder.path, found.checkpoints, found.base, task) as copies:
        yield copies


def _tokenizer(found: RunFound, run: Path, given: str | None) -> PreTrainedTokenizerFast:
    """The given one, or the run's own; `InputError` without any."""
    source = resolve(given) if given else found.tokenizer_source
    if source is None:
        raise InputError(f"{run}: has no tokenizer; name it with --tokenizer FOLDER_OR_HUB_ID")
    return load_tokenizer(source)


def _usable(
    evaluation: Split,
    last: Path,
    tokenizer: PreTrainedTokenizerFast,
    task: TaskInfo,
    length: int | None,
) -> PreTrainedModel:
    """The run's last checkpoint, tried on an eval row."""
    outputs = len(space_of(task).names)
    return check_usable(last, tokenizer, length, evaluation.take([0]), outputs)


def _checked(
    splits: tuple[Split, Split],
    found: RunFound,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    task: TaskInfo,
    wanted: int | None,
) -> RunCheck:
    """The run's last checkpoint on a sample of the training and eval rows: on few where nothing is odd."""
    length = input_length(wanted, tokenizer, model)
    few = encode_ids(tokenizer, splits[0].examples.part(0, 100), length)
    most = affordable_rows(model, sum(map(len, few)) // max(len(few), 1))
    ask = predictor(model, tokenizer)

    def checked(most: int) -> RunCheck:
        if task.name != "classification":
            return plain_check(ask, drawn_rows(splits[1], task, most), task, found.evaluation, length)
        train, evaluation = drawn_by_class(splits[0], task, most), drawn_rows(splits[1], task, most)
        shorter = (
            (lambda: lengths_that_cut(tokenizer, evaluation, length)) if wanted is None else (lambda: ())
        )
        return check_run(ask, train, evaluation, task.classes, found.evaluation, length, shorter)

    first = checked(min(most, few_rows(len(task.classes))))
    return first if first.is_enough else checked(most)


def _kept(known: Artifact) -> dict[str, Any]:
    """Facts about checkpoints that stay when their run is attached again, with more of them."""
    return {name: value for name, value in known.details.items() if name == TRAINED_ON}
