"""A workspace from data to index in one go: init, train or attach, precompute; resumable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.data.columns import Columns
from backend.errors import InputError
from backend.folder import MANIFEST
from backend.model.run_folder import require_run
from backend.progress import Progress, silent
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.model.training_settings import TrainingSettings

STEPS = 3
ATTACHED = "attached"  # stands for the model until the run is attached


@dataclass(frozen=True)
class Recipe:
    """What a workspace is made of; ``run`` (a Trainer run) takes the place of training ``model``.

    ``classes``: those of the run, in its order.
    """

    train: str
    eval: str | None
    columns: Columns
    model: str = "minilm"
    layers: int | None = None
    run: Path | None = None
    base: str | None = None
    """Of a run of adapters: where their model lies, if not where they say."""
    classes: tuple[str, ...] | None = None
    max_length: int | None = None
    epochs: float | None = None
    lr: float | None = None
    batch_size: int | None = None
    seed: int = 0
    """Of the held-out share and of the training."""
    skip_bad_rows: bool = False
    skip_joined_labels: bool = False
    best: bool = False
    patience: int | None = None
    class_weights: bool = False
    balanced_batches: bool = False
    lora: bool | None = None
    """Of a language model: whether an adapter is trained, False: all weights; None: the plan says."""
    rank: int | None = None
    merge_labels: bool = False
    names: str | None = None

    def training(self) -> dict[str, Any]:
        """What was asked for, as `Workspace.planned_settings` takes it; None where the plan is to say."""
        names = ["epochs", "lr", "batch_size", "max_length", "seed"]
        names += ["best", "patience", "class_weights", "balanced_batches", "lora", "rank"]
        return {name: getattr(self, name) for name in names}


Announce = Callable[[Workspace, dict[str, Any], "TrainingSettings"], object]


def build_workspace(
    path: Path, recipe: Recipe, progress: Progress = silent, announce: Announce | None = None
) -> Workspace:
    """Do what is missing of the workspace at ``path``; a finished one is returned at once.

    ``announce`` is called before the training, with what was asked for and the settings that come of it.
    `InputError` if there is something else at ``path``, a workspace made of other data or columns included.
    """
    from backend.model.training_settings import TrainingSettings

    asked = recipe.training()
    values = {name: value for name, value in asked.items() if value is not None and name != "lora"}
    TrainingSettings(**values)  # or refuse now
    if recipe.run is not None:
        require_run(recipe.run)
    workspace = _open_or_create(path, recipe, _step(1, progress))
    if workspace.folder.state("checkpoints") == "missing":
        if recipe.run is not None:
            workspace.attach(
                recipe.run, classes=recipe.classes, max_length=recipe.max_length, base=recipe.base
            )
        else:
            settings = workspace.planned_settings(asked)
            if announce:
                announce(workspace, asked, settings)
            workspace.train(settings, _step(2, progress))
    workspace.precompute(progress=_step(3, progress))
    return workspace


def _open_or_create(path: Path, recipe: Recipe, progress: Progress) -> Workspace:
    if (path / MANIFEST).is_file():
        workspace = Workspace.open(path)
        _check_same(workspace, recipe)
        return workspace
    workspace, _ = Workspace.create(
        path,
        train=recipe.train,
        eval=recipe.eval,
        columns=recipe.columns,
        model=recipe.model if recipe.run is None else ATTACHED,
        layers=recipe.layers if recipe.run is None else None,
        max_length=recipe.max_length,
        seed=recipe.seed,
        skip_bad_rows=recipe.skip_bad_rows,
        skip_joined_labels=recipe.skip_joined_labels,
        merge_labels=recipe.merge_labels,
        names=recipe.names,
        progress=progress,
    )
    return workspace


def _check_same(workspace: Workspace, recipe: Recipe) -> None:
    """`InputError` unless an earlier call with the same data, columns and model made the workspace."""
    from backend.data.class_naming import parse_names

    manifest, columns = workspace.manifest, recipe.columns
    data, evaluation = manifest.data, recipe.train if recipe.eval is None else recipe.eval
    there = (data.sources.get("train"), data.sources.get("eval"), data.text, data.text_b, data.label, data.id)
    asked = (recipe.train, evaluation, columns.text, columns.text_b, columns.label, columns.id)
    meant = (recipe.merge_labels, parse_names(recipe.names), columns.annotator, columns.labels, columns.task)
    known = (data.merges, data.names, data.annotator, data.labels, manifest.task.name)
    loss = columns.loss if recipe.run else manifest.task.loss or "answers"  # a run says its own
    turns = (columns.form, columns.system, columns.tools, columns.loss)
    if (*there, *known, data.form, data.system, data.tools, loss) != (*asked, *meant, *turns):
        raise InputError(f"{workspace.path}: is a workspace of other data or columns; choose another name")
    model = str(recipe.run.resolve()) if recipe.run is not None else recipe.model
    if manifest.model.name not in (model, ATTACHED):
        raise InputError(
            f"{workspace.path}: was made with model {manifest.model.name!r}; another model needs another name"
        )


def _step(number: int, progress: Progress) -> Progress:
    def report(stage: str, done: int, total: int) -> None:
        progress(f"step {number} of {STEPS}, {stage}", done, total)

    return report
