"""The checkpoints of any Trainer run, made by anyone's script: where, when, with which weight.

Reads JSON and safetensors headers only, except `check_usable`, and learning rates from optimizer and
scheduler states, which are built as tensors and plain containers (`group_rates`). ``training_args.bin`` is
a pickle of objects: it is never opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.examples import Examples
from backend.data.messages import shown_value
from backend.errors import InputError
from backend.files import read_json
from backend.manifest import TaskInfo
from backend.model.adapter_files import adapter_defect, doubled, is_adapter, read_adapter
from backend.model.adapters import base_config, find_base
from backend.model.attempt import attempt
from backend.model.choice import choose
from backend.model.class_names import match_names
from backend.model.config_notes import GENERIC, config_notes, named_backwards
from backend.model.etas import find_etas
from backend.model.group_rates import OPTIMIZER
from backend.model.language_models import is_language_model
from backend.model.loading import embedding_layer, load_classifier, max_input_length
from backend.model.logged_evaluation import LoggedEvaluation, logged_evaluation
from backend.model.prediction import predict
from backend.model.python_tokenizers import python_tokenizer
from backend.model.run_folder import FOLDER, checkpoint_folders, require_run, said_of_single
from backend.model.schedules import GivenSchedule
from backend.model.sharded_weights import WEIGHTS, how_to_merge
from backend.model.tokenization import encode
from backend.model.trainer_log import STATE_FILE, TrainerLog, furthest_log
from backend.tasks.heads import CAUSAL_LM, SUFFIX, writes_text
from backend.tasks.registry import all_tasks, problem_of, task_named, task_of

_WEIGHTS, _INDEX = WEIGHTS
_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
)


@dataclass(frozen=True)
class FoundCheckpoint:
    """One checkpoint: ``weight`` is the mean learning rate of the interval of steps that it closes,
    ``loss`` the mean of the training losses logged there (None: none was), ``derived`` where the weight
    comes from (`Eta`)."""

    path: Path
    step: int
    epoch: float | None
    weight: float
    loss: float | None
    derived: str = "logged"


@dataclass(frozen=True)
class RunFound:
    """What a run's folder says; ``notes`` holds a sentence for all that was missing or assumed."""

    checkpoints: list[FoundCheckpoint]
    """The chosen ones, by step; the last is the model that is explained."""
    all_steps: list[int]
    """Steps of all usable checkpoints."""
    classes: list[str] | None
    """Class names in model order; None where the config has only LABEL_0, LABEL_1, ..."""
    num_labels: int
    problem: str | None
    """What its config says it was trained for, in transformers' words; None where it does not say."""
    writes: bool
    """Whether its model writes text: no head on a sequence was trained."""
    base: str | None
    """Folder or hub id of the model that the checkpoints are adapters of; None where they are whole."""
    max_length: int | None
    max_length_from: Path | None
    """The file that says the maximal length."""
    optimizer_state: bool
    """Whether every chosen checkpoint has an optimizer state beside it."""
    tokenizer_source: Path | None
    evaluation: LoggedEvaluation | None
    """What the run logged of the last checkpoint."""
    notes: list[str]


def find_run(
    run: Path, count: int = 4, given: GivenSchedule | None = None, base: str | None = None
) -> RunFound:
    """Read a Trainer output folder, or a single checkpoint folder, and choose ``count`` checkpoints.

    A checkpoint's weight is the mean learning rate of all steps since the previous chosen one
    (`find_etas`; ``given`` is what the user says of it). ``base``: where the model is that the checkpoints
    are adapters of, if not where they say. Raises `InputError` where there is no usable checkpoint or the
    model is no classifier.
    """
    notes: list[str] = []
    folders = _folders(run, notes)
    steps = sorted(folders)
    log = furthest_log(run, [folders[step] for step in steps], notes)
    losses = [log.mean_loss(a, b) for a, b in zip([0, *steps], steps, strict=False)]
    chosen = choose(steps, losses, count)
    last = folders[steps[-1]]
    adapted = _base(last, base)
    names, num_labels, problem = _labels(last) if adapted is None else _adapted_labels(last, adapted)
    notes += config_notes(read_json(last / "config.json") or {})
    tokenizer = _tokenizer(run, last, notes)
    max_length = _max_length(tokenizer, notes)
    if (run / _WEIGHTS).is_file() and last != run:
        notes.append(
            f"{run} also holds a saved model; the last checkpoint, {last.name}, is what is explained."
        )
    return RunFound(
        checkpoints=_weighted(folders, chosen, log, given, notes),
        all_steps=steps,
        classes=names,
        num_labels=num_labels,
        problem=problem,
        writes=_writes(last, adapted),
        base=adapted,
        max_length=max_length,
        max_length_from=tokenizer / "tokenizer.json" if tokenizer and max_length else None,
        optimizer_state=_has_optimizer_state([folders[step] for step in chosen], notes),
        tokenizer_source=tokenizer,
        evaluation=logged_evaluation(run, log, steps[-1]),
        notes=notes,
    )


def match_classes(
    run: RunFound, data_classes: Sequence[str], given: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """The data's class names in model order, and notes on what was assumed: see `match_names`."""
    return match_names(run.classes, run.num_labels, data_classes, given)


def match_task(
    path: Path, run: RunFound, task: TaskInfo, given: Sequence[str] | None
) -> tuple[TaskInfo, list[str]]:
    """The task with its classes in model order, and notes; `InputError` where the run does not fit.

    A run that does not say what it was trained for is taken as transformers takes it.
    """
    if run.writes or task.name == CAUSAL_LM:
        return _match_text(path, run, task, given), []
    wanted, found = task_named(task.name).problem_type, problem_of(run.problem, run.num_labels)
    if run.base is not None:  # nothing that PEFT writes says it
        found = wanted
    if found != wanted:
        meant = next(each.name for each in all_tasks().values() if each.problem_type == found)
        said = (
            f"was trained for {found}"
            if run.problem
            else f"does not say what it was trained for (no problem_type in config.json), which means {found}"
        )
        other = (
            f"create the workspace with --task {meant}"
            if run.problem
            else f'add "problem_type": "{wanted}" to config.json of its checkpoints if that is so'
        )
        raise InputError(f"{path}: {said}, and this workspace is of task {task.name}; {other}")
    if task_named(task.name).view == "number":
        if run.num_labels != 1:
            raise InputError(f"{path}: has {run.num_labels} outputs; such a task has one")
        if given is not None:
            raise InputError("--classes: numbers have none")
        return task, []
    names, notes = match_classes(run, task.classes, given)
    return TaskInfo(name=task.name, classes=tuple(names)), notes


def _match_text(path: Path, run: RunFound, task: TaskInfo, given: Sequence[str] | None) -> TaskInfo:
    """The task, if both the run and the workspace are of language models."""
    if task.name != CAUSAL_LM:
        raise InputError(
            f"{path}: its model writes text, and this workspace is of task {task.name}; "
            f"create the workspace with --task {CAUSAL_LM}"
        )
    if not run.writes:
        raise InputError(
            f"{path}: its model writes no text (it has a head on a sequence), and this workspace is of task "
            f"{CAUSAL_LM}; create the workspace with the task that it was trained for"
        )
    if given is not None:
        raise InputError("--classes: texts have none")
    return task


def check_usable(
    checkpoint: Path,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int | None,
    one: Examples,
    n_classes: int,
) -> PreTrainedModel:
    """Load a checkpoint and run it over an example; `InputError` says why it cannot be used as it is.

    That is: it does not load, has no word embeddings or fewer than the tokenizer has tokens, has another
    number of outputs than ``n_classes``, fails on the text; or ``max_length`` has no room for two tokens.
    """
    least = 2 + tokenizer.num_special_tokens_to_add(pair=len(one.fields) > 1)
    if max_length is not None and max_length < least:
        raise InputError(f"max length {max_length}: too short for this tokenizer; use at least {least}")
    model = load_classifier(checkpoint, pad_token_id=tokenizer.pad_token_id)
    rows, tokens = embedding_layer(model).num_embeddings, max(tokenizer.get_vocab().values()) + 1
    if tokens > rows:
        raise InputError(
            f"{checkpoint}: the tokenizer has {tokens} tokens, but the model's embedding only {rows} rows; "
            "name the tokenizer it was trained with (--tokenizer)"
        )
    if task_of(model).name != CAUSAL_LM and model.config.num_labels != n_classes:
        raise InputError(f"{checkpoint}: has {model.config.num_labels} outputs, not {n_classes}, the classes")
    limit = max_input_length(tokenizer, model)
    # Twice, so that a model which cannot tell padding from text fails too.
    encoded = encode(tokenizer, one + one, min(max_length or limit, limit))
    result = attempt(lambda: predict(model, encoded, tokenizer), f"{checkpoint}: fails on a text")
    if not np.isfinite(result).all():
        raise InputError(f"{checkpoint}: its outputs are not numbers: did the training diverge?")
    return model


# -- folders ---------------------------------------------------------------------------------------


def _folders(run: Path, notes: list[str]) -> dict[int, Path]:
    """Usable checkpoint folders by step."""
    require_run(run)
    candidates = checkpoint_folders(run)
    if not candidates:
        return _single(run, notes)
    usable, defects = {}, []
    for step, folder in sorted(candidates.items()):
        defect = "it is the untrained model" if step == 0 else _defect(folder)
        if defect is None:
            usable[step] = folder
        else:
            defects.append(f"{folder.name} is left out: {defect}.")
    if not usable:
        raise InputError(f"{run}: no usable checkpoint; {defects[-1]}")
    notes += defects
    return usable


def _single(run: Path, notes: list[str]) -> dict[int, Path]:
    if defect := _defect(run):
        raise InputError(f"{run}: not a usable checkpoint; {defect}")
    notes.append(said_of_single(run))
    state = read_json(run / STATE_FILE) or {}
    named = FOLDER.fullmatch(run.name)
    step = state.get("global_step")
    if not isinstance(step, int) or step < 0:
        step = int(named[1]) if named else 0
    return {step: run}


def _defect(folder: Path) -> str | None:
    """Why a folder cannot be used as a checkpoint, or None."""
    if merge := how_to_merge(folder):
        return merge
    if is_adapter(folder):
        return adapter_defect(folder)
    if defect := doubled(folder):
        return defect
    if read_json(folder / "config.json") is None:
        return "it has no readable config.json"
    names = [_WEIGHTS]
    if not (folder / _WEIGHTS).is_file():
        weight_map = (read_json(folder / _INDEX) or {}).get("weight_map")
        if not isinstance(weight_map, dict) or not weight_map:
            pickled = any(folder.glob("pytorch_model*.bin"))
            return (
                "its weights are a pickle (.bin), convert them to safetensors"
                if pickled
                else f"it has no {_WEIGHTS}"
            )
        names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        try:
            with safe_open(folder / Path(name).name, framework="np"):
                pass
        except (OSError, SafetensorError):
            return f"{name} is missing or damaged"
    return None


# -- weights ---------------------------------------------------------------------------------------


def _weighted(
    folders: dict[int, Path],
    chosen: Sequence[int],
    log: TrainerLog,
    given: GivenSchedule | None,
    notes: list[str],
) -> list[FoundCheckpoint]:
    etas = find_etas(folders, chosen, log, given, notes)
    return [
        FoundCheckpoint(
            folders[step],
            step,
            _epoch(folders[step], step, log),
            eta.weight,
            log.mean_loss(start, step),
            eta.derived,
        )
        for start, step, eta in zip([0, *chosen[:-1]], chosen, etas, strict=True)
    ]


def _epoch(folder: Path, step: int, log: TrainerLog) -> float | None:
    epoch = (read_json(folder / STATE_FILE) or {}).get("epoch")
    return float(epoch) if isinstance(epoch, int | float) else log.epoch(step)


# -- model and tokenizer ---------------------------------------------------------------------------


def _base(folder: Path, given: str | None) -> str | None:
    """What the last checkpoint is an adapter of; `InputError` where one is named for a whole model."""
    if is_adapter(folder):
        return find_base(read_adapter(folder), given)
    if given is not None:
        raise InputError(f"--base {shown_value(given, 200)}: {folder} holds a whole model, no adapter")
    return None


_SAID_OF_TEXT = 2  # outputs: a loss, and of how many tokens


def _writes(folder: Path, base: str | None) -> bool:
    """Whether a checkpoint is a language model, or an adapter of one without a head of its own."""
    if base is None:
        config = read_json(folder / "config.json") or {}
        return writes_text(next(iter(config.get("architectures") or []), ""))
    adapter = read_adapter(folder)
    return adapter.outputs is None and is_language_model(base_config(adapter, base))


def _adapted_labels(folder: Path, base: str) -> tuple[list[str] | None, int, str | None]:
    """As `_labels`, of an adapter: names are the base's, if it has as many."""
    config: Any = base_config(read_adapter(folder), base)
    names = [str(config.id2label[index]) for index in range(config.num_labels)]
    return None if all(GENERIC.fullmatch(name) for name in names) else names, len(names), None


def _labels(folder: Path) -> tuple[list[str] | None, int, str | None]:
    """Names of the outputs (None if generic), their number, and what the model was trained for."""
    config: dict[str, Any] = read_json(folder / "config.json") or {}
    architecture = next(iter(config.get("architectures") or []), "")
    if writes_text(architecture):
        return None, _SAID_OF_TEXT, None
    if architecture and not architecture.endswith(SUFFIX):
        raise InputError(
            f"{folder}: a {architecture}; Firstword explains sequence classifiers and causal language models"
        )
    problem = config.get("problem_type")
    if problem is not None and problem not in [each.problem_type for each in all_tasks().values()]:
        raise InputError(f"{folder}: trained for {shown_value(problem)}, which Firstword does not explain")
    named = config.get("id2label")
    if named is None and "num_labels" not in config and isinstance(config.get("label2id"), dict):
        named = named_backwards(folder, config["label2id"])
    if not isinstance(named, dict):
        count = config.get("num_labels")
        return None, count if isinstance(count, int) else 2, problem
    if sorted(named) != sorted(map(str, range(len(named)))):
        raise InputError(f"{folder / 'config.json'}: id2label must number the classes from 0 without gaps")
    names = [str(named[str(index)]) for index in range(len(named))]
    generic = all(GENERIC.fullmatch(name) for name in names)
    return None if generic else names, len(names), problem


def _tokenizer(run: Path, last: Path, notes: list[str]) -> Path | None:
    for folder in (last, run):
        if any((folder / name).is_file() for name in _TOKENIZER_FILES) or python_tokenizer(folder):
            if folder != last:
                notes.append(f"{last.name} has no tokenizer; the run folder's is used.")
            return folder
    notes.append(
        "Neither the last checkpoint nor the run folder has a tokenizer: name the model it came from."
    )
    return None


def _max_length(tokenizer: Path | None, notes: list[str]) -> int | None:
    """The length that texts were cut to, which fast tokenizers save."""
    saved = (read_json(tokenizer / "tokenizer.json") or {}) if tokenizer else {}
    truncation = saved.get("truncation")
    length = truncation.get("max_length") if isinstance(truncation, dict) else None
    if isinstance(length, int) and length > 0:
        return length
    notes.append(
        "The length that texts were cut to in training is not recorded: the model's own limit applies."
    )
    return None


def _has_optimizer_state(folders: Sequence[Path], notes: list[str]) -> bool:
    without = [folder.name for folder in folders if not (folder / OPTIMIZER).is_file()]
    if without:
        notes.append(f"No optimizer state in {', '.join(without)}: scores that need it are not available.")
    return not without
