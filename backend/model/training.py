"""Fine-tuning with `transformers.Trainer`: what it writes is an ordinary Trainer run."""

import shutil
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    set_seed,
)

from backend.data.examples import Examples
from backend.data.messages import shown_bytes
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.files import replacing
from backend.manifest import TaskInfo
from backend.model.balancing import balanced
from backend.model.batching import require_equal_ends
from backend.model.checkpoints import FoundCheckpoint, find_run
from backend.model.dynamics import Dynamics
from backend.model.figures import Figures, figures_of
from backend.model.loading import attempt, input_length, load_classifier, load_tokenizer
from backend.model.long_rows import spare_memory
from backend.model.lora import KeepConfig, base_of, with_adapter
from backend.model.prediction import predict
from backend.model.quiet import quiet
from backend.model.recipe import Recipe, RecipeTrainer, TrainingContext
from backend.model.source import resolve
from backend.model.tokenization import TokenIds, encode_ids
from backend.model.tool_calls import unwritten_calls
from backend.model.trainer_arguments import trainer_arguments
from backend.model.training_callbacks import Judge, Logger, Steward
from backend.model.training_rows import TrainingRows, collator, target_numbers, training_rows
from backend.model.training_schedule import look_steps, saved_steps, total_steps
from backend.model.training_settings import TrainingSettings
from backend.model.trial import Trial
from backend.progress import Progress, silent
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_named
from backend.tasks.task import Figure

__all__ = ["TrainingResult", "TrainingSettings", "attention_of", "train"]


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to; ``losses`` are (step, mean training loss since the entry before).

    ``steps`` were made; the model is that of the last of ``checkpoints``, which is earlier where the best
    was to be found. ``measured``: its figures on the eval texts; ``doubt``: why it has hardly learnt, if so;
    ``figures``: by class, None without eval texts and where there are no classes. ``before``: ``measured`` of
    a language model that nothing was trained of. ``cut``: training rows of more tokens than are read;
    ``unlearnt``: those with no token in the loss, which were left out; ``calls``: what is to be known of
    calls of tools (`backend.model.tool_calls.unwritten_calls`).
    ``dynamics`` holds what was seen of all training texts, None where the settings want none.
    """

    run: Path
    steps: int
    seconds: float
    measured: list[Figure]
    doubt: str | None
    figures: Figures | None
    max_length: int
    checkpoints: list[FoundCheckpoint]
    losses: list[tuple[int, float]]
    dynamics: Dynamics | None
    before: list[Figure] = field(default_factory=list)
    cut: int = 0
    unlearnt: int = 0
    calls: str = ""

    @property
    def eval_accuracy(self) -> float | None:
        """Share of eval texts whose class is predicted rightly; None without any."""
        return self.figures.accuracy if self.figures else None


def _confusion(task: TaskInfo, truth: np.ndarray, outputs: np.ndarray) -> Figures | None:
    if task.name != "classification":
        return None
    return figures_of(truth.tolist(), task_named(task.name).predicted(outputs).tolist(), task.classes)


def train(
    output_dir: Path,
    *,
    model: str,
    layers: int | None,
    tokenizer: str | None = None,
    task: TaskInfo,
    training: Examples,
    evaluation: Examples | None = None,
    settings: TrainingSettings,
    recipe: Recipe | None = None,
    trial: Trial | None = None,
    progress: Progress = silent,
) -> TrainingResult:
    """Fine-tune ``model`` (hub id, folder or ``minilm``) and write the run to ``output_dir``.

    ``tokenizer``: folder or hub id, where the model does not bring its own.
    ``recipe`` changes how rows are weighed and drawn (see `backend.model.recipe`). ``trial`` refuses a model,
    before it is trained, that cannot be explained afterwards.
    Targets are texts of the ``task``. The run appears only when it is
    complete, with the checkpoints that `choose` picks. Texts without any token are not trained on.
    Deterministic given seed, precision and thread count on a CPU; a GPU adds up in varying order.
    Raises `InputError` for wrong input, too little disk space, or a loss that diverges.
    """
    if output_dir.exists():
        raise InputError(f"{output_dir}: exists already; a run needs a new folder")
    started = time.perf_counter()
    space = space_of(task)
    truth = target_numbers(space, evaluation.targets if evaluation else ())
    targets = target_numbers(space, training.targets)
    classifier, fast = _loaded(model, layers, tokenizer, task, targets, settings)
    max_length = input_length(settings.max_length, fast, classifier)
    encoded = encode_ids(fast, training, max_length)
    examples = training_rows(encoded, targets)
    require_equal_ends(classifier, encoded)
    eval_encoded = encode_ids(fast, evaluation, max_length) if evaluation else []
    if trial is not None:
        trial(deepcopy(classifier), fast, encoded, model)
    classifier, before = _begun(classifier, model, fast, task, eval_encoded, evaluation, settings)
    spare_memory(classifier, encoded, settings.batch_size)
    steps, candidates = total_steps(len(examples), settings), saved_steps(len(examples), settings)
    _require_space(output_dir, classifier, len(candidates))
    looks = look_steps(len(examples), settings)
    kind = task_named(task.name)
    logger = Logger(looks, encoded, targets, kind, fast, progress) if settings.dynamics else None
    judge = _judge(candidates, settings, eval_encoded, evaluation, task, fast) if settings.selects else None
    with replacing(output_dir.absolute()) as temporary, quiet():
        steward = Steward(candidates, steps, progress)
        followed = balanced(recipe, settings)
        trainer = _trainer(temporary, classifier, fast, examples, settings, steward, followed)
        followed.start(_context(trainer, fast, examples, task.classes, settings, steps, max_length))
        for each in (judge, logger):
            if each:
                trainer.add_callback(each)
        if settings.rank is not None:
            trainer.add_callback(KeepConfig())
        trainer.train()
        made = trainer.state.global_step
        end = judge.best if judge else made
        last = _keep_chosen(temporary, settings.checkpoints, end)
        predicted = _predicted(last, fast, eval_encoded, settings.torch_device(), progress)
    kind = task_named(task.name)
    losses = [(int(each["step"]), each["loss"]) for each in trainer.state.log_history if "loss" in each]
    return TrainingResult(
        run=output_dir,
        steps=made,
        seconds=time.perf_counter() - started,
        measured=kind.figures(space, predicted, list(evaluation.targets)) if evaluation else [],
        doubt=kind.doubt(space, predicted, list(evaluation.targets)) if evaluation else None,
        figures=_confusion(task, truth, predicted) if len(truth) else None,
        max_length=max_length,
        checkpoints=find_run(output_dir, settings.checkpoints).checkpoints,
        losses=losses,
        dynamics=logger.logged(end) if logger else None,
        before=before,
        cut=sum(each.truncated for each in encoded),
        unlearnt=len(encoded) - len(examples) if task.name == CAUSAL_LM else 0,
        calls=unwritten_calls(fast, training),
    )


def _begun(
    model: PreTrainedModel,
    name: str,
    tokenizer: PreTrainedTokenizerFast,
    task: TaskInfo,
    encoded: Sequence[TokenIds],
    evaluation: Examples | None,
    settings: TrainingSettings,
) -> tuple[PreTrainedModel, list[Figure]]:
    """The model with what is trained of it, an adapter where the settings want one; and, of a language model,
    which knows something already, its figures on eval before."""
    if task.name == CAUSAL_LM and (settings.class_weights or settings.balanced_batches):
        raise InputError(
            "class weights and balanced batches: a language model has no classes; leave them out"
        )
    if settings.rank is not None:
        if task.name != CAUSAL_LM:
            raise InputError(f"rank {settings.rank}: adapters are trained of language models only")
        set_seed(settings.seed)
        model = with_adapter(model, settings.rank, resolve(name))
    before: list[Figure] = []
    if task.name == CAUSAL_LM and evaluation is not None:
        model.to(settings.torch_device())  # type: ignore[arg-type]
        outputs = predict(model, encoded, tokenizer)
        before = task_named(task.name).figures(space_of(task), outputs, list(evaluation.targets))
    return model, before


def _loaded(
    model: str,
    layers: int | None,
    tokenizer: str | None,
    task: TaskInfo,
    targets: np.ndarray,
    settings: TrainingSettings,
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The model, its head drawn at random by the seed, and its tokenizer or the one that is named."""
    set_seed(settings.seed)
    source = resolve(model)
    fast = load_tokenizer(source if tokenizer is None else resolve(tokenizer))
    attention = attention_of(settings, task)
    if settings.rank is not None:
        source, layers = base_of(source, layers)
    classifier = load_classifier(
        source,
        task=task,
        layers=layers,
        attention=attention,
        pad_token_id=fast.pad_token_id,
        head_bias=task_named(task.name).head_bias(targets),
    )
    return classifier, fast


def attention_of(settings: TrainingSettings, task: TaskInfo) -> str | None:
    """Plain attention under bf16 on a CPU: three quarters of the time of the fused one, measured. Not for
    language models, of whose long rows it keeps too much."""
    plain = settings.bf16() and settings.torch_device().type == "cpu" and task.name != CAUSAL_LM
    return "eager" if plain else None


def _judge(
    steps: frozenset[int],
    settings: TrainingSettings,
    encoded: Sequence[TokenIds],
    evaluation: Examples | None,
    info: TaskInfo,
    tokenizer: PreTrainedTokenizerFast,
) -> Judge:
    if not encoded or evaluation is None:
        raise InputError(
            "without eval rows there is no best model to be found: leave out --best and --patience"
        )

    task, space, targets = task_named(info.name), space_of(info), list(evaluation.targets)

    def figure(model: PreTrainedModel) -> float:
        found = task.figures(space, predict(model, encoded, tokenizer), targets)
        return next(each.value for each in found if each.name == task.goes_by)

    return Judge(steps, settings.patience, figure)


def _require_space(output_dir: Path, model: PreTrainedModel, candidates: int) -> None:
    trained = [each for each in model.parameters() if each.requires_grad]
    weights = sum(tensor.numel() * tensor.element_size() for tensor in trained)
    needed = 3 * weights * candidates  # weights and the two moments of Adam
    home = next(folder for folder in output_dir.absolute().parents if folder.exists())
    free = shutil.disk_usage(home).free
    if needed > free:
        raise InputError(
            f"{home}: {shown_bytes(free)} free, but training saves {candidates} checkpoints of "
            f"{shown_bytes(needed // candidates)}; free some space or keep fewer (--checkpoints)"
        )


def _trainer(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    examples: TrainingRows,
    settings: TrainingSettings,
    steward: Steward,
    recipe: Recipe,
) -> Trainer:
    def make() -> Trainer:
        trainer = RecipeTrainer(
            recipe,
            model=model,
            args=trainer_arguments(folder, settings, steward.steps),
            data_collator=collator(model, tokenizer),
            train_dataset=examples,
            processing_class=tokenizer,
            callbacks=[steward],
        )
        trainer.create_optimizer()
        return trainer

    trainer = attempt(make, f"optimizer {settings.optimizer}: not available here")
    _try_scheduler(trainer, settings, steward.steps)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _context(
    trainer: Trainer,
    tokenizer: PreTrainedTokenizerFast,
    examples: TrainingRows,
    classes: Sequence[str],
    settings: TrainingSettings,
    steps: int,
    max_length: int,
) -> TrainingContext:
    return TrainingContext(
        model=trainer.model,  # type: ignore[arg-type]
        tokenizer=tokenizer,
        examples=examples.encoded,
        rows=np.array(examples.rows, dtype=np.int64),
        labels=examples.labels,
        classes=classes,
        batch_size=settings.batch_size,
        steps=steps,
        max_length=max_length,
        seed=settings.seed,
        device=trainer.args.device,
    )


def _try_scheduler(trainer: Trainer, settings: TrainingSettings, steps: int) -> None:
    """On an optimizer of its own: a scheduler changes the one it gets, and Trainer makes a new one."""
    dummy = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=settings.lr)
    failure = f"scheduler {settings.scheduler}: does not work with these settings"
    attempt(lambda: trainer.create_scheduler(steps, dummy), failure)


def _keep_chosen(folder: Path, count: int, end: int) -> Path:
    """Delete the checkpoints after step ``end`` and those that are not chosen; return the last one left."""
    for checkpoint in folder.glob("checkpoint-*"):
        if int(checkpoint.name.partition("-")[2]) > end:
            shutil.rmtree(checkpoint)
    chosen = [each.path for each in find_run(folder, count).checkpoints]
    for checkpoint in sorted(folder.glob("checkpoint-*")):
        if checkpoint not in chosen:
            shutil.rmtree(checkpoint)
    return chosen[-1]


def _predicted(
    checkpoint: Path,
    tokenizer: PreTrainedTokenizerFast,
    encoded: Sequence[TokenIds],
    device: torch.device,
    progress: Progress,
) -> np.ndarray:
    """Outputs, float32 (n, K), by the saved model in fp32: the trained one may be in autocast."""
    if not encoded:
        return np.empty((0, 0), dtype=np.float32)
    model = load_classifier(checkpoint)
    model.to(device)  # type: ignore[arg-type]
    return predict(model, encoded, tokenizer, progress=progress)
